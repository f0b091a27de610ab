//! Conversion of a recording to drawn curves: rates, envelopes and sums over stretches of time.

use super::chart::At;
use crate::link::Passage;
use crate::paths::{Recording, Sample, Scenario, Source, Way};

/// Flows that are drawn as one curve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Strand {
    pub(super) label: String,
    pub(super) class: String,
    pub(super) flows: Vec<usize>,
    pub(super) is_forward: bool,
    /// `true` if the sender can be sampled. Repeated short transfers have no common window.
    pub(super) is_single: bool,
}

/// The number of colours on the page.
const COLOURS: usize = 6;

/// Returns one strand per flow, except that all short TCP transfers form one strand.
pub(super) fn strands(scenario: &Scenario) -> Vec<Strand> {
    let mut strands: Vec<Strand> = Vec::new();
    let mut numbered = 0;
    for (index, flow) in scenario.flows.iter().enumerate() {
        let is_short = matches!(flow.source, Source::ShortTcp { .. });
        if is_short && let Some(strand) = strands.iter_mut().find(|strand| !strand.is_single) {
            strand.flows.push(index);
            continue;
        }
        let what = match flow.source {
            Source::Bulk => "flow",
            Source::Game { .. } | Source::Ticks { .. } => "game",
            Source::Cooperative { .. } => "game that keeps to its send budget",
            Source::Tcp => "TCP",
            Source::ShortTcp { .. } => "short TCP transfers",
        };
        let is_tcp = matches!(flow.source, Source::Tcp | Source::ShortTcp { .. });
        numbered += usize::from(!is_tcp);
        let number = if is_tcp { String::new() } else { format!(" {numbered}") };
        let is_forward = flow.way == Way::Forward;
        let way = if is_forward { "" } else { ", the other way" };
        let back = if is_forward { "" } else { " back" };
        strands.push(Strand {
            label: format!("{what}{number}{way}"),
            class: format!("f{}{back}", strands.len() % COLOURS),
            flows: vec![index],
            is_forward,
            is_single: !is_short,
        });
    }
    if let [only] = strands.as_mut_slice() {
        only.label = only.label.trim_end_matches(" 1").to_owned();
    }
    strands
}

/// Returns the number of slices in one interval, so that the recording has about `stretches` intervals.
fn slices_per(recording: &Recording, stretches: usize) -> usize {
    recording.slices().div_ceil(stretches.max(1)).max(1)
}

fn every_us(recording: &Recording) -> u64 {
    recording.every.as_micros() as u64
}

/// Returns the sum of each interval with its start time, and the length of an interval in microseconds.
fn sums(recording: &Recording, values: &[u64], stretches: usize) -> (Vec<At>, u64) {
    let slices = slices_per(recording, stretches);
    let length = every_us(recording) * slices as u64;
    let stretch = |(index, values): (usize, &[u64])| (index as u64 * length, values.iter().sum());
    (values.chunks(slices).enumerate().map(stretch).collect(), length)
}

/// Converts bytes per slice to bytes per second in intervals, each with its start time. The function omits a last
/// interval of less than half the usual length, because its rate is inaccurate.
fn rates(recording: &Recording, values: &[u64], stretches: usize) -> Vec<At> {
    let slices = slices_per(recording, stretches);
    let every = every_us(recording);
    let (sums, _) = sums(recording, values, stretches);
    let lengths = values.chunks(slices).map(<[u64]>::len);
    let long_enough = sums.into_iter().zip(lengths).filter(|(_, length)| length * 2 >= slices);
    let rate = |((from, sum), length): (At, usize)| {
        (from, sum.saturating_mul(1_000_000) / (length as u64 * every).max(1))
    };
    long_enough.map(rate).collect()
}

/// Returns the rate that could have passed, in bytes per second: every change if the rate changes rarely, and otherwise
/// the mean of each interval.
pub(super) fn capacity(recording: &Recording, stretches: usize) -> Vec<At> {
    let mut exact = rates(recording, &recording.capacity, recording.slices());
    exact.dedup_by_key(|(_, rate)| *rate);
    if exact.len() <= SELDOM { exact } else { rates(recording, &recording.capacity, stretches) }
}

/// The largest number of changes of the capacity that are drawn one by one.
const SELDOM: usize = 20;

/// Returns the rate that the given flows received together, in bytes per second, at the middle of each interval.
pub(super) fn delivery(recording: &Recording, flows: &[usize], stretches: usize) -> Vec<At> {
    let got = |slice: usize| flows.iter().map(|&flow| recording.flows[flow][slice].received).sum();
    let values: Vec<u64> = (0..recording.slices()).map(got).collect();
    let half = every_us(recording) * slices_per(recording, stretches) as u64 / 2;
    rates(recording, &values, stretches).into_iter().map(|(from, rate)| (from + half, rate)).collect()
}

