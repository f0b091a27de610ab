//! The retransmission timeout of RFC 6298.

use core::time::Duration;

use crate::clock::micros;

/// Estimates round-trip times, and computes the retransmission timeout.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rto {
    smoothed_us: Option<u64>,
    variance_us: u64,
    doublings: u32,
}

impl Rto {
    /// Adds a measured round-trip time, and ends the backoff (RFC 6298 section 5.7).
    pub(super) fn on_sample(&mut self, rtt: Duration) {
        let rtt_us = micros(rtt);
        match self.smoothed_us {
            None => (self.smoothed_us, self.variance_us) = (Some(rtt_us), rtt_us / 2),
            Some(smoothed_us) => {
                self.variance_us = (self.variance_us * 3 + smoothed_us.abs_diff(rtt_us)) / 4;
                self.smoothed_us = Some((smoothed_us * 7 + rtt_us) / 8);
            }
        }
        self.doublings = 0;
    }

    /// Doubles the timeout after an unanswered segment (RFC 6298 section 5.5).
    pub(super) const fn back_off(&mut self) {
        self.doublings = self.doublings.saturating_add(1);
    }

    /// Returns the current timeout.
    pub(super) fn timeout(&self) -> Duration {
        let base_us = match self.smoothed_us {
            None => LEAST_US,
            Some(smoothed_us) => smoothed_us + (self.variance_us * 4).max(GRANULARITY_US),
        };
        let doubled_us = base_us.max(LEAST_US) << self.doublings.min(6);
        Duration::from_micros(doubled_us.min(MOST_US))
    }
}

/// The least timeout, in microseconds, which is also the initial timeout (RFC 6298 section 2).
const LEAST_US: u64 = 1_000_000;
const MOST_US: u64 = 60_000_000;
const GRANULARITY_US: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_retransmission_timeout_doubles_from_one_second_to_at_most_one_minute() {
        let mut rto = Rto::default();
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push(rto.timeout().as_secs());
            rto.back_off();
        }
        assert_eq!(seen, [1, 2, 4, 8, 16, 32, 60, 60]);
        rto.on_sample(ms(50));
        assert_eq!(rto.timeout(), ms(1000));
    }

    #[test]
    fn the_retransmission_timeout_follows_the_rtt_and_the_rtt_variation() {
        let mut rto = Rto::default();
        rto.on_sample(ms(2000));
        assert_eq!(rto.timeout(), ms(2000 + 4 * 1000));
        rto.on_sample(ms(2000));
        assert_eq!(rto.timeout(), ms(2000 + 4 * 750));
    }
}
