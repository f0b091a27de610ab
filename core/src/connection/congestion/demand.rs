//! The bytes in flight that a game needs when it sends less than the window allows.

use super::filter::RecentMost;
use super::rate::bytes_in;
use crate::time::Instant;

/// A measured demand of a game holds for this long, or for two round trips.
const DEMAND_US: u64 = 1_000_000;
/// More jitter than this does not raise a game's demand, or a real queue would grow as long.
const DEMAND_JITTER_MOST_US: u64 = 100_000;
/// The longest tick, in microseconds.
const DEMAND_TICK_US: u64 = 50_000;
/// The windows of the longest excess and of the greatest rate of arrivals.
const EXCESS_WINDOW_US: u64 = 2_000_000;
const ARRIVALS_WINDOW_US: u64 = 600_000;

/// The demand of a game: the bytes that arrive in a round trip with jitter and a tick.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    /// The greatest excess over the least delay, and the greatest rate of arrivals, of the last moments.
    longest_excess: RecentMost,
    best_arrivals: RecentMost,
    /// The bytes of the last measurement, and until when it holds.
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

    /// A delay was `excess_us` longer than the least, and packets arrive at `arrival_rate` bytes per second.
    pub(super) fn observe(&mut self, now: Instant, excess_us: u64, arrival_rate: u64) {
        self.longest_excess.insert(now, EXCESS_WINDOW_US, excess_us);
        self.best_arrivals.insert(now, ARRIVALS_WINDOW_US, arrival_rate);
    }

    /// Measures what a round trip of `round_trip_us` needs; the smoothed one takes `smoothed_us`.
    pub(super) fn measure(&mut self, now: Instant, round_trip_us: u64, smoothed_us: u64) {
        let jitter = self.longest_excess.get().min(DEMAND_JITTER_MOST_US);
        let time = round_trip_us.saturating_add(jitter).saturating_add(DEMAND_TICK_US);
        self.bytes = bytes_in(self.best_arrivals.get(), time);
        self.until = now.plus_micros(DEMAND_US.max(smoothed_us.saturating_mul(2)));
    }

    /// The demand in bytes, or none if it was not measured recently.
    pub(super) fn at(&self, now: Instant) -> u64 {
        if now < self.until { self.bytes } else { 0 }
    }
}
