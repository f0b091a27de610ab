//! Connections whose packet numbers are as high as after a long life.

use crate::endpoint::Endpoint;
use crate::event::ConnectionId;

/// Makes a connection appear old: sets its next packet number to `sent`, and the highest packet number received to
/// `received`. Call this function while no sent packet is unacknowledged. Returns whether the connection exists.
pub fn age(endpoint: &mut Endpoint, connection: ConnectionId, sent: u64, received: u64) -> bool {
    endpoint.connection_mut(connection).is_some_and(|state| state.age(sent, received))
}
