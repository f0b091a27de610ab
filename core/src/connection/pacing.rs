//! Pacing: the time at which the next packet may be sent, so that a whole window is not sent at once.

use crate::time::{Instant, Span};

/// The length of a burst: one tick, so that messages that a game sends together leave together.
const TICK: Span = Span::from_micros(16_667);
/// The number of datagrams that may leave at once at any rate.
const BURST_LEAST: u64 = 2;
/// The longest time by which unpaced packets delay paced packets.
const UNHELD_DEBT: Span = Span::from_millis(100);
/// The time for which the pacer collects packets, so that it releases several packets together and not one by one.
pub(super) const QUANTUM: Span = Span::from_millis(1);

/// A generic cell rate algorithm (ITU-T I.371). Bytes that are sent create a debt, which time pays off at a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    /// The time at which the debt of all sent bytes is paid off.
    paid_at: Instant,
    /// The number of bytes that leave unpaced on an unknown path (RFC 9002 section 7.7).
    free: u64,
}

impl Pacer {
    /// Creates a pacer that does not pace the first `free` bytes.
    pub(crate) const fn new(now: Instant, free: u64) -> Self {
        Self { paid_at: now, free }
    }

    /// Paces all bytes from now on.
    pub(crate) const fn end_free(&mut self) {
        self.free = 0;
    }

    /// Records that `bytes` were sent at `rate` bytes per second.
    pub(crate) fn on_sent(&mut self, now: Instant, bytes: u64, rate: u64) {
        if self.free > 0 {
            self.free = self.free.saturating_sub(bytes);
        } else if rate != u64::MAX {
            self.paid_at = self.paid_at.max(now) + cost(bytes, rate);
        }
    }

    /// Records that `bytes` were sent that the pacer does not delay, such as acknowledgements. They add to the debt, but
    /// they delay paced packets by at most [`UNHELD_DEBT`].
    pub(crate) fn on_unheld(&mut self, now: Instant, bytes: u64, rate: u64) {
        let most = self.paid_at.max(now + UNHELD_DEBT);
        self.on_sent(now, bytes, rate);
        self.paid_at = self.paid_at.min(most);
    }

    /// Limits the debt after a change of the rate to the largest debt at the new rate. Otherwise the debt of a low rate
    /// would delay packets for long.
    pub(crate) fn on_rate_changed(&mut self, now: Instant, rate: u64, datagram: u64) {
        if rate != u64::MAX {
            self.paid_at = self.paid_at.min(now + burst(rate, datagram) + cost(datagram, rate));
        }
    }

    /// Converts the debt after the path turned out to be faster than the rate `before`. The debt in bytes is the same, so
    /// time pays it off sooner.
    pub(crate) fn on_rate_raised(&mut self, now: Instant, before: u64, rate: u64) {
        let owed = self.paid_at.since(now).as_micros();
        let less = u128::from(owed) * u128::from(before) / u128::from(rate.max(1));
        self.paid_at = self.paid_at.min(now + Span::from_micros(u64::try_from(less).unwrap_or(owed)));
    }

    /// Returns `true` if a datagram of `datagram` bytes may leave at `rate`.
    pub(crate) fn is_open(&self, now: Instant, rate: u64, datagram: u64) -> bool {
        rate == u64::MAX || self.paid_at <= now + burst(rate, datagram)
    }

    /// Returns the time at which the pacer allows the next datagram.
    pub(crate) fn opens_at(&self, rate: u64, datagram: u64) -> Instant {
        self.paid_at - burst(rate, datagram)
    }

    /// Returns the time at which the next call is worthwhile. This time is slightly later than that of
    /// [`Pacer::opens_at`], so that several datagrams can leave together.
    pub(crate) fn worth_at(&self, rate: u64, datagram: u64) -> Instant {
        self.opens_at(rate, datagram) + QUANTUM
    }
}

/// Returns the time that `bytes` take at `rate`, rounded up, at most one hour.
fn cost(bytes: u64, rate: u64) -> Span {
    let micros = bytes.saturating_mul(1_000_000).div_ceil(rate.max(1));
    Span::from_micros(micros.min(3_600_000_000))
}

