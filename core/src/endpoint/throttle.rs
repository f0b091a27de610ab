//! The limit on the bandwidth of an endpoint: all connections and stateless replies together.

use crate::connection::Pacer;
use crate::limits::BASE_DATAGRAM;
use crate::time::Instant;

/// The pacer of all datagrams of an endpoint together: datagrams of connections, and stateless replies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throttle {
    pacer: Pacer,
    /// The limit, in bytes per second.
    rate: u64,
    /// The number of bytes that connections with data to send may send before the next stateless reply.
    ahead_of_replies: u64,
}

/// The divisor of the limited bytes that gives the share of stateless replies. The share is small, because anybody can
/// cause replies.
const REPLIES_PART: u64 = 8;

impl Throttle {
    pub(super) fn new(now: Instant, rate: Option<u64>) -> Self {
        Self { pacer: Pacer::new(now, 0), rate: rate.unwrap_or(u64::MAX), ahead_of_replies: 0 }
    }

    /// Sets another limit. Bytes that were already sent still count.
    pub(super) fn change(&mut self, now: Instant, rate: Option<u64>) {
        (self.rate, self.ahead_of_replies) = (rate.unwrap_or(u64::MAX), 0);
        self.pacer.on_rate_changed(now, self.rate, BASE_DATAGRAM as u64);
    }

    /// Returns the limit of all connections together, in bytes per second. `u64::MAX` means no limit.
    pub(super) const fn rate(&self) -> u64 {
        self.rate
    }

    /// Returns `true` if connections with data to send precede stateless replies.
    pub(super) const fn prefers_connections(&self) -> bool {
        self.ahead_of_replies > 0
    }

    /// Records that a stateless reply of `bytes` was sent.
    pub(super) fn on_reply_sent(&mut self, now: Instant, bytes: usize) {
        if self.rate != u64::MAX {
            self.ahead_of_replies = (REPLIES_PART - 1).saturating_mul(bytes as u64);
        }
        self.pacer.on_sent(now, bytes as u64, self.rate);
    }

    /// Returns `true` if a datagram may be sent now.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.pacer.is_open(now, self.rate, BASE_DATAGRAM as u64)
    }

    /// Returns the time at which a datagram may be sent again.
    pub(super) fn opens_at(&self) -> Instant {
        self.pacer.opens_at(self.rate, BASE_DATAGRAM as u64)
    }

    /// Records that a connection's datagram of `bytes` was sent.
    pub(super) fn on_sent(&mut self, now: Instant, bytes: usize) {
        self.ahead_of_replies = self.ahead_of_replies.saturating_sub(bytes as u64);
        self.pacer.on_sent(now, bytes as u64, self.rate);
    }
}
