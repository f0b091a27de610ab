//! Token buckets, which limit a rate but allow bursts, by the generic cell rate algorithm (ITU-T I.371).

use core::num::NonZeroU64;

use crate::time::{Duration, Instant};

/// The rate at which a token bucket refills, and the capacity of the bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    per_second: u32,
    /// The time that an empty bucket takes to fill, in nanoseconds.
    burst_ns: u64,
}

impl Rate {
    /// Creates a rate of `per_second` tokens a second. A `per_second` of 0 is raised to 1. The capacity is the number
    /// of tokens that refill within `burst`.
    #[must_use]
    pub const fn per_second(per_second: u32, burst: Duration) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second };
        Self { per_second, burst_ns: nanos(burst) }
    }

    /// Returns the time that `tokens` tokens take to refill, in nanoseconds.
    const fn price(&self, tokens: u32) -> u64 {
        SECOND_NS.saturating_mul(tokens as u64) / self.per_second as u64
    }
}

/// A token bucket, which refills at a steady rate. The bucket reads no clock. A clock that runs backwards only
/// delays the refill.
///
/// ```
/// use tickwire_core::token_bucket::{Rate, TokenBucket};
/// use tickwire_core::{Duration, Instant};
///
/// let rate = Rate::per_second(10, Duration::from_secs(2));
/// let mut bucket = TokenBucket::new();
/// assert_eq!((0..100).filter(|_| bucket.take(rate, Instant::ZERO, 1)).count(), 20);
/// assert!(bucket.take(rate, Instant::ZERO + Duration::from_millis(100), 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TokenBucket {
    /// The time at which the bucket is full again, in nanoseconds modulo 2^64. `None` until a token is taken.
    full_at: Option<NonZeroU64>,
}

impl TokenBucket {
    /// Creates a full bucket.
    #[must_use]
    pub const fn new() -> Self {
        Self { full_at: None }
    }

    /// Takes `tokens` if the bucket contains at least this number, and returns whether the tokens were taken. A request for
    /// more tokens than the capacity takes all tokens of a full bucket.
    pub fn take(&mut self, rate: Rate, now: Instant, tokens: u32) -> bool {
        let missing = self.missing_ns(now).saturating_add(rate.price(tokens).min(rate.burst_ns));
        let is_there = missing <= rate.burst_ns;
        if is_there {
            self.set_missing_ns(now, missing);
        }
        is_there
    }

    /// Takes `tokens` if the bucket is not empty, even if it contains fewer tokens, and returns whether the tokens were
    /// taken. If the bucket contained fewer tokens, it stays empty until the missing tokens have refilled.
    pub fn overdraw(&mut self, rate: Rate, now: Instant, tokens: u32) -> bool {
        let missing = self.missing_ns(now);
        let is_there = missing < rate.burst_ns;
        if is_there {
            self.set_missing_ns(now, missing.saturating_add(rate.price(tokens)));
        }
        is_there
    }

    /// Returns the time until the bucket is full. A caller can compare buckets of different rates by this time.
    #[must_use]
    pub fn time_to_full(&self, now: Instant) -> Duration {
        Duration::from_nanos(self.missing_ns(now))
    }

    /// Takes tokens until the bucket needs at least `time_to_full` to be full again. If the bucket already needs
    /// longer, the call has no effect.
    pub fn drain(&mut self, now: Instant, time_to_full: Duration) {
        let missing = nanos(time_to_full);
        if self.missing_ns(now) < missing {
            self.set_missing_ns(now, missing);
        }
    }

    /// Returns [`TokenBucket::time_to_full`] in nanoseconds.
    pub(crate) fn missing_ns(&self, now: Instant) -> u64 {
        // The difference counts as negative from 2^63 on: that is 292 years ago.
        let ahead = self.full_at.map_or(0, |full_at| full_at.get().wrapping_sub(wrapped_ns(now)));
        ahead.cast_signed().max(0).cast_unsigned()
    }

