//! The server as a game's methods use it.

use std::time::{Duration, Instant};

use tickwire_core::MessageId;
use tickwire_core::message::NetMessage;
use tickwire_core::snapshot::Viewer;
use tickwire_native::{Broadcast, Handle, ReplicationError, SendError};

use crate::client::{Client, ClientId, Clients};
use crate::codes;
use crate::metrics::{Counter, GameMetrics, Gauge, MetricError};

/// The server's methods for a game. A context is valid while the server runs one of the game's methods.
///
/// ```
/// use tickwire_core::message::NetMessage;
/// use tickwire_server::{ClientId, Context};
///
/// #[derive(NetMessage)]
/// struct Score {
///     points: u32,
/// }
///
/// /// Sends the points of the leader to all clients, and disconnects the leader.
/// fn end_round(server: &mut Context, leader: ClientId, points: u32) {
///     if let Err(error) = server.broadcast(&Score { points }) {
///         eprintln!("the score was sent to no client: {error}");
///     }
///     server.kick(leader, "well played");
///     if server.client_count() <= 1 {
///         server.stop("the round is over");
///     }
/// }
/// ```
pub struct Context {
    pub(crate) network: Handle,
    pub(crate) clients: Clients,
    pub(crate) started_at: Instant,
    pub(crate) tick: u64,
    /// The reason to stop the server, once the game or a command has requested the stop.
    pub(crate) stop: Option<String>,
    pub(crate) metrics: GameMetrics,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context(tick {})", self.tick)
    }
}

impl Context {
    /// Sends a message to one client, on the channel of the message's type. The result is the number of the message on
    /// this connection and channel. `Event::Delivered` and `Event::Closed` identify the message by this number
    /// ([`Game::event`](crate::Game::event)).
    ///
    /// # Errors
    /// [`SendError`] if the message cannot be encoded, the client is not connected, or the driver does not accept the
    /// message. The error holds the encoded message, unless encoding failed.
    pub fn send<T: NetMessage>(&self, client: ClientId, message: &T) -> Result<MessageId, SendError> {
        match self.clients.get(client) {
            Some(client) => self.network.send(client.connection, message),
            None => Err(SendError::NotConnected(self.network.registry().encode(message)?)),
        }
    }

    /// Sends a message to all clients, on the channel of the message's type.
    ///
    /// # Errors
    /// [`SendError`] if the driver rejects the message for all clients, for example because encoding fails. A client
    /// whose channel is full causes no error: the result lists the connection of this client.
    pub fn broadcast<T: NetMessage>(&self, message: &T) -> Result<Broadcast, SendError> {
        self.network.broadcast(message)
    }

    /// Changes the part of the replicated world that a client sees. `None` shows the client nothing. The call ignores a client that
    /// has left.
    ///
    /// # Errors
    /// [`ReplicationError::NoViewer`] if the game replicates no world with the id in `viewer`, or `viewer` is invalid.
    pub fn set_viewer(&self, client: ClientId, viewer: Option<Viewer>) -> Result<(), ReplicationError> {
        match self.clients.get(client) {
            Some(client) => self.network.set_viewer(client.connection, viewer),
            None => Ok(()),
        }
    }

    /// Disconnects a client as [`Context::disconnect`] does, with the code [`codes::KICKED`] and the text `why`.
    pub fn kick(&self, client: ClientId, why: &str) {
        self.disconnect(client, codes::KICKED, why);
    }

    /// Closes a client's connection once its reliable messages are delivered, or after one second. The client receives
    /// `code` (0xfeff for a larger code) and up to 256 bytes of `text`. The call ignores a client that has left.
    pub fn disconnect(&self, client: ClientId, code: u16, text: &str) {
        if let Some(client) = self.clients.get(client) {
            // The game's thread waits for room: it is refused nothing.
            let _taken = self.network.disconnect_after_delivery(client.connection, code, text, GOOD_BYE);
        }
    }

    /// Returns the client with this id. Returns `None` if this client has left.
    #[must_use]
    pub fn client(&self, client: ClientId) -> Option<&Client> {
        self.clients.get(client)
    }

    /// Returns all clients, including interrupted clients whose session the server keeps.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter()
    }

    /// Returns the number of clients, including interrupted clients.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// Returns the number of ticks since the start of the server. Ticks that the server skipped while the game was idle
    /// ([`Game::is_at_rest`](crate::Game::is_at_rest)) count too. Late ticks that the server skipped do not count.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// Returns the time since the start of the server.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started_at.elapsed()
    }

    /// Creates a counter that the game defines. `/metrics` shows the counter as `tickwire_game_<name>_total` with the
    /// description `help`, and the command `status` shows it too. Create the counter once, in
    /// [`Game::start`](crate::Game::start) for example, and store it. A later call with the same name returns the same
    /// counter.
    ///
    /// ```
    /// # use tickwire_server::{Context, Counter, Gauge, GameError};
    /// struct Bells {
    ///     rings: Option<Counter>,
    ///     ropes: Option<Gauge>,
    /// }
    ///
    /// impl Bells {
    ///     fn start(&mut self, server: &mut Context) -> Result<(), GameError> {
    ///         self.rings = Some(server.counter("rings", "How often a bell was rung")?);
    ///         self.ropes = Some(server.gauge("ropes_pulled", "Ropes that somebody pulls right now")?);
    ///         Ok(())
    ///     }
    ///
    ///     fn ring(&mut self, pulled: u32) {
    ///         self.rings.iter().for_each(|rings| rings.add(1));
    ///         self.ropes.iter().for_each(|ropes| ropes.set(pulled.into()));
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`MetricError`] if the name is not allowed for a metric, a gauge has this name, or the game already has
    /// [`METRICS_MAX`](crate::METRICS_MAX) metrics.
    pub fn counter(&self, name: &str, help: &str) -> Result<Counter, MetricError> {
        self.metrics.counter(name, help)
    }

    /// Creates a gauge that the game defines. `/metrics` shows the gauge as `tickwire_game_<name>`. See
    /// [`Context::counter`].
    ///
    /// # Errors
    /// [`MetricError`] if the name is not allowed for a metric, a counter has this name, or the game already has
    /// [`METRICS_MAX`](crate::METRICS_MAX) metrics.
    pub fn gauge(&self, name: &str, help: &str) -> Result<Gauge, MetricError> {
        self.metrics.gauge(name, help)
    }

    /// Stops the server at the end of the current turn, as the command `quit` does: no further ticks run. Clients receive
    /// the reason `why`. If the method is called again, the first reason applies.
    pub fn stop(&mut self, why: &str) {
        self.stop.get_or_insert_with(|| why.into());
    }

    /// Returns the handle of the network driver that the server uses.
    #[must_use]
    pub const fn network(&self) -> &Handle {
        &self.network
    }
}

/// The time that the server has to deliver queued messages to a client that it disconnects.
const GOOD_BYE: Duration = Duration::from_secs(1);
