//! The time that acknowledgements wait on the return path, and the bytes that must have arrived at the peer meanwhile.

use super::Waiting;
use super::arrival_rate::ArrivalRate;
use super::filter::{RecentLeast, RecentMost};
use crate::time::{Instant, Span};

/// The window, in µs, whose shortest return path counts as an empty return path.
const BASE_WINDOW_US: u64 = 10_000_000;
/// The largest drift of the clocks in [`BASE_WINDOW_US`], in µs, at 500 ppm. Drift is no wait.
const DRIFT_US: i64 = 5_000;
/// The window of the longest wait, in µs, because a wait can recur within this time.
const LONGEST_WINDOW_US: u64 = 2_000_000;

/// A wait that exceeds the longest possible wait by this much, in µs, shows that a clock jumped.
pub(super) const CLOCK_JUMP_US: i64 = 100_000;

/// The measurement of one acknowledgement, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    /// The time at which the newest acknowledged packet was sent.
    pub(super) sent_at: Instant,
    pub(super) rtt: i64,
    /// The one-way delay of that packet to the peer, plus an unknown constant.
    pub(super) there: i64,
}

impl Trip {
    /// Returns the delay of the return path, minus the unknown constant of `there`.
    pub(super) const fn back(&self) -> i64 {
        self.rtt.saturating_sub(self.there)
    }

    /// Returns the time at which the packet arrived, on a clock of any epoch.
    pub(super) const fn arrived_us(&self) -> i64 {
        self.sent_at.as_micros().cast_signed().saturating_add(self.there)
    }
}

/// Tracks the delay of the return path of one path.
#[derive(Clone, Debug)]
pub(super) struct WayBack {
    /// The shortest recent delay of the return path, minus a constant.
    shortest: RecentLeast,
    /// The latest delay of the return path, the longest possible wait of its acknowledgement, and the actual wait.
    latest: i64,
    latest_most: i64,
    wait_us: u64,
    /// The least RTT so far, in microseconds. The waits of both directions together are at most the excess of the RTT over
    /// it.
    least_rtt: i64,
    /// The arrival time of the latest acknowledgement.
    came_at: Instant,
    /// The longest recent wait, in microseconds.
    longest: RecentMost,
    arrivals: ArrivalRate,
}

