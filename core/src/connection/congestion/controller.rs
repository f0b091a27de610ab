//! The interface of congestion control. All arguments and results are plain numbers.

use super::rate::bytes_in;
use crate::time::{Instant, Span};

/// Datagrams that may be in flight before anything is known of the path (RFC 9002 7.2).
pub(crate) const INITIAL_DATAGRAMS: u64 = 10;
/// Datagrams that may be in flight whatever is known of it: with fewer, every acknowledgement would be held back.
pub(crate) const LEAST_DATAGRAMS: u64 = 3;

/// An acknowledgement of new packets, as a controller sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckReport {
    /// When it came.
    pub(crate) now: Instant,
    /// Packets that it acknowledges for the first time.
    pub(crate) packets: u64,
    /// Their bytes, overhead included.
    pub(crate) bytes: u64,
    /// Packets that were declared lost before, and were not: the path reorders.
    pub(crate) late: u64,
    /// Whether the path was seen to reorder lately.
    pub(crate) reorders: bool,
    /// When the newest of them left.
    pub(crate) newest_sent_at: Instant,
    /// Bytes in flight before it came, less what had arrived as far as [`Controller::waiting`] tells.
    pub(crate) in_flight: u64,
    /// The round-trip time of the newest, less what the peer says it held the acknowledgement back.
    pub(crate) rtt: Option<Span>,
    /// The smoothed round-trip time.
    pub(crate) smoothed_rtt: Span,
    /// How long the newest took to the peer in microseconds, plus a constant that nobody knows.
    pub(crate) one_way_delay: Option<i64>,
    /// The rate that the path delivers.
    pub(crate) rate: Option<RateSample>,
}

impl AckReport {
    /// Whether at least half of `window` was in use: one that is not was not shown to fit the path, and must not grow
    /// (RFC 9002 7.8).
    #[must_use]
    pub(crate) const fn uses(&self, window: u64) -> bool {
        self.in_flight.saturating_mul(2) >= window
    }
}

/// Packets that arrived at the peer although no acknowledgement says so yet, because acknowledgements wait on the way
/// back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Waiting {
    /// Bytes that arrive per second.
    pub(crate) bytes_per_second: u64,
    /// Packets that arrived earlier would be acknowledged even if nothing waited.
    pub(crate) since: Instant,
    /// An acknowledgement comes by then, while all is well; after that nobody knows whether anything arrives.
    pub(crate) until: Instant,
}

impl Waiting {
    /// Bytes that have arrived by `now`.
    #[must_use]
    pub(crate) fn bytes(&self, now: Instant) -> u64 {
        if self.bytes_per_second == 0 {
            return 0;
        }
        bytes_in(self.bytes_per_second, now.min(self.until).since(self.since).as_micros())
    }

    /// When more than `bytes` have, if that is foreseeable.
    #[must_use]
    pub(crate) fn exceeds_at(&self, bytes: u64) -> Option<Instant> {
        let scaled = bytes.saturating_add(1).saturating_mul(1_000_000);
        let time = scaled.checked_div(self.bytes_per_second)?.saturating_add(1);
        Some(self.since + Span::from_micros(time)).filter(|at| *at <= self.until)
    }
}

/// A measurement of the delivery rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RateSample {
    /// Bytes delivered per second.
    pub(crate) bytes_per_second: u64,
    /// Whether the sender had nothing more to send meanwhile, so that the path may deliver more.
    pub(crate) app_limited: bool,
}

/// Losses that were found together, as a controller sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossReport {
    /// When they were found.
    pub(crate) now: Instant,
    /// Packets declared lost.
    pub(crate) packets: u64,
    /// When the newest of them left.
    pub(crate) newest_sent_at: Instant,
    /// Whether nothing came through for so long that all that was known of the path is void (RFC 9002 7.6).
    pub(crate) persistent: bool,
}

/// Decides how many bytes may be in flight, and how fast they may leave. It sees plain numbers only, never the
/// connection.
pub(crate) trait Controller: Send + Sync {
    /// Processes acknowledged packets.
    fn on_ack(&mut self, report: &AckReport);
    /// Processes packets that were declared lost.
    fn on_loss(&mut self, report: &LossReport);
    /// Processes marks: the path marked packets instead of dropping them (RFC 3168). The newest packet acknowledged
    /// with the mark left at `newest_sent_at`.
    fn on_marked(&mut self, now: Instant, newest_sent_at: Instant);
    /// Returns the bytes that may be in flight.
    fn window(&self) -> u64;
    /// Returns the bytes that are no longer in flight, although no acknowledgement says so yet.
    fn waiting(&self) -> Waiting {
        Waiting::default()
    }
    /// Returns the rate in bytes per second at which packets may leave, bursts apart. `u64::MAX` stands for no limit.
    fn pacing_rate(&self) -> u64;
    /// Returns the rate in bytes per second that the path carries for long, as far as known. `u64::MAX` stands for no
    /// limit.
    fn rate(&self) -> u64;
    /// Sets the size of datagrams to `datagram` bytes, after the path was found to carry larger or only smaller
    /// datagrams.
    fn set_datagram(&mut self, datagram: u64);
    /// Reports that packets recently declared lost were too large for the path (RFC 8899 4.3), so their loss is no sign
    /// of congestion.
    fn on_black_hole(&mut self, now: Instant);
    /// Starts again after the path changed.
    fn reset(&mut self, now: Instant);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceeds_at_returns_a_time_at_most_two_microseconds_after_the_limit_is_exceeded() {
        let since = Instant::ZERO + Span::from_secs(5);
        let until = since + Span::from_millis(700);
        for bytes_per_second in [1, 999, 37_500, 1_000_003, 12_500_000, u64::MAX] {
            let waiting = Waiting { bytes_per_second, since, until };
            for bytes in [0, 1, 1199, 1200, 26_249, 26_250, 1_000_000] {
                match waiting.exceeds_at(bytes) {
                    Some(exceeds) => {
                        assert!(waiting.bytes(exceeds) > bytes, "{waiting:?} {bytes}");
                        let before = exceeds - Span::from_micros(2);
                        assert!(before < since || waiting.bytes(before) <= bytes, "{waiting:?} {bytes}");
                    }
                    None => assert!(waiting.bytes(until - Span::from_micros(2)) <= bytes),
                }
            }
        }
        let nothing = Waiting::default();
        assert_eq!((nothing.bytes(until), nothing.exceeds_at(0)), (0, None));
    }
}
