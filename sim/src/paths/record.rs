//! Samples of a run, taken from the outside, so that they do not change the run.

use core::time::Duration;
use std::cell::RefCell;
use std::rc::Rc;

use tickwire_core::{ConnectionId, Endpoint, Instant};

use super::flow::Source;
use super::measure::capacity;
use super::party::{Parties, Party, PartyEvent};
use super::scenario::Scenario;
use crate::checker::{Checker, Datagram, Violation};
use crate::link::{Passage, Pipe};
use crate::world::World;

/// The state of one flow at the end of a time slice, and the flow's traffic in the slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sample {
    /// The number of bytes in datagrams that arrived at the flow's receiver in the slice.
    pub received: u64,
    /// The number of datagrams that the flow's sender declared lost in the slice; always 0 for a TCP flow.
    pub lost: u64,
    /// The smoothed round-trip time at the end of the slice. `None` before the first RTT sample.
    pub rtt: Option<Duration>,
    /// The congestion window at the end of the slice, in bytes. `None` before the first RTT sample, or if the
    /// window is unlimited.
    pub window: Option<u64>,
    /// The path rate that the sender's endpoint estimates at the end of the slice, in bytes per second. `None` for a
    /// TCP flow, before the first RTT sample, or if the rate is unlimited.
    pub rate: Option<u64>,
    /// The send budget for one second: the number of bytes that a game can send in one second without a queue. `None`
    /// for bulk and TCP flows, before the first RTT sample, or if the budget is unlimited.
    pub grant: Option<u64>,
}

/// The samples of a run, in time slices of equal length. Only the final slice may be shorter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recording {
    /// The length of each time slice except the final slice, which may be shorter.
    pub every: Duration,
    /// The samples of each flow, in the order of the flows and then of the slices.
    pub flows: Vec<Vec<Sample>>,
    /// The number of bytes that could have passed the forward bottleneck, for each slice.
    pub capacity: Vec<u64>,
    /// The number of datagrams dropped because the forward queue was full, for each slice.
    pub dropped: Vec<u64>,
    /// The records of all datagrams that passed the forward bottleneck.
    pub passages: Vec<Passage>,
}

impl Recording {
    /// Returns the number of time slices.
    #[must_use]
    pub const fn slices(&self) -> usize {
        self.capacity.len()
    }
}

/// Runs a world to its end, and records the samples.
pub(super) fn record(
    scenario: &Scenario,
    world: &mut World<Parties>,
    every: Duration,
) -> Result<Recording, Violation> {
    let every = every.max(Duration::from_millis(1));
    let flows = scenario.flows.len();
    let arrivals = Rc::new(RefCell::new(vec![0; flows]));
    world.check(Arrivals(Rc::clone(&arrivals)));
    let mut recording = Recording {
        every,
        flows: vec![Vec::new(); flows],
        capacity: Vec::new(),
        dropped: Vec::new(),
        passages: Vec::new(),
    };
    let (mut dropped, mut passable, mut lost) = (0, 0, vec![0; flows]);
    let mut until = Duration::ZERO;
    while until < scenario.duration {
        until = (until + every).min(scenario.duration);
        world.run_until(Instant::ZERO + until)?;
        for (flow, samples) in recording.flows.iter_mut().enumerate() {
            let (mut sample, lost_by_now) = sample(scenario, world, flow);
            sample.received = core::mem::take(&mut arrivals.borrow_mut()[flow]);
            // Packets that were late, and not lost, are taken back.
            sample.lost = lost_by_now.saturating_sub(core::mem::replace(&mut lost[flow], lost_by_now));
            samples.push(sample);
        }
        let dropped_by_now = world.pipe(0).map_or(0, Pipe::dropped);
        recording.dropped.push(dropped_by_now - core::mem::replace(&mut dropped, dropped_by_now));
        let passable_by_now = capacity(&scenario.forward, until.as_micros() as u64);
        recording.capacity.push(passable_by_now - core::mem::replace(&mut passable, passable_by_now));
    }
    recording.passages = world.pipe(0).map(Pipe::passages).unwrap_or_default().to_vec();
    Ok(recording)
}