impl WayBack {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            shortest: RecentLeast::new(now),
            latest: 0,
            latest_most: 0,
            wait_us: 0,
            least_rtt: i64::MAX,
            came_at: now,
            longest: RecentMost::new(now),
            arrivals: ArrivalRate::default(),
        }
    }

    /// Records that `bytes` were acknowledged. [`WayBack::observe`] follows, for this acknowledgement or a later one.
    pub(super) const fn on_acked(&mut self, bytes: u64) {
        self.arrivals.add(bytes);
    }

    /// Processes a measurement. Returns by how many microseconds the shortest return path is longer than assumed so far, or
    /// a negative number if it is shorter. This part of the wait counts as path delay from now on.
    pub(super) fn observe(&mut self, now: Instant, trip: &Trip) -> i64 {
        self.least_rtt = self.least_rtt.min(trip.rtt);
        self.arrivals.measure(trip.arrived_us());
        let (back, most) = (trip.back(), self.longest_possible(trip.rtt));
        let before = self.shortest.get();
        self.shortest.insert(now, BASE_WINDOW_US, back);
        let shortest = self.shortest.get().unwrap_or(back);
        let longer = match before {
            Some(before) if before != shortest => self.waited(before).saturating_sub(self.waited(shortest)),
            _ => 0,
        };
        (self.latest, self.latest_most, self.came_at) = (back, most, now);
        if back.saturating_sub(shortest) > most.saturating_add(CLOCK_JUMP_US) {
            self.on_clock_jump(now, back.saturating_sub(most));
        }
        self.wait_us = self.waited(self.shortest.get().unwrap_or(back)).unsigned_abs();
        if self.wait_us > 0 || self.longest.get() > 0 {
            self.longest.insert(now, LONGEST_WINDOW_US, self.wait_us);
        }
        longer
    }

    /// Returns the wait of the latest acknowledgement, if `shortest` is the delay of the empty return path.
    fn waited(&self, shortest: i64) -> i64 {
        self.latest.saturating_sub(shortest.saturating_add(DRIFT_US)).min(self.latest_most).max(0)
    }

    /// Returns the longest possible wait of both directions together, in an RTT of `rtt`.
    pub(super) const fn longest_possible(&self, rtt: i64) -> i64 {
        rtt.saturating_sub(self.least_rtt)
    }

    /// Handles a jump of a clock. By the new clocks, `shortest` is the delay of the return path.
    pub(super) fn on_clock_jump(&mut self, now: Instant, shortest: i64) {
        self.shortest = RecentLeast::new(now);
        self.shortest.insert(now, BASE_WINDOW_US, shortest);
        self.arrivals.forget();
    }

    /// Returns the wait of the latest acknowledgement, in microseconds.
    pub(super) const fn wait_us(&self) -> u64 {
        self.wait_us
    }

    /// Returns the longest recent wait of an acknowledgement, in microseconds.
    pub(super) fn longest_us(&self) -> u64 {
        self.longest.get()
    }

    /// Returns the rate at which bytes arrive at the peer, in bytes per second, or 0 if the rate is unknown.
    pub(super) const fn arrival_rate(&self) -> u64 {
        self.arrivals.get()
    }

    /// Returns the low bits of the number of acknowledged bytes.
    pub(super) const fn arrived(&self) -> u32 {
        self.arrivals.bytes()
    }

    /// Drops all measurements of the arrival rate.
    pub(super) const fn forget_arrivals(&mut self) {
        self.arrivals.forget();
    }

    /// Returns the packets that must have arrived, provided that no acknowledgement waits for longer than `most_us`
    /// microseconds.
    pub(super) fn waiting(&self, most_us: u64) -> Waiting {
        let rate = self.arrivals.get();
        if rate == 0 || self.longest_us() == 0 {
            return Waiting::default();
        }
        let limited = |wait_us: u64| Span::from_micros(wait_us.min(most_us));
        Waiting {
            bytes_per_second: rate,
            since: self.came_at - limited(self.wait_us()),
            until: self.came_at + limited(self.longest_us()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_millis(ms)
    }

    /// Acknowledges a packet at `ms`. Each direction takes 50 ms plus a wait of `there` or `back` milliseconds. The
    /// receiver's clock is ahead by `ahead` microseconds.
    fn acknowledge(way_back: &mut WayBack, ms: u64, ahead: i64, there: i64, back: i64) -> i64 {
        let rtt = (100 + there + back) * 1000;
        let sent_at = at(ms) - Span::from_micros(rtt.unsigned_abs());
        way_back.on_acked(1000);
        way_back.observe(at(ms), &Trip { sent_at, rtt, there: (50 + there) * 1000 + ahead })
    }

    #[test]
    fn return_path_delay_is_distinguished_from_forward_delay_at_any_clock_offset() {
        for ahead in [-7_000_000_000, 0, 3_000_000] {
            let mut way_back = WayBack::new(at(0));
            acknowledge(&mut way_back, 1000, ahead, 0, 0);
            for (round, (there, back)) in [(0, 45), (300, 0), (200, 255), (5, 6)].into_iter().enumerate() {
                assert_eq!(acknowledge(&mut way_back, 2000 + 500 * round as u64, ahead, there, back), 0);
                assert_eq!(way_back.wait_us(), (back.unsigned_abs() * 1000).saturating_sub(5000));
            }
            assert_eq!(way_back.longest_us(), 250_000);
        }
    }

    #[test]
    fn clock_drift_of_500_ppm_is_not_mistaken_for_a_return_path_delay() {
        for skew in [-500, 500] {
            let mut way_back = WayBack::new(at(0));
            for ms in (0..60_000).step_by(10) {
                acknowledge(&mut way_back, ms, ms as i64 * 1000 * skew / 1_000_000, 300, 0);
                assert_eq!(way_back.wait_us(), 0, "{skew} {ms}");
            }
        }
    }

    #[test]
    fn a_return_path_delay_that_lasts_ten_seconds_counts_as_base_delay() {
        let mut way_back = WayBack::new(at(0));
        let mut distance = 0;
        for ms in (0..40_000).step_by(10) {
            let wait = if (1000..30_000).contains(&ms) { 200 } else { 0 };
            distance += acknowledge(&mut way_back, ms, 0, 0, wait);
            match ms {
                1000..6000 => assert_eq!((distance, way_back.wait_us()), (0, 195_000), "{ms}"),
                12_000..30_000 => assert_eq!((distance, way_back.wait_us()), (195_000, 0), "{ms}"),
                30_000.. => assert_eq!((distance, way_back.wait_us()), (0, 0), "{ms}"),
                _ => {}
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_raises_the_return_path_delay_by_at_most_the_growth_of_the_rtt() {
        let mut way_back = WayBack::new(at(0));
        for ms in (0..30_000).step_by(10) {
            let ahead = if ms < 5000 { 0 } else { -3_000_000 };
            let longer = acknowledge(&mut way_back, ms, ahead, 20, if ms == 0 { 0 } else { 10 });
            assert!(way_back.wait_us() <= 10_000, "{ms}: {}", way_back.wait_us());
            assert!(longer.abs() <= 10_000, "{ms}: {longer}");
        }
    }

    #[test]
    fn the_estimate_of_arrivals_stops_growing_when_no_ack_can_still_wait_on_the_return_path() {
        let mut way_back = WayBack::new(at(0));
        for ms in (0..1000).step_by(10) {
            acknowledge(&mut way_back, ms, 0, 0, 0);
        }
        assert_eq!(way_back.waiting(u64::MAX).bytes(at(5000)), 0, "nothing waits");
        for ms in (1000..2000).step_by(10) {
            acknowledge(&mut way_back, ms, 0, 0, 85);
        }
        let waiting = way_back.waiting(u64::MAX);
        assert_eq!(waiting.bytes(at(1990)), 8_000);
        assert_eq!(waiting.bytes(at(2020)), 11_000);
        assert_eq!(waiting.bytes(at(5000)), 16_000);
        assert_eq!(way_back.waiting(30_000).bytes(at(5000)), 6_000);
        way_back.forget_arrivals();
        assert_eq!(way_back.waiting(u64::MAX).bytes(at(5000)), 0);
    }
}
