//! Measurements of a run, taken at the bottleneck and at the receivers.

use core::time::Duration;

use super::flow::{Flow, Source, Way};
use super::party::Parties;
use super::scenario::Scenario;
use crate::link::{Passage, Pipe, PipeConfig};
use crate::world::World;

/// The measured results of one flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowOutcome {
    /// The number of bytes in the messages that a game passed to the sender, including refused messages. 0 for bulk and
    /// TCP flows.
    pub offered: u64,
    /// The number of bytes in the messages that arrived, or of TCP data that arrived in order.
    pub delivered: u64,
    /// The number of bytes that `delivered` counts, for each second of the run.
    pub by_second: Vec<u64>,
    /// The number of messages of a game that the sender accepted (0 for bulk and TCP flows), and of messages that arrived
    /// (for a TCP flow, of deliveries of data to the receiver).
    pub messages: (u64, u64),
    /// The number of datagrams that the sender sent, and of datagrams that it declared lost. Both are 0 for a TCP flow.
    pub datagrams: (u64, u64),
    /// The path rates that the sender's endpoint reported, in bytes per second, each with the time of the report.
    pub rates_told: Vec<(Duration, u64)>,
    /// The number of bytes of messages in the send queues of the flow's sender at the end of the run. 0 for a TCP flow.
    pub queued: u64,
}

/// The measured results of a scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The share of the forward bottleneck's capacity that was used, in thousandths.
    pub used_permille: u64,
    /// The median time that a datagram waited in the queue of the forward bottleneck, in microseconds. This field, the
    /// percentile and the maximum omit dropped datagrams.
    pub queue_p50_us: u64,
    /// The 95th percentile of the time that a datagram waited in the queue of the forward bottleneck, in microseconds.
    pub queue_p95_us: u64,
    /// The longest time that a datagram waited in the queue of the forward bottleneck, in microseconds.
    pub queue_max_us: u64,
    /// The number of datagrams dropped because the forward queue was full.
    pub dropped: u64,
    /// The number of datagrams that passed the forward bottleneck.
    pub passed: u64,
    /// The results of each flow, in the order of the scenario.
    pub flows: Vec<FlowOutcome>,
    /// Jain's fairness index of the bytes that the forward flows delivered, in thousandths, measured while all forward
    /// flows send. The measurement omits the first 5 s after a forward flow starts or resumes.
    pub jain_permille: u64,
    /// The share of the bytes of all forward flows that flows other than TCP delivered, in thousandths, measured at the
    /// same times as [`Self::jain_permille`]. `None` if no forward flow is a TCP flow.
    pub share_permille: Option<u64>,
    /// The hash of every datagram, time and event of the run.
    pub trace_hash: u64,
}

/// Computes Jain's fairness index of `shares`, in thousandths: 1,000 if all shares are equal. Returns 0 if all shares
/// are 0, or if there are none.
#[must_use]
pub fn jain(shares: &[u64]) -> u64 {
    let sum: u128 = shares.iter().map(|&share| u128::from(share)).sum();
    let squares: u128 = shares.iter().map(|&share| u128::from(share).pow(2)).sum();
    u64::try_from((sum * sum * 1000).checked_div(squares * shares.len() as u128).unwrap_or(0)).unwrap_or(0)
}

/// The time in seconds that new flows have to reach their shares before the measurement begins.
const SETTLING: u64 = 5;

