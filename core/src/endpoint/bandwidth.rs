//! Bandwidth limits on an endpoint's sending, and the send budget of applications.

use super::Endpoint;
use crate::config::LEAST_BANDWIDTH;
use crate::event::ConnectionId;
use crate::time::{Duration, Instant, Span};

impl Endpoint {
    /// Limits the total send rate of all connections to `bytes_per_second`. A value below 1000 bytes/s is raised to 1000
    /// bytes/s. Handshakes and acknowledgements count towards the limit. `None` removes the limit.
    pub fn set_bandwidth(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        let now = self.advance(now);
        self.throttle.change(now, bytes_per_second.map(|most| most.max(LEAST_BANDWIDTH)));
    }

    /// Limits the send rate of one connection to `bytes_per_second`. A value below 1000 bytes/s is raised to 1000
    /// bytes/s. `None` restores the `connection_bandwidth` of the configuration. Acknowledgements and probes count
    /// towards the limit, but the limit does not delay them.
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

    /// Returns the send budget of a connection: the number of message bytes that the game can send in the next
    /// `interval`, for example one tick, before messages wait in a queue. The budget is 7/8 of the bytes that the path
    /// carries in that time, at most 7/8 of an equal share of the endpoint's limit, minus the bytes that are already
    /// queued on all channels. The remaining 1/8 is for headers, acknowledgements and resent data. Returns `u64::MAX` on
    /// a link that controls congestion itself, if no other limit applies. Returns 0 if the connection does not exist,
    /// is not established yet, or is interrupted.
    ///
    /// The budget is a recommendation. Messages that exceed the budget wait in the channels' queues.
    #[must_use]
    pub fn grant(&self, connection: ConnectionId, interval: Duration) -> u64 {
        let share = match self.throttle.rate() {
            u64::MAX => u64::MAX,
            rate => rate / self.connections.len().max(1) as u64,
        };
        self.connections.get(connection).map_or(0, |state| state.grant(Span::of(interval), share))
    }
}
