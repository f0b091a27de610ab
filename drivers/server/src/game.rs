//! The trait that a game implements to run on a dedicated server.

use std::time::Duration;

use tickwire_core::snapshot::{SnapshotSchema, SnapshotSchemaError, Viewer, WorldWriter};
use tickwire_core::{CloseReason, Config, Event};

use crate::client::ClientId;
use crate::config::Settings;
use crate::console::{CommandError, Commands};
use crate::context::Context;
use crate::error::GameError;
use crate::messages::Messages;
use crate::world_id::WORLD;

/// A game that a dedicated server runs. The server calls all methods on one thread. In each turn, the server first
/// handles the waiting events (clients that joined or left, and messages) in the order of their arrival. The server
/// then calls [`Game::tick`] for each tick that is due, and then [`Game::network_update`] and [`Game::replicate`] if an
/// update is due. Messages that these methods send leave together at the end of the turn.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::message::{NetMessage, RegisterError};
/// use tickwire_core::{ChannelConfig, CloseReason, Config, Delivery};
/// use tickwire_server::{ClientId, Context, Game, GameError, Messages, NoSettings};
///
/// /// A request of a client to ring the bells `times` times.
/// #[derive(NetMessage)]
/// struct Ring {
///     #[net(range = 1..=12)]
///     times: u8,
/// }
///
/// /// A notice to all clients that a client has rung the bells.
/// #[derive(NetMessage)]
/// #[net(channel = "state")]
/// struct Rung {
///     total: u64,
/// }
///
/// #[derive(Default)]
/// struct Bells {
///     total: u64,
/// }
///
/// impl Bells {
///     fn ring(&mut self, _: &mut Context, _: ClientId, ring: &Ring) {
///         self.total += u64::from(ring.times);
///     }
/// }
///
/// impl Game for Bells {
///     const NAME: &'static str = "bells";
///     const APPLICATION: u64 = 0x6265_6c6c_7300; // chosen once for this game
///     type Settings = NoSettings;
///
///     fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
///         messages.receives(Self::ring)?.sends::<Rung>()?;
///         Ok(())
///     }
///
///     fn configure(config: &mut Config) {
///         config.channels.push(ChannelConfig::new(Delivery::Sequenced).named("state"));
///     }
///
///     fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
///         Ok(())
///     }
///
///     fn left(&mut self, _: &mut Context, client: ClientId, reason: &CloseReason) {
///         println!("client {client} has left: {reason:?}");
///     }
///
///     fn tick(&mut self, _: &mut Context, _: Duration) {}
///
///     fn network_update(&mut self, server: &mut Context) {
///         if let Err(error) = server.broadcast(&Rung { total: self.total }) {
///             eprintln!("the total was sent to no client: {error}");
///         }
///     }
/// }
/// ```
pub trait Game: Sized + 'static {
    /// The name of the game, as users see it.
    const NAME: &'static str;
    /// The application number of the game on the wire. Clients and servers of different games ignore each other.
    const APPLICATION: u64;
    /// The type of the game's settings, which are the value of the key `game` in the configuration.
    type Settings: Settings;

    /// Registers the game's message types, and a handler for each type that clients send. [`crate::client_options`]
    /// registers the same types for a client.
    ///
    /// # Errors
    /// [`tickwire_core::message::RegisterError`] if a message type cannot be registered.
    fn messages(messages: &mut Messages<Self>) -> Result<(), tickwire_core::message::RegisterError>;

    /// Declares the components of the game's replicated world. Clients get the same schema from [`crate::client_options`]. Without
    /// components, which is the default, the server replicates no world.
    ///
    /// The schema's number of ticks per second, 60 unless the game sets another, is also the number of ticks that the world counts
    /// in a second. With the same number as `tick_rate`, a tick of the world is a tick of the server.
    ///
    /// # Errors
    /// [`SnapshotSchemaError`] if a component cannot be declared.
    fn schema(_schema: &mut SnapshotSchema) -> Result<(), SnapshotSchemaError> {
        Ok(())
    }

    /// Adds the console commands of the game.
    fn commands(_commands: &mut Commands<Self>) {}

    /// Changes the core's configuration in ways for which the server has no key, such as the channels. Clients get the
    /// same channels and the same maximum message size from [`crate::client_options`].
    fn configure(_config: &mut Config) {}

    /// Starts the game. The server is already running, and no client is connected yet.
    ///
    /// # Errors
    /// Any error with which the game cannot start. The server then stops and reports the error.
    fn start(&mut self, server: &mut Context, settings: &Self::Settings) -> Result<(), GameError>;

    /// Applies new settings, after the settings under the key `game` have changed while the server runs.
    fn settings_changed(&mut self, _server: &mut Context, _settings: &Self::Settings) -> SettingsChange {
        SettingsChange::AtRestart
    }

    /// Handles any event of the network. The methods below report the common events. Only this method reports receipts,
    /// and that a full channel has space again.
    fn event(&mut self, _server: &mut Context, _event: &Event) {}

    /// Handles a client that has connected to the server.
    fn joined(&mut self, _server: &mut Context, _client: ClientId) {}

    /// Handles a client whose connection was interrupted. The server keeps the client's session and queues messages for
    /// it.
    fn interrupted(&mut self, _server: &mut Context, _client: ClientId) {}

    /// Handles a client whose interrupted connection has resumed.
    fn resumed(&mut self, _server: &mut Context, _client: ClientId) {}

    /// Handles a client that has left. The context no longer lists the client under its id.
    fn left(&mut self, _server: &mut Context, _client: ClientId, _reason: &CloseReason) {}

    /// Runs one tick of the game. The server calls this method `tick_rate` times per second. `step` is the tick
    /// interval: always 1 s / `tick_rate`. After an overrun, the server runs up to four late ticks together, and skips
    /// and counts the others. While no client is connected, the server runs up to three ticks together. While the game
    /// is idle ([`Game::is_at_rest`]), the server runs no ticks.
    fn tick(&mut self, _server: &mut Context, _step: Duration) {}

    /// Sends the game's state to the clients, `network_update_rate` times per second.
    fn network_update(&mut self, _server: &mut Context) {}

    /// Writes the game's state into its replicated world, `network_update_rate` times per second. The server then commits the world:
    /// each client is sent the changes of the part that it sees, as fast as its connection allows. The game may write values that did
    /// not change. The server calls this method once before the first client connects, and only if [`Game::schema`] declares
    /// components.
    fn replicate(&mut self, _server: &mut Context, _world: &mut WorldWriter) {}

    /// Returns the part of the world that a client sees, after [`Game::joined`]. `None` shows the client nothing.
    /// [`Context::set_viewer`] changes the choice later. The default is the whole world.
    fn viewer(&mut self, _server: &mut Context, _client: ClientId) -> Option<Viewer> {
        Some(Viewer::new(WORLD))
    }

    /// Returns whether the game is idle: its state does not change, and it has nothing to send, until input arrives.
    /// The server calls this method after each tick. While the game is idle, the server sleeps, runs no ticks and sends
    /// no network updates. A message, a console command or a new configuration wakes the server immediately, not at the
    /// time of the next tick. The server then runs one tick at the current time ([`Context::tick`] has advanced), and
    /// calls this method again. The server also calls this method once per second, for games that become active without
    /// input. Ticks that the server skips while the game is idle count separately, not as overruns or skipped ticks. A
    /// delay after the server was woken counts as an overrun, as every other delay does. If clients see a replicated world, the
    /// server sleeps only after the game has been idle for 2 s, because the last values of the world are committed until then,
    /// and after every client has acknowledged its whole view.
    fn is_at_rest(&self) -> bool {
        false
    }

    /// Sends the players a message that was typed at the console. Returns the number of clients to which the message
    /// was sent.
    ///
    /// # Errors
    /// [`CommandError::Failed`] if the game shows its players no messages, or the message is too long.
    fn say(&mut self, _server: &mut Context, _text: &str) -> Result<usize, CommandError> {
        Err(CommandError::Failed(format!("{} shows its players no messages from the console", Self::NAME)))
    }

    /// Handles the stop of the server. The server still delivers messages that the game sends in this method, until the
    /// shutdown timeout.
    fn stopping(&mut self, _server: &mut Context) {}
}

/// The game's decision on changed settings.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SettingsChange {
    /// The game has applied the new settings.
    Now,
    /// The game applies the new settings at a restart.
    AtRestart,
    /// The game rejects the new settings, for this reason.
    Refused(String),
}
