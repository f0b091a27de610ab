//! The send budget: the number of bytes that the application should send now. A game that follows the budget sends fewer
//! bytes instead of delayed bytes, so queues stay short.

use super::Connection;
use super::congestion::bytes_in;
use crate::time::{Instant, Span};

impl Connection {
    /// Returns the number of message bytes that may be queued for the next `interval`. `share` is the connection's share of
    /// the endpoint's limit, in bytes per second.
    pub(crate) fn grant(&self, interval: Span, share: u64) -> u64 {
        let Some(transport) = self.transport.as_deref() else { return 0 };
        match transport.regulator.rate().min(share) {
            u64::MAX => u64::MAX,
            // The rest is for headers, acknowledgements and what is sent again.
            rate => bytes_in(rate - rate / 8, interval.as_micros())
                .saturating_sub(self.session.send.queued_bytes()),
        }
    }

    /// Limits the sending of the connection to `bandwidth` bytes per second. `None` sets the limit of all connections.
    pub(crate) fn limit(&mut self, now: Instant, bandwidth: Option<u64>, for_all: u64) {
        self.bandwidth = bandwidth;
        let limit = bandwidth.unwrap_or(for_all);
        if limit != u64::MAX {
            self.session.send.on_path_known();
        }
        self.with_transport(|transport| transport.regulator.limit(now, limit));
    }

    /// Records a rate that differs by a quarter from the rate that was reported most recently, at most once per RTT and
    /// [`NEWS`]. The rate is reported only if at least a quarter of either rate is in use, because capacity far beyond a
    /// game's traffic does not matter to the game.
    pub(super) fn tell_rate(&mut self, now: Instant) {
        let Some(transport) = self.transport.as_deref() else { return };
        let (rate, (told, at)) = (transport.regulator.rate(), self.told_rate);
        if rate == u64::MAX {
            return;
        }
        if told == 0 {
            self.told_rate = (rate, now);
            return;
        }
        let is_in_use = transport.regulator.delivered().saturating_mul(4) >= rate.min(told);
        if is_in_use && rate.abs_diff(told) > told / 4 && now.since(at) >= transport.rtt.smoothed().max(NEWS)
        {
            self.told_rate = (rate, now);
            self.notices.rate_changed(rate);
        }
    }
}

/// The shortest time between two reports of a changed rate. No game adapts faster, and on a local network RTTs are short.
const NEWS: Span = Span::from_millis(100);
