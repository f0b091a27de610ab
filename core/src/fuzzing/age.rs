//! Connections whose packet numbers are as high as after a long life.

use crate::endpoint::Endpoint;
use crate::event::ConnectionId;

/// Makes a connection appear old: sets its next packet number to `sent`, and the highest packet number received to
/// `received`. Call this function only while the endpoint has no packet in flight on the connection. Returns `true` if
/// the connection exists and has a transport.
pub fn age(endpoint: &mut Endpoint, connection: ConnectionId, sent: u64, received: u64) -> bool {
    endpoint.connection_mut(connection).is_some_and(|state| state.age(sent, received))
}
