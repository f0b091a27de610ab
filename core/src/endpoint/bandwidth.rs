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
}

impl Throttle {
    pub(super) fn new(now: Instant, rate: Option<u64>) -> Self {
        Self { pacer: Pacer::new(now, 0), rate: rate.unwrap_or(u64::MAX) }
    }

    /// Whether something may leave now.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.pacer.is_open(now, self.rate, BASE_DATAGRAM as u64)
    }

    /// When to look again while it is not open.
    pub(super) fn opens_at(&self) -> Instant {
        self.pacer.opens_at(self.rate, BASE_DATAGRAM as u64)
    }

    /// `bytes` left.
    pub(super) fn on_sent(&mut self, now: Instant, bytes: usize) {
        self.pacer.on_sent(now, bytes as u64, self.rate);
    }
}

impl Endpoint {
    /// Limits what all connections together send, handshakes and acknowledgements included, to so many bytes per second, at
    /// least 1000; `None` lifts the limit.
    pub fn set_bandwidth(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        let now = self.advance(now);
        self.throttle = Throttle::new(now, bytes_per_second.map(|most| most.max(LEAST_BANDWIDTH)));
    }

    /// Limits what one connection sends to so many bytes per second, at least 1000; `None` goes back to the configuration's
    /// `connection_bandwidth`. Acknowledgements and probes count, but are not held back.
    pub fn set_connection_bandwidth(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        bytes_per_second: Option<u64>,
    ) {
        self.advance(now);
        if let Some(state) = self.connections.get_mut(connection) {
            state.limit(bytes_per_second.map(|most| most.max(LEAST_BANDWIDTH)), self.settings.bandwidth);
            self.refresh(connection);
        }
    }

    /// Bytes of messages that may be sent on a connection for the next `interval`, a tick say, so that nothing waits: what
    /// the path carries meanwhile, less what is queued already. Zero while there is no connection; `u64::MAX` on a link that
    /// limits itself.
    ///
    /// It is advice. What is sent beyond it waits in the channels' queues.
    #[must_use]
    pub fn grant(&self, connection: ConnectionId, interval: Duration) -> u64 {
        self.connections.get(connection).map_or(0, |state| state.grant(interval))
    }
}