    /// Sets the time until the bucket is full again to `missing_ns` nanoseconds.
    pub(crate) fn set_missing_ns(&mut self, now: Instant, missing_ns: u64) {
        let full_at = wrapped_ns(now).wrapping_add(missing_ns.min(LONGEST_NS));
        self.full_at = NonZeroU64::new(full_at).or(Some(NonZeroU64::MAX));
    }
}

const SECOND_NS: u64 = 1_000_000_000;
const LONGEST_NS: u64 = i64::MAX.cast_unsigned();

const fn nanos(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(SECOND_NS);
    whole.saturating_add(duration.subsec_nanos() as u64)
}

const fn wrapped_ns(now: Instant) -> u64 {
    now.as_micros().wrapping_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::per_second(10, Duration::from_secs(4));
    const START: Instant = Instant::ZERO;

    #[test]
    fn a_token_bucket_refuses_a_demand_above_its_current_tokens() {
        let rate = Rate::per_second(100, Duration::from_secs(1));
        let (mut bucket, mut now) = (TokenBucket::new(), START);
        assert!(bucket.take(rate, now, 60) && bucket.take(rate, now, 40) && !bucket.take(rate, now, 1));
        now += Duration::from_millis(500);
        assert!(!bucket.take(rate, now, 51) && bucket.take(rate, now, 50) && !bucket.take(rate, now, 1));
        now += Duration::from_secs(9);
        // More than there can be costs all there is.
        assert!(bucket.take(rate, now, 1_000) && !bucket.take(rate, now, 1));
    }

    #[test]
    fn a_full_token_bucket_grants_its_burst_immediately() {
        let mut bucket = TokenBucket::new();
        assert_eq!((0..100).filter(|_| bucket.overdraw(RATE, START, 1)).count(), 40);
        let mut later = |millis| bucket.overdraw(RATE, START + Duration::from_millis(millis), 1);
        assert!(later(1) && !later(99) && later(101) && !later(102));
        let ten_seconds = (0..10_000).filter(|millis| later(1000 + millis)).count();
        assert!((99..=110).contains(&ten_seconds), "{ten_seconds}");
    }

    #[test]
    fn an_overdrawn_token_bucket_refuses_demands_until_its_debt_is_refilled() {
        let mut bucket = TokenBucket::new();
        assert!(bucket.overdraw(RATE, START, 1000));
        assert!(!bucket.overdraw(RATE, START + Duration::from_secs(95), 1));
        assert!(bucket.overdraw(RATE, START + Duration::from_secs(97), 1));
    }

    #[test]
    fn draining_a_token_bucket_never_adds_tokens() {
        let mut bucket = TokenBucket::new();
        bucket.drain(START, Duration::ZERO);
        assert_eq!(bucket, TokenBucket::new());
        bucket.drain(START, Duration::from_secs(3));
        bucket.drain(START, Duration::from_secs(2));
        assert_eq!(bucket.time_to_full(START + Duration::from_secs(1)), Duration::from_secs(2));
        assert_eq!((0..100).filter(|_| bucket.take(RATE, START, 1)).count(), 10);
        bucket.drain(START, Duration::MAX);
        assert!(!bucket.overdraw(RATE, START + Duration::from_secs(1 << 30), 1));
        assert_eq!(TokenBucket::new().time_to_full(START), Duration::ZERO);
    }

    #[test]
    fn a_token_bucket_does_not_overflow_at_any_instant_or_rate() {
        let largest = Rate::per_second(u32::MAX, Duration::MAX);
        let smallest = Rate::per_second(0, Duration::ZERO);
        let places = [0, 1 << 53, 1 << 54, (1 << 62) - 1_000_000, 1 << 62];
        for now in places.map(|micros| Instant::from_micros(micros).unwrap()) {
            let mut bucket = TokenBucket::new();
            assert_eq!((0..100).filter(|_| bucket.take(RATE, now, 1)).count(), 40, "at {now:?}");
            assert!(TokenBucket::new().take(largest, now, u32::MAX), "at {now:?}");
            assert!(!TokenBucket::new().overdraw(smallest, now, 1), "at {now:?}");
        }
    }
}
