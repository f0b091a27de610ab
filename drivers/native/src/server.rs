//! A server, which accepts clients and dials no other endpoint.

use tickwire_core::{Access, ConnectionId};

use crate::error::StartError;
use crate::node::Node;
use crate::options::Options;
use crate::verbs::verbs;

/// A running server, which also has the methods of a [`crate::Handle`]. Dropping the server closes its connections
/// without waiting for the delivery of messages. For connections that `disconnect_after_delivery` is closing,
/// the drop blocks until their messages are delivered, at most until the deadline of that call.
///
/// ```
/// # use tickwire_core::message::{BoundedString, NetMessage, Registry};
/// # use tickwire_core::{Access, Config, ConnectOptions, Event};
/// # use tickwire_native::{Client, Options, Server};
/// # #[derive(NetMessage)]
/// # struct Chat { text: BoundedString<200> }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut registry = Registry::new();
/// # registry.register::<Chat>()?;
/// # let mut config = Config::new(1);
/// # config.access = Access::Open;
/// // `config.access` determines which clients may connect.
/// let options = Options::new(config).registry(registry).bind("127.0.0.1:0".parse()?);
/// let server = Server::start(options)?;
/// println!("listening on {} key {}", server.local_address(), server.public_key());
/// assert!(server.clients().is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Server {
    node: Node,
}

verbs!(Server);

impl Server {
    /// Opens the socket, by default at port 7777 of all addresses, and starts the network thread. `Config::access` sets
    /// which clients may connect, and `Config::max_connections` limits their number. [`Options::key_file`] stores the
    /// key that clients pin. Without a key file and without [`Options::secrets`], the server generates a new key at
    /// each start, and logs a warning (by `tracing`).
    ///
    /// # Errors
    /// [`StartError`] if `Config::access` is `Closed`, the configuration or the key file is unusable, or the socket or
    /// the thread cannot be created.
    pub fn start(options: Options) -> Result<Self, StartError> {
        if options.config.access == Access::Closed {
            return Err(StartError::NobodyMayConnect);
        }
        if options.secrets.is_none() && options.key_file.is_none() {
            tracing::warn!(
                "this server generates a new key at each start, so clients that pinned the key cannot reconnect after a restart; \
                 Options::key_file keeps the key"
            );
        }
        Ok(Self { node: Node::start(options.server_port())? })
    }

    /// Returns the ids of the connected clients, including interrupted clients.
    #[must_use]
    pub fn clients(&self) -> Vec<ConnectionId> {
        self.connections()
    }
}
