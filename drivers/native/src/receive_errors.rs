//! Errors of receive calls. The driver ignores single errors, pauses reading after several consecutive errors, and
//! stops the endpoint if only errors occur for 10 s, or only connection resets for 60 s.

use std::io;
use std::time::Duration;

use tickwire_core::Instant;

/// The errors since the last receive call that returned a datagram or reported an empty socket.
#[derive(Debug)]
pub(crate) struct ReceiveErrors {
    /// The time with only errors after which the endpoint gives up the socket.
    patience: Duration,
    in_a_row: u32,
    /// The time of the first error. `None` if there was none.
    since: Option<Instant>,
    /// The time of the first error that concerns the socket itself. `None` if there was none.
    own_since: Option<Instant>,
    /// The time at which the socket may be read again.
    retry_at: Instant,
}

impl ReceiveErrors {
    pub(crate) const fn new(patience: Duration) -> Self {
        Self { patience, in_a_row: 0, since: None, own_since: None, retry_at: Instant::ZERO }
    }

    /// Handles a successful receive call.
    pub(crate) const fn on_success(&mut self) {
        self.in_a_row = 0;
        self.since = None;
        self.own_since = None;
    }

    /// Handles an error of a receive call. Returns whether the driver must pause reading.
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

    /// Returns the time at which the socket may be read again, if reading is paused at `now`.
    pub(crate) fn pause_until(&self, now: Instant) -> Option<Instant> {
        (now < self.retry_at).then_some(self.retry_at)
    }

    /// Returns the time since the first error if errors of the socket itself have lasted for the time that
    /// [`ReceiveErrors::new`] got, or if errors of any kind have lasted [`RESETS_LAST_LONGER`] times as long.
    pub(crate) fn fatal_after(&self, now: Instant) -> Option<Duration> {
        let lasted = |since: Option<Instant>| now.saturating_since(since.unwrap_or(now));
        // Many peers that vanish together cause resets until their connections end, which takes one idle timeout.
        let is_too_long = lasted(self.own_since) >= self.patience
            || lasted(self.since) >= self.patience * RESETS_LAST_LONGER;
        (self.since.is_some() && is_too_long).then(|| lasted(self.since))
    }
}

/// The number of consecutive errors that are ignored without a pause.
const FREE_ERRORS: u32 = 16;
/// The ratio of the time for which connection resets may last to the time for which errors of the socket itself may last.
const RESETS_LAST_LONGER: u32 = 6;
/// The first pause in reading the socket. Each further error doubles the pause, except that a connection reset, which
/// reports an earlier datagram of this end, always causes this pause.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause in reading the socket.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: io::ErrorKind = io::ErrorKind::NotConnected;

    /// Simulates `ms` milliseconds in which every receive call fails. Returns the number of receive calls, and the time
    /// since the first error if the errors became fatal.
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