/// Returns the largest debt, as a time, at which another datagram may leave.
fn burst(rate: u64, datagram: u64) -> Span {
    cost(datagram.saturating_mul(BURST_LEAST - 1), rate).max(TICK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Instant {
        Instant::saturating_from_micros(us)
    }

    /// Returns the number of bytes that leave at `now`, in datagrams of 1000 bytes.
    fn burst_at(pacer: &mut Pacer, now: Instant, rate: u64) -> u64 {
        let mut bytes = 0;
        while pacer.is_open(now, rate, 1000) {
            pacer.on_sent(now, 1000, rate);
            bytes += 1000;
        }
        bytes
    }

    #[test]
    fn a_pacer_burst_is_two_datagrams_or_the_bytes_of_one_tick_whichever_is_larger() {
        assert_eq!(burst_at(&mut Pacer::new(at(0), 0), at(9), 600_000), 10_000);
        assert_eq!(burst_at(&mut Pacer::new(at(0), 0), at(9), 10_000), 2000);
    }

    #[test]
    fn the_pacer_exceeds_its_rate_by_at_most_one_burst() {
        for rate in [5_000u64, 60_000, 1_000_000] {
            let mut pacer = Pacer::new(at(0), 0);
            let mut now = at(0);
            let mut sent = burst_at(&mut pacer, now, rate);
            let first = sent;
            while now < at(10_000_000) {
                now = pacer.worth_at(rate, 1000);
                sent += burst_at(&mut pacer, now, rate);
            }
            let earned = super::super::congestion::bytes_in(rate, now.as_micros());
            assert!(sent - first <= earned + 1000 && sent >= earned, "{rate}: {sent} {earned}");
            assert!(burst_at(&mut pacer, at(100_000_000), rate) <= first);
        }
    }

    #[test]
    fn the_pacer_allows_a_packet_at_the_time_that_opens_at_returned_and_not_earlier() {
        let mut pacer = Pacer::new(at(0), 0);
        burst_at(&mut pacer, at(0), 50_000);
        let opens = pacer.opens_at(50_000, 1000);
        assert!(pacer.is_open(opens, 50_000, 1000));
        assert!(!pacer.is_open(opens - Span::from_micros(1), 50_000, 1000));
    }

    #[test]
    fn the_first_burst_on_a_path_leaves_without_pacing_delay() {
        assert_eq!(burst_at(&mut Pacer::new(at(0), 10_000), at(0), 10_000), 12_000);
    }

    /// A client with a limit of 4 kB/s that sends 10 kB/s of acknowledgements.
    #[test]
    fn regression_acks_beyond_the_rate_limit_delay_messages_by_less_than_a_second() {
        let mut pacer = Pacer::new(at(0), 0);
        for ms in (0..60_000).step_by(3) {
            pacer.on_unheld(at(ms * 1000), 30, 4_000);
        }
        let opens = pacer.opens_at(4_000, 1000);
        assert!(opens > at(59_800_000) && opens <= at(60_100_000), "{opens:?}");
    }

    #[test]
    fn a_raised_pacing_rate_shortens_the_delay_that_a_burst_at_the_low_rate_caused() {
        let mut pacer = Pacer::new(at(0), 0);
        burst_at(&mut pacer, at(0), 1000);
        pacer.on_rate_changed(at(0), 1_000_000, 1000);
        assert!(pacer.is_open(at(20_000), 1_000_000, 1000));
        // A rate that is set again and again gives nothing away.
        let mut sent = 0;
        for ms in 0..1000 {
            pacer.on_rate_changed(at(ms * 1000), 100_000, 1000);
            sent += burst_at(&mut pacer, at(ms * 1000), 100_000);
        }
        assert!(sent <= 104_000, "{sent}");
    }

    #[test]
    fn packets_are_not_paced_without_a_rate() {
        let mut pacer = Pacer::new(at(0), 0);
        for _ in 0..1000 {
            assert!(pacer.is_open(at(0), u64::MAX, 1000));
            pacer.on_sent(at(0), 1000, u64::MAX);
        }
    }
}
