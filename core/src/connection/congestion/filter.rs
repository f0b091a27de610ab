//! The minimum or maximum of recent values, in two buckets. An insertion drops values older than 1.5 windows.

use crate::time::Instant;

/// The least recent value. Values of at least half a window count, and no value older than 1.5 windows counts after an
/// insertion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecentLeast {
    current: i64,
    previous: i64,
    since: Instant,
}

impl RecentLeast {
    /// Creates a filter without a value.
    pub(crate) const fn new(now: Instant) -> Self {
        Self { current: i64::MAX, previous: i64::MAX, since: now }
    }

    /// Adds a value, and drops values older than 1.5 times `window_us`. Values older than half of `window_us` may be dropped
    /// too.
    pub(crate) fn insert(&mut self, now: Instant, window_us: u64, value: i64) {
        let age_us = now.as_micros().saturating_sub(self.since.as_micros());
        if age_us >= window_us / 2 {
            self.previous = if age_us >= window_us { i64::MAX } else { self.current };
            self.current = i64::MAX;
            self.since = now;
        }
        self.current = self.current.min(value);
    }

    /// Returns the least value, or `None` if the filter has no value.
    pub(crate) fn get(&self) -> Option<i64> {
        let least = self.current.min(self.previous);
        (least != i64::MAX).then_some(least)
    }
}

/// The greatest recent value. Values of at least half a window count, and no value older than 1.5 windows counts after an
/// insertion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecentMost(RecentLeast);

impl RecentMost {
    /// Creates a filter without a value.
    pub(crate) const fn new(now: Instant) -> Self {
        Self(RecentLeast::new(now))
    }

    /// Adds a value, and drops values older than 1.5 times `window_us`. Values older than half of `window_us` may be dropped
    /// too.
    pub(crate) fn insert(&mut self, now: Instant, window_us: u64, value: u64) {
        self.0.insert(now, window_us, 0i64.saturating_sub_unsigned(value));
    }

    /// Returns the greatest value, or 0 if the filter has no value.
    pub(crate) fn get(&self) -> u64 {
        self.0.get().map_or(0, i64::unsigned_abs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const WINDOW: u64 = 10_000_000;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn a_windowed_minimum_is_kept_for_at_least_half_a_window_and_at_most_a_whole_window() {
        for first in 0..5 {
            let mut least = RecentLeast::new(at(0));
            for second in 0..40 {
                least.insert(at(second), WINDOW, if second == first { 1 } else { 9 });
                if (first..first + 5).contains(&second) {
                    assert_eq!(least.get(), Some(1), "{first} {second}");
                } else if second >= first + 10 {
                    assert_eq!(least.get(), Some(9), "{first} {second}");
                }
            }
        }
    }

    #[test]
    fn after_a_silence_of_a_whole_window_the_minimum_is_the_newest_sample() {
        let mut least = RecentLeast::new(at(0));
        least.insert(at(0), WINDOW, 1);
        least.insert(at(100), WINDOW, 5);
        assert_eq!(least.get(), Some(5));
    }

    #[test]
    fn a_windowed_maximum_is_kept_for_at_least_half_a_window_and_at_most_a_whole_window() {
        let mut most = RecentMost::new(at(0));
        assert_eq!(most.get(), 0);
        for second in 0..40 {
            most.insert(at(second), WINDOW, if second == 3 { 9 } else { 1 });
            if (3..8).contains(&second) {
                assert_eq!(most.get(), 9, "{second}");
            } else if second >= 13 {
                assert_eq!(most.get(), 1, "{second}");
            }
        }
    }
}
