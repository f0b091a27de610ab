//! Token buckets in a table of fixed size, for an unlimited number of keys.
//!
//! A key has one bucket in each of [`ROWS`] rows, at places that a keyed digest chooses, and the fullest of them counts
//! (a count-min sketch with conservative update). Keys in use limit another key only if they fill all four of its
//! places: with 500 keys and 2,048 buckets in a row, other keys limit one key in 400 in this way.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::crypto::{HandshakeCrypto, Secret};
use crate::time::{Instant, Span};
use crate::token_bucket::TokenBucket;

/// The number of buckets of one key. The fullest bucket counts.
const ROWS: usize = 4;

/// The positions of the buckets of one key: the position in the first row, and the distance to the position in each next
/// row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BucketPlaces(NonZeroU32);

impl BucketPlaces {
    pub(super) const fn new(first: u16, step: u16) -> Self {
        match NonZeroU32::new((step as u32) << 16 | first as u32) {
            Some(places) => Self(places),
            None => Self(NonZeroU32::MIN),
        }
    }
}

/// The buckets of many keys.
pub(crate) struct Buckets {
    secret: Secret,
    /// The time in which one token refills, in microseconds.
    interval_us: u64,
    /// The number of tokens in a full bucket.
    burst: u32,
    /// The number of buckets in a row.
    width: u16,
    /// The buckets of all rows, row by row. Empty until a token is taken.
    rows: Vec<TokenBucket>,
}

impl Buckets {
    /// Creates buckets of `burst` tokens, of which one refills every `interval`, with `width` buckets in each row. `secret`
    /// determines the positions of keys.
    pub(crate) fn new(interval: Span, burst: u32, width: u16, secret: Secret) -> Self {
        let burst = burst.min(MOST_TOKENS);
        Self { secret, interval_us: interval.as_micros().max(1), burst, width, rows: Vec::new() }
    }

    /// Creates buckets of `burst` tokens, of which `per_second` refill each second.
    pub(crate) fn per_second(per_second: u32, burst: u32, width: u16, secret: Secret) -> Self {
        let interval = Span::from_micros(SECOND_US / u64::from(per_second.max(1)));
        Self::new(interval, burst, width, secret)
    }

    /// Returns the positions of the buckets of `key`.
    pub(crate) fn places(&self, provider: &dyn HandshakeCrypto, key: &[u8]) -> BucketPlaces {
        let [a, b, c, d, ..] = provider.digest(&self.secret, &[key]);
        BucketPlaces::new(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
    }

    /// Returns the number of tokens that were taken from a full bucket and have not refilled yet.
    pub(crate) fn taken(&self, now: Instant, places: &BucketPlaces) -> u32 {
        let now = self.step(now);
        let missing = self.indexes(places).map(|index| self.missing_ns(now, index)).min().unwrap_or(0);
        u32::try_from(missing / self.interval_ns()).unwrap_or(u32::MAX).min(self.burst)
    }

    /// Returns `true` if `tokens` may be taken.
    pub(crate) fn has(&self, now: Instant, places: &BucketPlaces, tokens: u32) -> bool {
        self.taken(now, places).saturating_add(tokens) <= self.burst
    }

    /// Takes `tokens`, or all tokens if fewer are left.
    pub(crate) fn charge(&mut self, now: Instant, places: &BucketPlaces, tokens: u32) {
        self.make();
        let taken = self.taken(now, places).saturating_add(tokens).min(self.burst);
        let missing = u64::from(taken).saturating_mul(self.interval_ns());
        let now = self.step(now);
        for index in self.indexes(places) {
            if let Some(bucket) = self.rows.get_mut(index)
                && bucket.missing_ns(now) < missing
            {
                bucket.set_missing_ns(now, missing);
            }
        }
    }

    /// Allocates the memory of the buckets, unless it was allocated earlier.
    pub(super) fn make(&mut self) {
        if self.rows.is_empty() {
            self.rows = alloc::vec![TokenBucket::new(); ROWS * usize::from(self.width)];
        }
    }

    fn missing_ns(&self, now: Instant, index: usize) -> u64 {
        self.rows.get(index).map_or(0, |bucket| bucket.missing_ns(now))
    }

    /// Rounds `now` to a whole interval, so that only whole tokens are missing.
    const fn step(&self, now: Instant) -> Instant {
        Instant::saturating_from_micros(now.as_micros() - now.as_micros() % self.interval_us)
    }

    const fn interval_ns(&self) -> u64 {
        self.interval_us.saturating_mul(1000)
    }

    fn indexes(&self, places: &BucketPlaces) -> impl Iterator<Item = usize> + use<> {
        let width = usize::from(self.width.max(1));
        let (first, step) = ((places.0.get() & 0xffff) as usize, (places.0.get() >> 16) as usize);
        (0..ROWS).map(move |row| row * width + (first + row * step) % width)
    }
}

const SECOND_US: u64 = 1_000_000;
/// The largest number of tokens in a bucket.
const MOST_TOKENS: u32 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;

