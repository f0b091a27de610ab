//! Limits on what is sent, and what applications may spend.

use super::Endpoint;
use crate::config::LEAST_BANDWIDTH;
use crate::connection::Pacer;
use crate::event::ConnectionId;
use crate::limits::BASE_DATAGRAM;
use crate::time::{Duration, Instant};

/// What holds all connections of an endpoint back together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throttle {
    pacer: Pacer,
    /// Bytes per second.
    rate: u64,
    /// Bytes that connections may send before the next stateless reply has its turn, while they have something to send.
    ahead_of_replies: u64,
}

/// Of what is limited, stateless replies have one part in so many at most: anybody can cause them.
const REPLIES_PART: u64 = 8;

impl Throttle {
    pub(super) fn new(now: Instant, rate: Option<u64>) -> Self {
        Self { pacer: Pacer::new(now, 0), rate: rate.unwrap_or(u64::MAX), ahead_of_replies: 0 }
    }

    /// Another limit: what was sent still counts.
    fn change(&mut self, now: Instant, rate: Option<u64>) {
        (self.rate, self.ahead_of_replies) = (rate.unwrap_or(u64::MAX), 0);
        self.pacer.on_rate_changed(now, self.rate, BASE_DATAGRAM as u64);
    }

    /// Bytes per second, all connections together; `u64::MAX` is no limit.
    const fn rate(&self) -> u64 {
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

impl Endpoint {
    /// Limits what all connections together send, handshakes and acknowledgements included, to so many bytes per second, at
    /// least 1000; `None` lifts the limit.
    pub fn set_bandwidth(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        let now = self.advance(now);
        self.throttle.change(now, bytes_per_second.map(|most| most.max(LEAST_BANDWIDTH)));
    }

    /// Limits what one connection sends to so many bytes per second, at least 1000; `None` goes back to the configuration's
    /// `connection_bandwidth`. Acknowledgements and probes count, but are not held back.
    pub fn set_connection_bandwidth(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        bytes_per_second: Option<u64>,
    ) {
        let now = self.advance(now);
        if let Some(state) = self.connections.get_mut(connection) {
            let most = bytes_per_second.map(|most| most.max(LEAST_BANDWIDTH));
            state.limit(now, most, self.settings.bandwidth);
            self.refresh(connection);
        }
    }

    /// Bytes of messages that may be sent on a connection for the next `interval`, a tick say, so that nothing waits: what
    /// the path carries meanwhile, and no more than an equal share of the endpoint's limit, less what is queued already, whatever
    /// its priority. Zero while there is no connection; `u64::MAX` on a link that limits itself, if nothing else does.
    ///
    /// It is advice. What is sent beyond it waits in the channels' queues.
    #[must_use]
    pub fn grant(&self, connection: ConnectionId, interval: Duration) -> u64 {
        let share = match self.throttle.rate() {
            u64::MAX => u64::MAX,
            rate => rate / self.connections.len().max(1) as u64,
        };
        self.connections.get(connection).map_or(0, |state| state.grant(interval, share))
    }
}
