//! Round-trip time (RFC 9002 section 5) and its jitter, in whole microseconds.

use crate::time::Span;

/// The RTT assumed before the first sample (RFC 9002 section 6.2.2).
pub(crate) const INITIAL_RTT: Span = Span::from_millis(333);
/// The timer granularity (RFC 9002 section 6.1.2).
pub(crate) const GRANULARITY: Span = Span::from_micros(GRANULARITY_US);
const GRANULARITY_US: u64 = 1000;

/// The estimate of one path's round-trip time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RttEstimator {
    latest: u64,
    smoothed: u64,
    variance: u64,
    least: u64,
    sampled: bool,
}

impl RttEstimator {
    pub(crate) fn new() -> Self {
        let initial = INITIAL_RTT.as_micros();
        Self { latest: initial, smoothed: initial, variance: initial / 2, least: u64::MAX, sampled: false }
    }

    /// Adds a sample: the time from sending a packet to receiving its acknowledgement. `held_back` is the time by which the
    /// peer delayed the acknowledgement, as the peer reports.
    pub(crate) fn update(&mut self, sample: Span, held_back: Span) {
        let raw = sample.as_micros().max(1);
        self.least = self.least.min(raw);
        self.latest = raw;
        // A peer that overstates its delay cannot push the estimate below the least time ever seen. RFC 9002 5.3 would take the
        // whole sample then; where round trips are short and acknowledgements gather for long, that is mostly delay.
        let adjusted = raw.saturating_sub(held_back.as_micros()).max(self.least);
        if !self.sampled {
            self.sampled = true;
            self.smoothed = adjusted;
            self.variance = adjusted / 2;
            return;
        }
        let deviation = self.smoothed.abs_diff(adjusted);
        self.variance = self.variance / 4 * 3 + deviation / 4 + (self.variance % 4 * 3 + deviation % 4) / 4;
        self.smoothed = self.smoothed / 8 * 7 + adjusted / 8 + (self.smoothed % 8 * 7 + adjusted % 8) / 8;
    }

    /// Returns the smoothed RTT.
    pub(crate) fn smoothed(&self) -> Span {
        Span::from_micros(self.smoothed)
    }

    /// Returns the latest sample, including the peer's delay.
    pub(crate) fn latest(&self) -> Span {
        Span::from_micros(self.latest)
    }

    /// Returns the mean deviation of the RTT (rttvar, RFC 9002 section 5.3).
    pub(crate) fn variance(&self) -> Span {
        Span::from_micros(self.variance)
    }

    /// Returns the least sample, or `None` before the first sample.
    pub(crate) fn least(&self) -> Option<Span> {
        self.sampled.then(|| Span::from_micros(self.least))
    }

    /// Returns the PTO without back-off (RFC 9002 section 6.2.1).
    pub(crate) fn probe_timeout(&self, peer_ack_delay: Span) -> Span {
        Span::from_micros(self.probe_timeout_us(peer_ack_delay.as_micros()))
    }

    /// Returns the PTO without back-off in microseconds.
    pub(crate) fn probe_timeout_us(&self, peer_ack_delay_us: u64) -> u64 {
        let spread = self.variance.saturating_mul(4).max(GRANULARITY_US);
        self.smoothed.saturating_add(spread).saturating_add(peer_ack_delay_us)
    }

    /// Returns the time after its transmission at which a packet counts as lost, once a later packet was acknowledged: 9/8
    /// of the RTT (RFC 9002 section 6.1.2).
    pub(crate) fn loss_delay(&self) -> Span {
        let rtt = self.smoothed.max(self.latest);
        Span::from_micros((rtt + rtt / 8).max(GRANULARITY.as_micros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(value: u64) -> Span {
        Span::from_millis(value)
    }

    #[test]
    fn the_first_rtt_sample_replaces_the_initial_rtt() {
        let mut rtt = RttEstimator::new();
        assert_eq!(rtt.smoothed(), INITIAL_RTT);
        rtt.update(ms(80), ms(0));
        assert_eq!((rtt.smoothed(), rtt.variance(), rtt.least()), (ms(80), ms(40), Some(ms(80))));
    }

    #[test]
    fn a_reported_ack_delay_never_lowers_the_rtt_below_the_minimum_rtt() {
        let mut rtt = RttEstimator::new();
        rtt.update(ms(80), ms(0));
        rtt.update(ms(90), ms(60));
        assert!(rtt.smoothed() >= ms(80), "{:?}", rtt.smoothed());
        rtt.update(ms(150), ms(60));
        assert!(rtt.smoothed() > ms(80) && rtt.smoothed() < ms(92), "{:?}", rtt.smoothed());
    }

    #[test]
    fn extreme_rtt_samples_do_not_overflow() {
        let mut rtt = RttEstimator::new();
        for _ in 0..100 {
            rtt.update(Span::MAX, Span::MAX);
        }
        assert!(rtt.probe_timeout(ms(50)) >= rtt.smoothed());
        rtt.update(Span::ZERO, Span::MAX);
        assert!(rtt.loss_delay() >= GRANULARITY);
    }
}
