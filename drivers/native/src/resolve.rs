//! From names to socket addresses.

use std::net::SocketAddr;

use crate::address::{Host, NetworkAddress};
use crate::error::ConnectError;
use crate::rt;

/// All socket addresses of `address`, in the order that the system prefers (RFC 6724). It does not block: a name is
/// asked for on a thread of the executor's.
///
/// # Errors
/// [`ConnectError::UnknownHost`] if the name has no address, or nobody can be asked.
pub async fn resolve(address: &NetworkAddress) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Some(address) = address.socket_address() {
        return Ok(vec![address]);
    }
    let Host::Name(name) = address.host() else { return Ok(Vec::new()) };
    let unknown = |reason: String| ConnectError::UnknownHost { host: name.clone(), reason };
    let found =
        rt::look_up(name.clone(), address.port()).await.map_err(|error| unknown(error.to_string()))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(unknown("it has no address".into())) } else { Ok(addresses) }
}
