//! The part of the delay that the path adds without a queue. Datagrams are collected on the path and arrive closer together
//! than they were sent.

use crate::time::Instant;

/// The length of the intervals over which steep falls of the delay are counted, in µs.
const INTERVAL_US: u32 = 300_000;
/// The number of recent intervals of which all but one must agree.
const INTERVALS: usize = 6;
/// The number of first intervals of which all must agree.
const INTERVALS_LEAST: u8 = 2;
/// The largest difference between two delays that is counted, in µs.
const STEP_MOST_US: u64 = 10_000_000;
/// The largest fall of the delay that is counted, in µs.
const FALL_MOST_US: i64 = 500_000;
/// The largest allowance, in µs. Nobody plays with more jitter.
const ALLOWANCE_MOST_US: u64 = 200_000;
/// The unit in which an interval stores its measurements, in µs.
const UNIT_US: u32 = 16;
/// The increase of the allowance, in per cent, for each per cent of the time in which the delay falls.
const PER_PERCENT: u64 = 60;
/// The largest allowance, in per cent of the fall.
const TIMES_MOST: u64 = 1000;

/// The newest packet that an ACK acknowledges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The time at which the packet was sent, in microseconds.
    pub(super) sent_us: i64,
    /// The time at which the packet arrived, in microseconds of a clock of any epoch.
    pub(super) arrived_us: i64,
    /// The low bits of the number of bytes that were acknowledged by then.
    pub(super) bytes: u32,
}

/// The low bits of an [`Arrival`]. Every connection stores one.
#[derive(Clone, Copy, Debug)]
struct Last {
    sent_us: u32,
    arrived_us: u32,
    bytes: u32,
}

/// The measurements of one interval, in units of [`UNIT_US`].
#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    /// The longest steep fall of the delay.
    longest: u16,
    /// The time during which packets with steeply falling delays were sent.
    falling: u16,
}

/// Measures the jitter of one path.
///
/// A queue in front of a bottleneck delivers packets at the rate of that bottleneck. While the queue drains, its delay
/// falls slowly: packets arrive closer together than they left, but never faster than the bottleneck serves them. Jitter
/// that keeps the order differs: one late packet delays the packets behind it, and then all of them arrive at once. The
/// delay falls by the time between their departures. A fall therefore counts as steep if packets arrive more than twice
/// as fast as they left, and faster than the arrival rate explains.
#[derive(Clone, Debug)]
pub(super) struct Jitter {
    last: Option<Last>,
    /// The mean difference between the delays of consecutive acknowledgements, in sixteenths of a microsecond.
    difference: u32,
    /// The size of the current steep fall of the delay, minus half of its duration, in µs.
    fall_us: u32,
    /// The low bits of the time at which the newest interval began, in µs.
    since_us: u32,
    /// The number of complete intervals that are stored.
    complete: u8,
    /// The stored intervals, newest first.
    intervals: [Interval; INTERVALS],
    allowance_us: u32,
}

impl Jitter {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            last: None,
            difference: 0,
            fall_us: 0,
            since_us: now.as_micros() as u32,
            complete: 0,
            intervals: [Interval { longest: 0, falling: 0 }; INTERVALS],
            allowance_us: 0,
        }
    }

    /// Processes an acknowledgement. `rate` is the arrival rate in bytes per second, or 0 if the rate is unknown.
    pub(super) fn observe(&mut self, now: Instant, arrival: Arrival, rate: u64) {
        let Arrival { sent_us, arrived_us, bytes } = arrival;
        let (sent_us, arrived_us) = (sent_us as u32, arrived_us as u32);
        let Some(last) = self.last.replace(Last { sent_us, arrived_us, bytes }) else { return };
        let sent = sent_us.wrapping_sub(last.sent_us);
        // Less than nothing where the packet overtook the one before.
        let arrived = arrived_us.wrapping_sub(last.arrived_us).cast_signed();
        let step = i64::from(arrived).abs_diff(i64::from(sent));
        self.difference =
            (self.difference - self.difference / 16).saturating_add(step.min(STEP_MOST_US) as u32);
        let bytes = u64::from(bytes.wrapping_sub(last.bytes));
        let Some(takes) = (bytes * 1_000_000).checked_div(rate) else {
            self.since_us = now.as_micros() as u32;
            return;
        };
        self.end_interval(now);
        self.fall(sent, takes, arrived.max(0).unsigned_abs());
    }

    /// Processes packets that left within `sent` microseconds and arrived within `arrived` microseconds. At the arrival
    /// rate they would take `takes` microseconds.
    fn fall(&mut self, sent: u32, takes: u64, arrived: u32) {
        let explained = i64::from(sent / 2).saturating_add(i64::from(arrived));
        let steep = takes.min(u64::from(sent)).cast_signed() - explained;
        self.fall_us = (i64::from(self.fall_us) + steep).clamp(0, FALL_MOST_US) as u32;
        let [newest, ..] = &mut self.intervals;
        newest.longest = newest.longest.max(units(self.fall_us));
        if steep > 0 {
            newest.falling = newest.falling.saturating_add(units(sent));
        }
    }

    /// Begins a new interval if the newest one is over, and computes the allowance again.
    fn end_interval(&mut self, now: Instant) {
        let now_us = now.as_micros() as u32;
        if now_us.wrapping_sub(self.since_us) < INTERVAL_US {
            return;
        }
        self.since_us = now_us;
        self.complete = (self.complete + 1).min(INTERVALS as u8);
        let (mut least, mut next, mut falling) = (u16::MAX, u16::MAX, 0);
        for interval in self.intervals.iter().take(usize::from(self.complete)) {
            next = next.min(interval.longest.max(least));
            least = least.min(interval.longest);
            falling += u64::from(interval.falling);
        }
        let agreed = match self.complete {
            ..INTERVALS_LEAST => 0,
            complete if usize::from(complete) < INTERVALS => least,
            _ => next,
        };
        let percent =
            falling * 100 * u64::from(UNIT_US) / (u64::from(self.complete) * u64::from(INTERVAL_US));
        let times = (100 + PER_PERCENT * percent).min(TIMES_MOST);
        let allowance_us = u64::from(agreed) * u64::from(UNIT_US) * times / 100;
        self.allowance_us = allowance_us.min(ALLOWANCE_MOST_US) as u32;
        self.intervals.rotate_right(1);
        self.intervals[0] = Interval::default();
    }

    /// Returns the mean difference between the delays of consecutive acknowledgements, in microseconds.
    pub(super) fn difference_us(&self) -> u64 {
        u64::from(self.difference / 16)
    }

    /// Returns the excess over the least delay that is jitter and not a queue, in microseconds.
    pub(super) fn allowance_us(&self) -> u64 {
        u64::from(self.allowance_us)
    }
}

