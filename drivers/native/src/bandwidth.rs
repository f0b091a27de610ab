//! Limits on what is sent: token buckets in whole bytes.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::Instant;

/// Bytes per second, UDP payloads counted, IP and UDP headers not.
pub(crate) type Rate = NonZeroU32;

/// A bucket that fills at a rate, and may be overdrawn by what was begun.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// Millionths of bytes, so that no fraction is lost however often it is asked.
    credit: i64,
    filled_at: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, credit: 0, filled_at: now }
    }

    /// Whether anything may be sent at `now`.
    pub(crate) fn has_credit(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.credit > 0
    }

    /// Notes that `bytes` were sent.
    pub(crate) fn spend(&mut self, bytes: u64) {
        let spent = i64::try_from(bytes.saturating_mul(MILLION)).unwrap_or(i64::MAX);
        self.credit = self.credit.saturating_sub(spent);
    }

    /// Bytes that may be sent now; negative while overdrawn.
    pub(crate) fn credit(&self) -> i64 {
        self.credit / MILLION as i64
    }

    /// When something may be sent again.
    pub(crate) fn ready_at(&self) -> Instant {
        if self.credit > 0 {
            return self.filled_at;
        }
        let missing = self.credit.unsigned_abs().saturating_add(1);
        self.filled_at + Duration::from_micros(missing.div_ceil(u64::from(self.rate.get())))
    }

    fn fill(&mut self, now: Instant) {
        let micros = now.saturating_since(self.filled_at).as_micros();
        let rate = u128::from(self.rate.get());
        let gained = i64::try_from(micros.saturating_mul(rate)).unwrap_or(i64::MAX);
        let most = (rate * BURST.as_micros()).max(u128::from(LEAST_BURST * MILLION));
        self.credit = self.credit.saturating_add(gained).min(i64::try_from(most).unwrap_or(i64::MAX));
        self.filled_at = self.filled_at.max(now);
    }
}

const MILLION: u64 = 1_000_000;
/// What an idle bucket saves up: enough for a timer that goes off late, too little to see in an average.
const BURST: Duration = Duration::from_millis(20);
/// A bucket holds a datagram or two, however slow it fills.
const LEAST_BURST: u64 = 3000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_on_credit_never_exceeds_rate_and_burst() {
        let rate = 100_000;
        let mut bucket = Bucket::new(NonZeroU32::new(rate).unwrap(), Instant::ZERO);
        let mut sent = 0;
        let mut now = Instant::ZERO;
        while now < Instant::ZERO + Duration::from_secs(10) {
            if bucket.has_credit(now) {
                bucket.spend(1200);
                sent += 1200;
            }
            now = bucket.ready_at().max(now + Duration::from_micros(1));
        }
        assert!((990_000..=1_004_200).contains(&sent), "{sent}");
    }

    #[test]
    fn an_idle_bucket_saves_little_up() {
        let mut bucket = Bucket::new(NonZeroU32::new(1_000_000).unwrap(), Instant::ZERO);
        assert!(bucket.has_credit(Instant::ZERO + Duration::from_secs(3600)));
        assert_eq!(bucket.credit(), 20_000);
    }

    #[test]
    fn an_overdrawn_bucket_names_the_time_when_it_is_not() {
        let mut bucket = Bucket::new(NonZeroU32::new(1000).unwrap(), Instant::ZERO);
        assert!(!bucket.has_credit(Instant::ZERO));
        bucket.spend(500);
        let at = bucket.ready_at();
        assert!(!bucket.has_credit(at - Duration::from_millis(1)));
        assert!(bucket.has_credit(at));
        assert_eq!(at.saturating_since(Instant::ZERO), Duration::from_micros(500_001));
    }
}