/// Returns a sample of a flow's sender, and the number of datagrams that the sender has declared lost so far.
fn sample(scenario: &Scenario, world: &World<Parties>, flow: usize) -> (Sample, u64) {
    match world.host(2 * flow) {
        Some(Party::Endpoint(endpoint)) => {
            let connection = world.application().accounts[flow].connection;
            let source = scenario.flows[flow].source;
            connection.map(|connection| of_endpoint(endpoint, connection, source)).unwrap_or_default()
        }
        Some(Party::TcpSender(sender)) => {
            let rtt = Some(sender.rtt()).filter(|rtt| !rtt.is_zero());
            let window = rtt.map(|_| sender.window());
            (Sample { rtt, window, ..Sample::default() }, 0)
        }
        Some(Party::TcpReceiver(_)) | None => (Sample::default(), 0),
    }
}

fn of_endpoint(endpoint: &Endpoint, connection: ConnectionId, source: Source) -> (Sample, u64) {
    let Some(stats) = endpoint.stats(connection).filter(|stats| stats.rtt_least.is_some()) else {
        return (Sample::default(), 0);
    };
    let adapts = matches!(source, Source::Game { .. } | Source::Ticks { .. } | Source::Cooperative { .. });
    let limited = |bytes: u64| Some(bytes).filter(|&bytes| bytes != u64::MAX);
    let sample = Sample {
        rtt: Some(stats.rtt),
        window: limited(stats.congestion_window),
        rate: limited(stats.rate),
        grant: limited(endpoint.grant(connection, Duration::from_secs(1))).filter(|_| adapts),
        ..Sample::default()
    };
    (sample, stats.datagrams_lost)
}

/// Counts the bytes that arrive at the receivers, which are the nodes with odd numbers.
struct Arrivals(Rc<RefCell<Vec<u64>>>);

impl Checker<PartyEvent> for Arrivals {
    fn name(&self) -> &'static str {
        "arrivals"
    }

    fn delivered(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        if datagram.node % 2 == 1
            && let Some(bytes) = self.0.borrow_mut().get_mut(datagram.node / 2)
        {
            *bytes += datagram.bytes.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::{Flow, rfc8867};

    fn short() -> Scenario {
        let flows = vec![Flow::bulk(), Flow::of(Source::Tcp).from(1), Flow::bulk().backward()];
        let mut scenario = rfc8867::two_flows().flows(flows).backward(rfc8867::kilobits(&[(0, 1000)]));
        scenario.duration = Duration::from_millis(5250);
        scenario
    }

    #[test]
    fn recording_a_run_does_not_change_its_outcome() {
        let scenario = short().loss(50_000);
        let alone = scenario.play(7).unwrap();
        for every in [Duration::from_millis(1), Duration::from_millis(100), Duration::from_secs(60)] {
            let (outcome, _) = scenario.record(7, every).unwrap();
            assert_eq!(outcome.trace_hash, alone.trace_hash);
            assert_eq!(outcome.flows, alone.flows);
        }
        assert_ne!(scenario.play(8).unwrap().trace_hash, alone.trace_hash);
    }

    #[test]
    fn the_samples_of_a_recording_include_every_delivered_byte_and_every_drop_of_the_run() {
        let scenario = short();
        let (outcome, recording) = scenario.record(1, Duration::from_millis(100)).unwrap();
        assert_eq!(recording.slices(), 53);
        assert!(recording.flows.iter().all(|samples| samples.len() == 53));
        assert_eq!(recording.capacity.iter().sum::<u64>(), 250_000 * 5250 / 1000);
        assert_eq!(recording.dropped.iter().sum::<u64>(), outcome.dropped);
        assert_eq!(recording.passages.len() as u64, outcome.passed);
        for (samples, flow) in recording.flows.iter().zip(&outcome.flows) {
            let received: u64 = samples.iter().map(|sample| sample.received).sum();
            // Headers, acknowledgements and what is only part of a message come on top.
            assert!(received >= flow.delivered && flow.delivered > 0, "{received} of {flow:?}");
            assert!(samples.iter().map(|sample| sample.lost).sum::<u64>() >= flow.datagrams.1);
        }
    }
}
