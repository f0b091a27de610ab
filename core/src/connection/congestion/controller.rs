//! The interface of congestion control. All arguments and results are plain numbers.

use super::rate::bytes_in;
use crate::time::{Instant, Span};

/// The number of datagrams that may be in flight on an unknown path (RFC 9002 section 7.2).
pub(crate) const INITIAL_DATAGRAMS: u64 = 10;
/// The smallest number of datagrams that may be in flight. With fewer datagrams, the peer would delay every
/// acknowledgement.
pub(crate) const LEAST_DATAGRAMS: u64 = 3;

/// An acknowledgement of new packets, as a controller receives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckReport {
    /// The arrival time of the acknowledgement.
    pub(crate) now: Instant,
    /// The number of packets that the frame acknowledges for the first time.
    pub(crate) packets: u64,
    /// The size of these packets in bytes, overhead included.
    pub(crate) bytes: u64,
    /// The number of packets that were declared lost and arrived nevertheless, because the path reorders packets.
    pub(crate) late: u64,
    /// `true` if the path reordered packets recently.
    pub(crate) reorders: bool,
    /// The time at which the newest of these packets was sent.
    pub(crate) newest_sent_at: Instant,
    /// The number of bytes in flight before the acknowledgement arrived, minus the bytes that had arrived according to
    /// [`Controller::waiting`].
    pub(crate) in_flight: u64,
    /// The RTT of the newest packet, minus the time by which the peer delayed the acknowledgement.
    pub(crate) rtt: Option<Span>,
    /// The smoothed RTT.
    pub(crate) smoothed_rtt: Span,
    /// The one-way delay of the newest packet to the peer, in microseconds, plus an unknown constant.
    pub(crate) one_way_delay: Option<i64>,
    /// The measured delivery rate of the path.
    pub(crate) rate: Option<RateSample>,
}

impl AckReport {
    /// Returns `true` if at least half of `window` was in use. A window that is used less has not been shown to fit the
    /// path, and must not grow (RFC 9002 section 7.8).
    #[must_use]
    pub(crate) const fn uses(&self, window: u64) -> bool {
        self.in_flight.saturating_mul(2) >= window
    }
}

/// The packets that arrived at the peer although no acknowledgement reports them yet, because acknowledgements wait on
/// the return path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Waiting {
    /// The arrival rate, in bytes per second.
    pub(crate) bytes_per_second: u64,
    /// The time up to which arrivals would be acknowledged even if no acknowledgement waited.
    pub(crate) since: Instant,
    /// The time by which an acknowledgement arrives if the path works. Whether packets arrive after this time is
    /// unknown.
    pub(crate) until: Instant,
}

impl Waiting {
    /// Returns the number of bytes that have arrived by `now`.
    #[must_use]
    pub(crate) fn bytes(&self, now: Instant) -> u64 {
        if self.bytes_per_second == 0 {
            return 0;
        }
        bytes_in(self.bytes_per_second, now.min(self.until).since(self.since).as_micros())
    }

    /// Returns the time at which more than `bytes` have arrived, or `None` if this time is not predictable.
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
    /// The delivery rate, in bytes per second.
    pub(crate) bytes_per_second: u64,
    /// `true` if the sender had no more data to send during the measurement. The path may then deliver more.
    pub(crate) app_limited: bool,
}

/// Losses that were detected together, as a controller receives them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossReport {
    /// The time at which the losses were detected.
    pub(crate) now: Instant,
    /// The number of packets declared lost.
    pub(crate) packets: u64,
    /// The time at which the newest of these packets was sent.
    pub(crate) newest_sent_at: Instant,
    /// `true` if no packet was acknowledged for so long that all measurements of the path are invalid (RFC 9002 section
    /// 7.6).
    pub(crate) persistent: bool,
}

/// Decides how many bytes may be in flight, and how fast packets may leave. A controller receives only plain numbers,
/// never the connection.
pub(crate) trait Controller: Send + Sync {
    /// Processes acknowledged packets.
    fn on_ack(&mut self, report: &AckReport);
    /// Processes packets that were declared lost.
    fn on_loss(&mut self, report: &LossReport);
    /// Processes ECN marks, with which the path marks packets instead of dropping them (RFC 3168 section 5). The newest
    /// packet that was acknowledged with a mark was sent at `newest_sent_at`.
    fn on_marked(&mut self, now: Instant, newest_sent_at: Instant);
    /// Returns the number of bytes that may be in flight.
    fn window(&self) -> u64;
    /// Returns the bytes that are no longer in flight, although no acknowledgement reports them yet.
    fn waiting(&self) -> Waiting {
        Waiting::default()
    }
    /// Returns the rate, in bytes per second, at which packets may leave, apart from bursts. `u64::MAX` means no limit.
    fn pacing_rate(&self) -> u64;
    /// Returns the rate, in bytes per second, that the path can sustain, if known. `u64::MAX` means no limit.
    fn rate(&self) -> u64;
    /// Sets the size of datagrams to `datagram` bytes, after the path MTU search changed the size.
    fn set_datagram(&mut self, datagram: u64);
    /// Reports that packets recently declared lost were too large for the path (RFC 8899 section 4.3), so their loss is
    /// no sign of congestion.
    fn on_black_hole(&mut self, now: Instant);
    /// Restarts the controller after the path changed.
    fn reset(&mut self, now: Instant);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceeds_at_is_zero_to_two_microseconds_after_the_estimated_arrivals_exceed_the_limit() {
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
