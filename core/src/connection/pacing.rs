//! Pacing: the time at which the next packet may be sent, so that a whole window is not sent at once.

use crate::time::{Instant, Span};

/// A burst covers one tick: messages that a game sends at once leave at once.
const TICK: Span = Span::from_micros(16_667);
/// Datagrams that leave at once whatever the rate.
const BURST_LEAST: u64 = 2;
/// Packets that leave unpaced delay the paced ones by no more than this.
const UNHELD_DEBT: Span = Span::from_millis(100);
/// The pacer delays packets until there are enough to send for this long, rather than one by one.
pub(super) const QUANTUM: Span = Span::from_millis(1);

/// A generic cell rate algorithm (ITU-T I.371): time pays for the bytes that were sent, at a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    /// When all that was sent is paid for.
    paid_at: Instant,
    /// Bytes that leave for nothing, before anything is known of the path (RFC 9002 7.7).
    free: u64,
}

impl Pacer {
    /// The first `free` bytes are not paced.
    pub(crate) const fn new(now: Instant, free: u64) -> Self {
        Self { paid_at: now, free }
    }

    /// From now on all bytes are paced.
    pub(crate) const fn end_free(&mut self) {
        self.free = 0;
    }

    /// `bytes` left at `rate` bytes per second.
    pub(crate) fn on_sent(&mut self, now: Instant, bytes: u64, rate: u64) {
        if self.free > 0 {
            self.free = self.free.saturating_sub(bytes);
        } else if rate != u64::MAX {
            self.paid_at = self.paid_at.max(now) + cost(bytes, rate);
        }
    }

    /// `bytes` left that nothing holds back, acknowledgements say. They count, but however many they are, what is held back has its
    /// turn a little later.
    pub(crate) fn on_unheld(&mut self, now: Instant, bytes: u64, rate: u64) {
        let most = self.paid_at.max(now + UNHELD_DEBT);
        self.on_sent(now, bytes, rate);
        self.paid_at = self.paid_at.min(most);
    }

    /// The rate changed. Lowers the debt to the most that can be owed at the new rate; otherwise a rate that was low would hold
    /// everything back for long.
    pub(crate) fn on_rate_changed(&mut self, now: Instant, rate: u64, datagram: u64) {
        if rate != u64::MAX {
            self.paid_at = self.paid_at.min(now + burst(rate, datagram) + cost(datagram, rate));
        }
    }

    /// The path turned out to be faster. The same bytes are owed as at the rate `before`: they take less time now.
    pub(crate) fn on_rate_raised(&mut self, now: Instant, before: u64, rate: u64) {
        let owed = self.paid_at.since(now).as_micros();
        let less = u128::from(owed) * u128::from(before) / u128::from(rate.max(1));
        self.paid_at = self.paid_at.min(now + Span::from_micros(u64::try_from(less).unwrap_or(owed)));
    }

    /// Whether something may leave at `rate`, in datagrams of `datagram` bytes.
    pub(crate) fn is_open(&self, now: Instant, rate: u64, datagram: u64) -> bool {
        rate == u64::MAX || self.paid_at <= now + burst(rate, datagram)
    }

    /// When it is open again.
    pub(crate) fn opens_at(&self, rate: u64, datagram: u64) -> Instant {
        self.paid_at - burst(rate, datagram)
    }

    /// When it is worth looking again: a little later, so that there is something to do.
    pub(crate) fn worth_at(&self, rate: u64, datagram: u64) -> Instant {
        self.opens_at(rate, datagram) + QUANTUM
    }
}

/// How long `bytes` take at `rate`, rounded up, an hour at most.
fn cost(bytes: u64, rate: u64) -> Span {
    let micros = bytes.saturating_mul(1_000_000).div_ceil(rate.max(1));
    Span::from_micros(micros.min(3_600_000_000))
}

/// How far ahead of its payment something may leave: then one more does.
fn burst(rate: u64, datagram: u64) -> Span {
    cost(datagram.saturating_mul(BURST_LEAST - 1), rate).max(TICK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Instant {
        Instant::saturating_from_micros(us)
    }

    /// Bytes that leave at `now`, in datagrams of 1000.
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