pub(super) fn outcome(scenario: &Scenario, world: &World<Parties>) -> Outcome {
    let pipe = world.pipe(0);
    let passages = pipe.map(Pipe::passages).unwrap_or_default();
    let end_us = scenario.duration.as_micros() as u64;
    let bytes: u64 =
        passages.iter().filter(|passed| passed.left_us <= end_us).map(|passed| passed.bytes).sum();
    let capacity = capacity(&scenario.forward, end_us).max(1);
    let mut waits: Vec<u64> = passages.iter().map(|passed: &Passage| passed.waited_us).collect();
    waits.sort_unstable();
    let quantile = |percent: usize| waits.get(waits.len() * percent / 100).copied().unwrap_or(0);
    let flows: Vec<FlowOutcome> = (0..scenario.flows.len()).map(|flow| flow_outcome(world, flow)).collect();
    Outcome {
        used_permille: bytes * 1000 / capacity,
        queue_p50_us: quantile(50),
        queue_p95_us: quantile(95),
        queue_max_us: waits.last().copied().unwrap_or(0),
        dropped: pipe.map_or(0, Pipe::dropped),
        passed: passages.len() as u64,
        jain_permille: jain(&shares(scenario, &flows)),
        share_permille: share_beside_tcp(scenario, &shares(scenario, &flows)),
        trace_hash: world.trace().hash(),
        flows,
    }
}

fn flow_outcome(world: &World<Parties>, flow: usize) -> FlowOutcome {
    let account = &world.application().accounts[flow];
    let stats = world.host(2 * flow).and_then(|host| host.stats(account.connection?));
    FlowOutcome {
        offered: account.offered,
        delivered: account.delivered.iter().sum(),
        by_second: account.delivered.clone(),
        messages: account.messages,
        rates_told: account.rates_told.clone(),
        datagrams: stats.map_or((0, 0), |stats| (stats.datagrams_sent, stats.datagrams_lost)),
        queued: stats.map_or(0, |stats| stats.queued_bytes),
    }
}

/// Returns the bytes that each forward flow received while all forward flows had data to send.
fn shares(scenario: &Scenario, flows: &[FlowOutcome]) -> Vec<u64> {
    let forward = || scenario.flows.iter().filter(|flow| flow.way == Way::Forward);
    let from = forward().map(|flow| flow.from.as_secs()).max().unwrap_or(0) + SETTLING;
    let until = forward().map(|flow| flow.until).min().unwrap_or_default().min(scenario.duration).as_secs();
    let is_shared = |second: u64| {
        let at = Duration::from_secs(second);
        let after = Duration::from_secs(SETTLING);
        forward().all(|flow| flow.pause.is_none_or(|(from, until)| !(from..until + after).contains(&at)))
    };
    scenario
        .flows
        .iter()
        .zip(flows)
        .filter(|(flow, _)| flow.way == Way::Forward)
        .map(|(_, outcome)| {
            let seconds = (from..until).filter(|&second| is_shared(second));
            seconds.filter_map(|second| outcome.by_second.get(second as usize)).sum()
        })
        .collect()
}

/// Returns the part of all `shares` that flows other than TCP delivered, in thousandths, or `None` without a TCP flow.
fn share_beside_tcp(scenario: &Scenario, shares: &[u64]) -> Option<u64> {
    let forward = scenario.flows.iter().filter(|flow| flow.way == Way::Forward);
    let (tcp, ours): (Vec<_>, Vec<_>) = forward
        .zip(shares)
        .partition(|(flow, _)| matches!(flow.source, Source::Tcp | Source::ShortTcp { .. }));
    let sum = |flows: &[(&Flow, &u64)]| flows.iter().map(|(_, share)| **share).sum::<u64>();
    let all = sum(&tcp) + sum(&ours);
    (!tcp.is_empty()).then(|| sum(&ours) * 1000 / all.max(1))
}

/// Returns the number of bytes that pass a bottleneck from the start of the run until `end_us`.
pub(super) fn capacity(pipe: &PipeConfig, end_us: u64) -> u64 {
    match pipe {
        PipeConfig::Rate { bytes_per_second, .. } => bytes_per_second * end_us / 1_000_000,
        PipeConfig::Trace { trace, .. } => trace.bytes_until(end_us),
        PipeConfig::Shaped { rates, .. } => {
            let ends = rates.iter().skip(1).map(|(from, _)| from.as_micros() as u64).chain([u64::MAX]);
            let stretch = |((from, rate), until): (&(Duration, u64), u64)| {
                until.min(end_us).saturating_sub(from.as_micros() as u64) * rate / 1_000_000
            };
            rates.iter().zip(ends).map(stretch).sum()
        }
    }
}
