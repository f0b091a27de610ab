//! The limit on the bandwidth of an endpoint: all connections and stateless replies together.

use crate::connection::Pacer;
use crate::limits::BASE_DATAGRAM;
use crate::time::Instant;

/// Paces all datagrams of an endpoint together: those of connections, and stateless replies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throttle {
    pacer: Pacer,
    /// Bytes per second.
    rate: u64,
    /// Bytes that connections may send before the next stateless reply has its turn, while they have something to send.
    ahead_of_replies: u64,
}

/// Stateless replies get at most one part in this many of the limited bytes, because anybody can cause them.
const REPLIES_PART: u64 = 8;

impl Throttle {
    pub(super) fn new(now: Instant, rate: Option<u64>) -> Self {
        Self { pacer: Pacer::new(now, 0), rate: rate.unwrap_or(u64::MAX), ahead_of_replies: 0 }
    }

    /// Sets another limit. Bytes that were sent still count.
    pub(super) fn change(&mut self, now: Instant, rate: Option<u64>) {
        (self.rate, self.ahead_of_replies) = (rate.unwrap_or(u64::MAX), 0);
        self.pacer.on_rate_changed(now, self.rate, BASE_DATAGRAM as u64);
    }

    /// Bytes per second, all connections together; `u64::MAX` is no limit.
    pub(super) const fn rate(&self) -> u64 {
        self.rate
    }

    /// Whether connections with something to send go before stateless replies.
    pub(super) const fn prefers_connections(&self) -> bool {
        self.ahead_of_replies > 0
    }

    /// A stateless reply of `bytes` left.
    pub(super) fn on_reply_sent(&mut self, now: Instant, bytes: usize) {
        if self.rate != u64::MAX {
            self.ahead_of_replies = (REPLIES_PART - 1).saturating_mul(bytes as u64);
        }
        self.pacer.on_sent(now, bytes as u64, self.rate);
    }

    /// Whether something may leave now.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.pacer.is_open(now, self.rate, BASE_DATAGRAM as u64)
    }

    /// When to look again while it is not open.
    pub(super) fn opens_at(&self) -> Instant {
        self.pacer.opens_at(self.rate, BASE_DATAGRAM as u64)
    }

    /// A datagram of `bytes` of a connection left.
    pub(super) fn on_sent(&mut self, now: Instant, bytes: usize) {
        self.ahead_of_replies = self.ahead_of_replies.saturating_sub(bytes as u64);
        self.pacer.on_sent(now, bytes as u64, self.rate);
    }
}
