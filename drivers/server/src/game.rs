//! The trait that a game implements to run on a dedicated server.

use std::time::Duration;

use tickwire_core::{CloseReason, Config, Event};

use crate::client::ClientId;
use crate::config::Settings;
use crate::console::{CommandError, Commands};
use crate::context::Context;
use crate::error::GameError;
use crate::messages::Messages;

/// A game that a dedicated server runs. The server calls all methods on one thread, in the order of a tick: clients that came
/// and left and their messages, then [`Game::tick`], then [`Game::network_update`] if it is due. Messages that these methods
/// send leave together.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::message::{NetMessage, RegisterError};
/// use tickwire_core::{ChannelConfig, CloseReason, Config, Delivery};
/// use tickwire_server::{ClientId, Context, Game, GameError, Messages, NoSettings};
///
/// /// From a client: ring so many times.
/// #[derive(NetMessage)]
/// struct Ring {
///     #[net(range = 1..=12)]
///     times: u8,
/// }
///
/// /// To everybody.
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
///     const APPLICATION: u64 = 0x6265_6c6c_7300; // drawn once
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
///             eprintln!("nobody was told: {error}");
///         }
///     }
/// }
/// ```
pub trait Game: Sized + 'static {
    /// Its name, for people.
    const NAME: &'static str;
    /// Names the game on the wire: clients and servers of different games ignore each other.
    const APPLICATION: u64;
    /// The game's settings: the type of the key `game` in the configuration.
    type Settings: Settings;

    /// Names the message types, and the handler of each that clients send. [`crate::client_options`] gives a client the same types.
    ///
    /// # Errors
    /// [`tickwire_core::message::RegisterError`]: two types of one name, say.
    fn messages(messages: &mut Messages<Self>) -> Result<(), tickwire_core::message::RegisterError>;

    /// Names the console commands of the game's own.
    fn commands(_commands: &mut Commands<Self>) {}

    /// Changes the network's configuration where the server's own does not speak of it: channels, say. Clients get the same
    /// channels and the same largest message from [`crate::client_options`].
    fn configure(_config: &mut Config) {}

    /// The server runs, and no client is connected yet.
    ///
    /// # Errors
    /// Any error that keeps the game from starting. The server stops and reports it.
    fn start(&mut self, server: &mut Context, settings: &Self::Settings) -> Result<(), GameError>;

    /// The settings under `game` have changed while the server runs.
    fn settings_changed(&mut self, _server: &mut Context, _settings: &Self::Settings) -> SettingsChange {
        SettingsChange::AtRestart
    }

    /// An event of the network. The methods below report the common events; this method also gets the others: receipts, and
    /// room in a channel that was full.
    fn event(&mut self, _server: &mut Context, _event: &Event) {}

    /// A client has connected.
    fn joined(&mut self, _server: &mut Context, _client: ClientId) {}

    /// A client fell silent. The server keeps its place, and messages to it wait.
    fn interrupted(&mut self, _server: &mut Context, _client: ClientId) {}

    /// A client that had fallen silent is back.
    fn resumed(&mut self, _server: &mut Context, _client: ClientId) {}

    /// A client has left. Its id finds no client any more.
    fn left(&mut self, _server: &mut Context, _client: ClientId, _reason: &CloseReason) {}

    /// One step, `tick_rate` times per second. `step` is always one over that rate: after an overrun steps are caught up
    /// with, or skipped and counted; while no client is there, steps are taken a few at a time; and while the game is at
    /// rest, none are ([`Game::is_at_rest`]).
    fn tick(&mut self, _server: &mut Context, _step: Duration) {}

    /// The moment to send the game's state, `network_update_rate` times per second.
    fn network_update(&mut self, _server: &mut Context) {}

    /// Whether nothing in the game changes, and nothing has to be sent, until something arrives. Asked after each step.
    ///
    /// While it is so, the server sleeps: there are no steps and no network updates. What arrives, a console command and a new
    /// configuration wake it at once, not at the next step; then one step is taken, where time is by then
    /// ([`Context::tick`] has gone on), and this is asked again. It is also asked again once per second, for games whose
    /// rest ends by itself. Steps that a rest leaves out are neither overruns nor skipped; they are counted on their own.
    /// A delay after the game was woken is not part of its rest: it counts as an overrun, as any other delay does.
    fn is_at_rest(&self) -> bool {
        false
    }

    /// Shows the players a text that was typed at the console. Returns the number of clients that it was sent to.
    ///
    /// # Errors
    /// [`CommandError::Failed`] if the game cannot show it: it shows no text at all, or this one is too long.
    fn say(&mut self, _server: &mut Context, _text: &str) -> Result<usize, CommandError> {
        Err(CommandError::Failed(format!("{} shows its players no text", Self::NAME)))
    }

    /// The server stops. Messages that are sent now are still delivered, if they arrive before the deadline of the shutdown.
    fn stopping(&mut self, _server: &mut Context) {}
}

/// The game's answer to changed settings.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SettingsChange {
    /// The new settings have taken effect.
    Now,
    /// The new settings will take effect at a restart.
    AtRestart,
    /// The game refuses the new settings, for this reason.
    Refused(String),
}
