//! Connections that look as if they had lived for long.

use crate::endpoint::Endpoint;
use crate::event::ConnectionId;

/// Makes a connection's next packet number `sent`, and the highest it has received `received`, as after so many packets.
/// Only before it has sent anything that is not acknowledged. Says whether there was such a connection.
pub fn age(endpoint: &mut Endpoint, connection: ConnectionId, sent: u64, received: u64) -> bool {
    endpoint.connection_mut(connection).is_some_and(|state| state.age(sent, received))
}