    fn buckets(per_second: u32, burst: u32, width: u16) -> Buckets {
        Buckets::per_second(per_second, burst, width, [1; 32].into())
    }

    impl Buckets {
        fn take(&mut self, now: Instant, places: &BucketPlaces, tokens: u32) -> bool {
            let has = self.has(now, places, tokens);
            if has {
                self.charge(now, places, tokens);
            }
            has
        }
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn a_rate_limited_key_gets_its_burst_immediately_and_then_its_rate() {
        let mut buckets = buckets(10, 20, 64);
        let places = buckets.places(&RustCrypto, b"key");
        assert_eq!((0..50).filter(|_| buckets.take(at(5_000), &places, 1)).count(), 20);
        assert!(!buckets.take(at(5_099), &places, 1));
        assert!(buckets.take(at(5_100), &places, 1));
        assert!(!buckets.take(at(5_100), &places, 1));
        let later = (0..1000).filter(|step| buckets.take(at(5_100 + step * 10), &places, 1));
        assert_eq!(later.count(), 99);
        assert_eq!(buckets.taken(at(60_000), &places), 0);
    }

    #[test]
    fn many_tokens_taken_together_are_refilled_at_the_rate_of_single_tokens() {
        let mut buckets = buckets(10, 20, 64);
        let places = buckets.places(&RustCrypto, b"key");
        assert!(buckets.take(at(0), &places, 16) && !buckets.take(at(0), &places, 8));
        assert!(!buckets.take(at(399), &places, 8) && buckets.take(at(400), &places, 8));
        buckets.charge(at(400), &places, 100);
        assert_eq!(buckets.taken(at(400), &places), 20);
    }

    #[test]
    fn a_hundred_exhausted_keys_limit_at_most_three_percent_of_the_remaining_keys() {
        let mut buckets = buckets(1, 4, 256);
        let greedy: Vec<BucketPlaces> =
            (0..100u8).map(|number| buckets.places(&RustCrypto, &[b'g', number])).collect();
        for places in &greedy {
            while buckets.take(at(0), places, 1) {}
        }
        let others = (0..1000u16).map(|number| buckets.places(&RustCrypto, &number.to_le_bytes()));
        let limited = others.filter(|places| buckets.taken(at(0), places) > 0).count();
        assert!(limited <= 30, "{limited} of 1000");
    }

    #[test]
    fn the_bucket_indexes_of_a_rate_limited_key_depend_on_the_secret_of_the_table() {
        let indexes = |seed| {
            let buckets = Buckets::per_second(1, 1, 7, [seed; 32].into());
            let places = buckets.places(&RustCrypto, b"key");
            buckets.indexes(&places).collect::<Vec<_>>()
        };
        assert_ne!(indexes(1), indexes(2));
        assert_eq!(indexes(1).iter().map(|index| index / 7).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_refill_rate_above_one_token_per_microsecond_loses_no_tokens() {
        let mut buckets = buckets(u32::MAX, u32::MAX, 8);
        let places = buckets.places(&RustCrypto, b"key");
        assert!((0..10_000).all(|_| buckets.take(at(1), &places, 1)));
        assert_eq!(buckets.taken(at(60_000), &places), 0);
    }
}
