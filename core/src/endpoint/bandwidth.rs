//! Bandwidth limits on an endpoint's sending, and the send budget of applications.

use super::Endpoint;
use crate::config::LEAST_BANDWIDTH;
use crate::event::ConnectionId;
use crate::time::{Duration, Instant, Span};

impl Endpoint {
    /// Limits the sending of all connections together to `bytes_per_second`, at least 1000. Handshakes and
    /// acknowledgements count towards the limit. `None` removes the limit.
    pub fn set_bandwidth(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        let now = self.advance(now);
        self.throttle.change(now, bytes_per_second.map(|most| most.max(LEAST_BANDWIDTH)));
    }

    /// Limits the sending of one connection to `bytes_per_second`, at least 1000. `None` restores the
    /// `connection_bandwidth` of the configuration. Acknowledgements and probes count towards the limit, but the limit
    /// does not delay them.
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

    /// Returns the number of message bytes that the game should send on a connection in the next `interval`, a tick for
    /// example, so that no message waits. The number is the bytes that the path carries in that time, at most an equal
    /// share of the endpoint's limit, less the bytes that are queued already at any priority. Returns 0 if the
    /// connection does not exist. Returns `u64::MAX` on a link that controls congestion itself, if no other limit
    /// applies.
    ///
    /// The number is a recommendation. Messages sent beyond it wait in the channels' queues.
    #[must_use]
    pub fn grant(&self, connection: ConnectionId, interval: Duration) -> u64 {
        let share = match self.throttle.rate() {
            u64::MAX => u64::MAX,
            rate => rate / self.connections.len().max(1) as u64,
        };
        self.connections.get(connection).map_or(0, |state| state.grant(Span::of(interval), share))
    }
}
