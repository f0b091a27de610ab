//! The bytes in flight that a game needs when it sends less than the window allows.

use super::filter::RecentMost;
use super::rate::bytes_in;
use crate::time::Instant;

/// The time, in µs, for which a measured demand is valid, or two RTTs if they take longer.
const DEMAND_US: u64 = 1_000_000;
/// The largest jitter, in µs, that raises a game's demand. With a larger limit, a real queue would grow as long.
const DEMAND_JITTER_MOST_US: u64 = 100_000;
/// The longest tick, in microseconds.
const DEMAND_TICK_US: u64 = 50_000;
/// The window of the longest excess and of the greatest arrival rate, in µs.
const EXCESS_WINDOW_US: u64 = 2_000_000;
const ARRIVALS_WINDOW_US: u64 = 600_000;

/// The demand of a game: the bytes that arrive in one RTT plus jitter and a tick.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    /// The longest recent excess over the least delay, and the greatest recent arrival rate.
    longest_excess: RecentMost,
    best_arrivals: RecentMost,
    /// The latest measured demand in bytes, and the time until which it is valid.
    bytes: u64,
    until: Instant,
}

impl Demand {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            longest_excess: RecentMost::new(now),
            best_arrivals: RecentMost::new(now),
            bytes: 0,
            until: now,
        }
    }

    /// Records a delay that exceeds the least delay by `excess_us`, and the arrival rate in bytes per second.
    pub(super) fn observe(&mut self, now: Instant, excess_us: u64, arrival_rate: u64) {
        self.longest_excess.insert(now, EXCESS_WINDOW_US, excess_us);
        self.best_arrivals.insert(now, ARRIVALS_WINDOW_US, arrival_rate);
    }

    /// Measures the bytes that an RTT of `round_trip_us` needs. `smoothed_us` is the smoothed RTT.
    pub(super) fn measure(&mut self, now: Instant, round_trip_us: u64, smoothed_us: u64) {
        let jitter = self.longest_excess.get().min(DEMAND_JITTER_MOST_US);
        let time = round_trip_us.saturating_add(jitter).saturating_add(DEMAND_TICK_US);
        self.bytes = bytes_in(self.best_arrivals.get(), time);
        self.until = now.plus_micros(DEMAND_US.max(smoothed_us.saturating_mul(2)));
    }

    /// Returns the demand in bytes, or 0 if no recent measurement exists.
    pub(super) fn at(&self, now: Instant) -> u64 {
        if now < self.until { self.bytes } else { 0 }
    }
}