fn units(us: u32) -> u16 {
    u16::try_from(us / UNIT_US).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const DATAGRAM: u32 = 1200;

    /// A jitter measurement that acknowledges one datagram after another. Each has a send time and a delay in microseconds.
    struct Acked {
        jitter: Jitter,
        bytes: u32,
        rate: u64,
    }

    impl Acked {
        fn new(rate: u64) -> Self {
            Self { jitter: Jitter::new(Instant::ZERO), bytes: 0, rate }
        }

        fn datagram(&mut self, sent_us: u64, delay_us: u64) -> u64 {
            self.bytes = self.bytes.wrapping_add(DATAGRAM);
            let now = Instant::ZERO + Span::from_micros(sent_us + delay_us + 20_000);
            let arrived_us = (sent_us + delay_us).cast_signed() - 77_000_000_000;
            let arrival = Arrival { sent_us: sent_us.cast_signed(), arrived_us, bytes: self.bytes };
            self.jitter.observe(now, arrival, self.rate);
            self.jitter.allowance_us()
        }

        /// Sends a datagram every 10 ms from `from` to `until` milliseconds. The path delivers them together every `every`
        /// milliseconds.
        fn bunched(&mut self, from: u64, until: u64, every: u64) -> u64 {
            let sent = (from..until).step_by(10);
            sent.map(|ms| self.datagram(ms * 1000, (ms.next_multiple_of(every) - ms) * 1000))
                .last()
                .unwrap_or(0)
        }
    }

    #[test]
    fn the_jitter_allowance_of_a_bursty_path_is_at_least_half_the_time_between_two_bursts() {
        for every in [50, 100, 200] {
            let allowed = Acked::new(120_000).bunched(0, 4000, every);
            assert!((every * 1000 / 2..=ALLOWANCE_MOST_US).contains(&allowed), "{every} ms: {allowed}");
        }
    }

    #[test]
    fn jitter_is_measured_within_the_first_second_of_a_connection() {
        assert!(Acked::new(120_000).bunched(0, 1000, 100) > 0);
    }

    #[test]
    fn the_jitter_allowance_falls_to_zero_two_seconds_after_jitter_ends() {
        let mut acked = Acked::new(120_000);
        assert!(acked.bunched(0, 4000, 100) > 0);
        assert_eq!(acked.bunched(4000, 6500, 10), 0);
    }

    #[test]
    fn a_single_stall_is_not_mistaken_for_jitter() {
        let mut acked = Acked::new(120_000);
        acked.bunched(0, 3000, 10);
        acked.bunched(3000, 3200, 200);
        for ms in (3200..8000).step_by(10) {
            assert_eq!(acked.datagram(ms * 1000, 0), 0, "{ms}");
        }
    }

    /// A bottleneck that passes a datagram each 10 ms. The sender sends a quarter more for a second, then half as much.
    #[test]
    fn a_queue_that_fills_and_drains_is_not_mistaken_for_jitter() {
        let mut acked = Acked::new(120_000);
        let (mut now_us, mut idle_at) = (0, 0);
        while now_us < 20_000_000 {
            now_us += if now_us % 2_000_000 < 1_000_000 { 8_000 } else { 20_000 };
            idle_at = now_us.max(idle_at) + 10_000;
            assert_eq!(acked.datagram(now_us, idle_at - now_us), 0, "{now_us}");
        }
    }

    #[test]
    fn no_jitter_is_measured_for_a_sender_that_lets_its_queue_drain_between_bursts() {
        let mut acked = Acked::new(120_000);
        let mut idle_at = 0;
        for burst in 0..100 {
            let sent_us = burst * 200_000;
            for _ in 0..20 {
                idle_at = sent_us.max(idle_at) + 10_000;
                assert_eq!(acked.datagram(sent_us, idle_at - sent_us), 0, "{burst}");
            }
        }
    }

    #[test]
    fn clocks_that_drift_or_jump_are_not_mistaken_for_jitter() {
        let mut acked = Acked::new(120_000);
        for packet in 0..3000 {
            let jump = if packet < 1000 { 5_000_000 } else { 0 };
            assert_eq!(acked.datagram(packet * 10_000, 100_000 + jump + packet * 5), 0, "{packet}");
        }
    }

    #[test]
    fn the_average_delay_difference_of_a_path_with_alternating_delays_is_exact_to_100_us() {
        let mut acked = Acked::new(0);
        for packet in 0..1000 {
            acked.datagram(packet * 10_000, packet % 2 * 5_000);
        }
        assert!(acked.jitter.difference_us().abs_diff(5_000) < 100, "{}", acked.jitter.difference_us());
    }
}