/// Returns the value of a quantity of one flow at the end of each slice.
pub(super) fn gauge(
    recording: &Recording,
    flow: usize,
    read: impl Fn(&Sample) -> Option<u64>,
) -> Vec<(u64, Option<u64>)> {
    let every = every_us(recording);
    let samples = recording.flows[flow].iter().enumerate();
    samples.map(|(slice, sample)| ((slice as u64 + 1) * every, read(sample))).collect()
}

/// Returns the number of datagrams that all senders declared lost, for each bar.
pub(super) fn lost(recording: &Recording, bars: usize) -> (Vec<At>, u64) {
    let lost = |slice: usize| recording.flows.iter().map(|samples| samples[slice].lost).sum();
    let values: Vec<u64> = (0..recording.slices()).map(lost).collect();
    sums(recording, &values, bars)
}

/// Returns the number of datagrams dropped because the queue was full, for each bar.
pub(super) fn dropped(recording: &Recording, bars: usize) -> (Vec<At>, u64) {
    sums(recording, &recording.dropped, bars)
}

/// Returns the number of passed datagrams whose queueing delay is long enough for a mark, for each bar.
pub(super) fn marked(recording: &Recording, bars: usize) -> (Vec<At>, u64) {
    let every = every_us(recording);
    let mut values = vec![0; recording.slices()];
    for passed in recording.passages.iter().filter(|passed| passed.marked) {
        if let Some(value) = values.get_mut((passed.came_us / every) as usize) {
            *value += 1;
        }
    }
    sums(recording, &values, bars)
}

/// The queueing delays of the datagrams that arrived in one interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Waits {
    pub(super) from_us: u64,
    pub(super) median_us: u64,
    pub(super) longest_us: u64,
}

/// Returns the queueing delays in `stretches` intervals until `end_us`. An interval without arrivals has delays of
/// zero.
pub(super) fn waits(passages: &[Passage], end_us: u64, stretches: u64) -> Vec<Waits> {
    let mut by_stretch: Vec<Vec<u64>> = vec![Vec::new(); stretches as usize];
    for passed in passages.iter().filter(|passed| passed.came_us < end_us) {
        let stretch = u128::from(passed.came_us) * u128::from(stretches) / u128::from(end_us.max(1));
        by_stretch[stretch as usize].push(passed.waited_us);
    }
    let waits = |(stretch, mut waits): (usize, Vec<u64>)| {
        waits.sort_unstable();
        Waits {
            from_us: stretch as u64 * end_us / stretches,
            median_us: waits.get(waits.len() / 2).copied().unwrap_or(0),
            longest_us: waits.last().copied().unwrap_or(0),
        }
    };
    by_stretch.into_iter().enumerate().map(waits).collect()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::paths::{Flow, rfc8867};

    fn recording(received: &[u64]) -> Recording {
        let sample = |&received: &u64| Sample { received, lost: received / 100, ..Sample::default() };
        Recording {
            every: Duration::from_millis(100),
            flows: vec![received.iter().map(sample).collect(); 2],
            capacity: vec![1000; received.len()],
            dropped: vec![1; received.len()],
            passages: Vec::new(),
        }
    }

    #[test]
    fn a_report_gives_rates_per_second_even_for_a_shorter_final_interval() {
        let recording = recording(&[100, 300, 200, 400, 700]);
        assert_eq!(delivery(&recording, &[0, 1], 3), [(100_000, 4000), (300_000, 6000), (500_000, 14_000)]);
        assert_eq!(capacity(&recording, 3), [(0, 10_000)]);
        assert_eq!(lost(&recording, 3), (vec![(0, 8), (200_000, 12), (400_000, 14)], 200_000));
    }

    #[test]
    fn each_queueing_delay_is_counted_in_the_interval_in_which_it_began() {
        let passage =
            |came_us, waited_us| Passage { came_us, left_us: 0, waited_us, bytes: 1, marked: false };
        let passages = [passage(0, 5), passage(40, 9), passage(49, 7), passage(99, 1), passage(100, 50)];
        let waits = waits(&passages, 100, 2);
        assert_eq!(waits[0], Waits { from_us: 0, median_us: 7, longest_us: 9 });
        assert_eq!(waits[1], Waits { from_us: 50, median_us: 1, longest_us: 1 });
    }

    #[test]
    fn all_short_transfers_share_one_curve_of_a_chart() {
        let strands = strands(&rfc8867::short_tcp());
        let labels: Vec<&str> = strands.iter().map(|strand| strand.label.as_str()).collect();
        assert_eq!(labels, ["flow 1", "flow 2", "short TCP transfers"]);
        assert_eq!(strands[2].flows.len(), 10);
        let scenario = rfc8867::two_flows().flows(vec![Flow::bulk()]);
        assert_eq!(super::strands(&scenario)[0].label, "flow");
    }
}
