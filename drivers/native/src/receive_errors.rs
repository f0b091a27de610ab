//! Errors of receive calls: the driver ignores single errors, waits out series, and stops the endpoint if they last.

use std::io;
use std::time::Duration;

use tickwire_core::Instant;

/// The errors since the socket last gave a datagram, or said that it has none.
#[derive(Debug)]
pub(crate) struct ReceiveErrors {
    /// After how long without anything but errors the socket is given up.
    patience: Duration,
    in_a_row: u32,
    /// When the first of them was seen.
    since: Option<Instant>,
    /// When the first of them was seen that is the socket's own.
    own_since: Option<Instant>,
    /// When the socket may be read again.
    retry_at: Instant,
}

impl ReceiveErrors {
    pub(crate) const fn new(patience: Duration) -> Self {
        Self { patience, in_a_row: 0, since: None, own_since: None, retry_at: Instant::ZERO }
    }

    /// The socket works.
    pub(crate) const fn on_success(&mut self) {
        self.in_a_row = 0;
        self.since = None;
        self.own_since = None;
    }

    /// Receiving failed. Says whether the socket is to be left alone for a while.
    pub(crate) fn on_error(&mut self, now: Instant, kind: io::ErrorKind) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        // Windows and ICMP: a datagram that was sent earlier found nobody. Each such error is reported once, and passes.
        let is_a_peers = kind == io::ErrorKind::ConnectionReset;
        self.since.get_or_insert(now);
        if !is_a_peers {
            self.own_since.get_or_insert(now);
        }
        let Some(doublings) = self.in_a_row.checked_sub(FREE_ERRORS) else { return false };
        let longest = if is_a_peers { FIRST_PAUSE } else { LONGEST_PAUSE };
        self.retry_at = now + (FIRST_PAUSE * 2u32.saturating_pow(doublings.min(16))).min(longest);
        true
    }

    /// When the socket may be read again, if it is left alone at `now`.
    pub(crate) fn pause_until(&self, now: Instant) -> Option<Instant> {
        (now < self.retry_at).then_some(self.retry_at)
    }

    /// How long the errors have lasted, if that is too long.
    pub(crate) fn fatal_after(&self, now: Instant) -> Option<Duration> {
        let lasted = |since: Option<Instant>| now.saturating_since(since.unwrap_or(now));
        // Many peers that vanish together cause resets until the endpoint has given them up, which takes an idle timeout.
        let is_too_long = lasted(self.own_since) >= self.patience
            || lasted(self.since) >= self.patience * RESETS_LAST_LONGER;
        (self.since.is_some() && is_too_long).then(|| lasted(self.since))
    }
}

/// Errors in a row that are passed over at once.
const FREE_ERRORS: u32 = 16;
/// How many times as long resets may last as the socket's own errors.
const RESETS_LAST_LONGER: u32 = 6;
/// How long the socket is left alone after one more. Each further error doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// How long it is left alone at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: io::ErrorKind = io::ErrorKind::NotConnected;

    /// How often the socket is read in so many milliseconds of nothing but errors.
    fn reads(errors: &mut ReceiveErrors, kind: io::ErrorKind, ms: u64) -> (u32, Option<Duration>) {
        let (mut now, mut reads) = (Instant::ZERO, 0);
        let end = now + Duration::from_millis(ms);
        while now < end && errors.fatal_after(now).is_none() {
            reads += 1;
            if errors.on_error(now, kind) {
                now = errors.pause_until(now).unwrap();
            }
        }
        (reads, errors.fatal_after(now))
    }

    #[test]
    fn a_lasting_receive_error_ends_the_endpoint_after_62_reads_in_ten_seconds() {
        let mut errors = ReceiveErrors::new(Duration::from_secs(10));
        let (reads, lasted) = reads(&mut errors, OWN, 60_000);
        assert_eq!((reads, lasted.map(|lasted| lasted.as_secs())), (62, Some(10)));
    }

    #[test]
    fn fifteen_consecutive_receive_errors_cause_no_pause() {
        let mut errors = ReceiveErrors::new(Duration::from_secs(10));
        for second in 0..100 {
            let now = Instant::ZERO + Duration::from_secs(second);
            assert!((1..FREE_ERRORS).all(|_| !errors.on_error(now, OWN)));
            assert_eq!(errors.pause_until(now), None);
            errors.on_success();
            assert_eq!(errors.fatal_after(now), None);
        }
    }

    #[test]
    fn connection_resets_without_a_datagram_end_the_endpoint_after_sixty_seconds() {
        let reset = io::ErrorKind::ConnectionReset;
        let mut errors = ReceiveErrors::new(Duration::from_secs(10));
        assert_eq!(reads(&mut errors, reset, 59_000), (59_000 + 15, None));
        errors.on_success();
        let (_, lasted) = reads(&mut errors, reset, 120_000);
        assert_eq!(lasted, Some(Duration::from_secs(60)));
    }
}
