//! A client, which dials servers and accepts no connection.

use tickwire_core::message::NetMessage;
use tickwire_core::{Access, Bytes, ConnectionId, ConnectionState, MessageId, Route};

use crate::error::{CommandError, SendError, StartError};
use crate::node::Node;
use crate::options::Options;
use crate::verbs::verbs;

/// A running client, which also has the methods of a [`crate::Handle`]. Dropping the client closes its connections
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
/// # let server = Server::start(Options::new(config).registry(registry.clone()).bind("127.0.0.1:0".parse()?))?;
/// # let (address, key) = (server.local_address().into(), server.public_key());
/// let client = Client::start(Options::new(Config::new(1)).registry(registry))?;
/// client.connect(&address, ConnectOptions::new(key)).wait()?;
/// client.send_to_server(&Chat { text: BoundedString::truncated("hello") })?;
/// assert!(client.is_connected());
/// # Ok(())
/// # }
/// ```
pub struct Client {
    node: Node,
}

verbs!(Client);

impl Client {
    /// Opens a socket, by default at a port that the system chooses, and starts the network thread. To connect to a
    /// server, call `connect` next.
    ///
    /// # Errors
    /// [`StartError`] if the configuration or the key file is unusable, or the socket or the thread cannot be created.
    pub fn start(mut options: Options) -> Result<Self, StartError> {
        options.config.access = Access::Closed;
        Ok(Self { node: Node::start(options)? })
    }

    /// Returns the id of the connection to the server, if there is one. The id changes if the server loses the session.
    #[must_use]
    pub fn server(&self) -> Option<ConnectionId> {
        self.latest_connection()
    }

    /// Returns whether the connection to the server carries messages now. The result is `false` while the connection is
    /// being established, interrupted or closing.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.server().is_some_and(|server| self.state(server) == ConnectionState::Connected)
    }

    /// Sends a message to the server, on the channel of the message's type.
    ///
    /// # Errors
    /// [`SendError`] if the message cannot be encoded, the client is not connected, or the driver does not accept the
    /// message. Without a connection, the message in the error is empty.
    pub fn send_to_server<T: NetMessage>(&self, message: &T) -> Result<MessageId, SendError> {
        self.send_to_server_with(message, T::ROUTE)
    }

    /// Sends a message to the server, on a channel other than that of the message's type (see
    /// [`crate::Handle::send_with`]).
    ///
    /// # Errors
    /// [`SendError`] if the message cannot be encoded, the client is not connected, or the driver does not accept the
    /// message. Without a connection, the message in the error is empty.
    pub fn send_to_server_with<T: NetMessage>(
        &self,
        message: &T,
        on: impl Into<Route>,
    ) -> Result<MessageId, SendError> {
        match self.server() {
            Some(server) => self.send_with(server, message, on),
            None if !self.is_running() => Err(SendError::Stopped(Bytes::new())),
            None => Err(SendError::NotConnected(Bytes::new())),
        }
    }

    /// Closes the connection to the server immediately, if there is one.
    ///
    /// # Errors
    /// [`CommandError`] if an accept policy calls this method while the queue to the network thread is full.
    pub fn disconnect_from_server(&self) -> Result<(), CommandError> {
        self.server().map_or(Ok(()), |server| self.disconnect(server, 0, ""))
    }
}
