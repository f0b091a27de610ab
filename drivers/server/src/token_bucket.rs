//! A rate with a burst: the generic cell rate algorithm, as one instant.

use std::time::{Duration, Instant};

/// Tokens that come back at a steady rate, up to a burst. It reads no clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TokenBucket {
    /// When everything taken so far has come back; none while nothing was taken.
    full_at: Option<Instant>,
}

/// How fast tokens come back, and how many there are at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rate {
    /// Tokens per second, 1 at least.
    pub(crate) per_second: u32,
    /// The burst, in time: as many tokens as come back within it.
    pub(crate) burst: Duration,
}

impl TokenBucket {
    /// Has everything come back at `at` at the earliest.
    pub(crate) fn owes_until(&mut self, at: Instant) {
        self.full_at = Some(self.full_at.map_or(at, |full_at| full_at.max(at)));
    }

    /// When everything taken so far has come back; none while nothing was taken.
    pub(crate) const fn full_at(self) -> Option<Instant> {
        self.full_at
    }

    /// Takes `tokens` at `now`, if one is there. The last one may be overdrawn, so that no single demand is larger than what
    /// the bucket ever holds; what is overdrawn has to come back first.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant, tokens: u32) -> bool {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        if full_at.saturating_duration_since(now) >= rate.burst {
            return false;
        }
        let price = Duration::from_secs(1).saturating_mul(tokens) / rate.per_second.max(1);
        self.full_at = Some(full_at + price);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: Duration::from_secs(4) };

    #[test]
    fn a_burst_is_there_at_once_and_comes_back_at_the_rate() {
        let (start, mut bucket) = (Instant::now(), TokenBucket::default());
        assert_eq!((0..100).filter(|_| bucket.take(RATE, start, 1)).count(), 40);
        let mut later = |millis| bucket.take(RATE, start + Duration::from_millis(millis), 1);
        assert!(later(1) && !later(99) && later(101) && !later(102));
        let ten_seconds = (0..10_000).filter(|millis| later(1000 + millis)).count();
        assert!((99..=110).contains(&ten_seconds), "{ten_seconds}");
    }

    #[test]
    fn one_large_demand_is_met_and_paid_back_before_the_next() {
        let (start, mut bucket) = (Instant::now(), TokenBucket::default());
        assert!(bucket.take(RATE, start, 1000));
        assert!(!bucket.take(RATE, start + Duration::from_secs(95), 1));
        assert!(bucket.take(RATE, start + Duration::from_secs(97), 1));
    }
}
