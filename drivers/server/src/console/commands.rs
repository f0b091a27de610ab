//! The table of console commands, the server's own and the game's.

use std::collections::BTreeMap;
use std::fmt;

use super::arguments::Arguments;
use super::reply::{CommandError, Reply, shown};
use crate::context::Context;
use crate::suggest::suggest;

/// The console commands of a server whose game is `G`. The method [`crate::Game::commands`] adds the game's
/// commands.
///
/// ```
/// use tickwire_server::{CommandError, Commands, Context};
///
/// struct Game {
///     gravity: f32,
/// }
///
/// fn commands(commands: &mut Commands<Game>) {
///     commands.add("gravity", "<m/s²>", "change how fast things fall", |game, _: &mut Context, arguments| {
///         game.gravity =
///             arguments.text().parse().map_err(|_| CommandError::Usage("the gravity is not a number".into()))?;
///         Ok(format!("gravity is {} m/s²", game.gravity))
///     });
/// }
/// ```
pub struct Commands<G> {
    by_name: BTreeMap<&'static str, Command<G>>,
}

/// A console command.
pub(super) struct Command<G> {
    /// The arguments of the command, in the form that the help shows.
    usage: &'static str,
    help: &'static str,
    pub(super) action: Action<G>,
}

/// The function that runs a command: a function of the server, or a function of the game.
pub(super) enum Action<G> {
    BuiltIn(BuiltIn),
    Game(Box<GameAction<G>>),
}

pub(super) type GameAction<G> = dyn Fn(&mut G, &mut Context, &Arguments<'_>) -> Reply;

impl<G> fmt::Debug for Commands<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl<G> Commands<G> {
    /// Creates the table with the server's own commands.
    pub(crate) fn new() -> Self {
        let own = BUILT_IN.into_iter().map(|(name, usage, help, action)| {
            (name, Command { usage, help, action: Action::BuiltIn(action) })
        });
        Self { by_name: own.collect() }
    }

    /// Adds the command `name`, which calls `action`. The help shows the arguments as `usage` (for example `<client>
    /// [reason]`), and `help` as a short description. The command replaces an existing command with the same name, even
    /// a command of the server.
    pub fn add(
        &mut self,
        name: &'static str,
        usage: &'static str,
        help: &'static str,
        action: impl Fn(&mut G, &mut Context, &Arguments<'_>) -> Reply + 'static,
    ) -> &mut Self {
        self.by_name.insert(name, Command { usage, help, action: Action::Game(Box::new(action)) });
        self
    }

    /// Returns the command with this name.
    pub(super) fn find(&self, name: &str) -> Result<(&'static str, &Command<G>), CommandError> {
        if let Some((name, command)) = self.by_name.get_key_value(name) {
            return Ok((name, command));
        }
        let meant = suggest(name, self.by_name.keys().copied());
        let meant = meant.and_then(|meant| self.by_name.get_key_value(meant)).map(|(name, _)| *name);
        Err(CommandError::Unknown { name: name.into(), meant })
    }

    /// Returns the help text of all commands, or of the command `about`.
    pub(super) fn help(&self, about: Option<&str>) -> Reply {
        let line =
            |(name, command): (&&str, &Command<G>)| format!("{:<28} {}", command.line(name), command.help);
        match about {
            None => Ok(self.by_name.iter().map(line).collect::<Vec<_>>().join("\n")),
            Some(name) => match self.by_name.get_key_value(name) {
                Some(found) => Ok(line(found)),
                None => Err(CommandError::Failed(format!(
                    "there is no command `{}`; `help` lists all commands",
                    shown(name)
                ))),
            },
        }
    }
}

impl<G> Command<G> {
    /// Returns the command's name and usage.
    pub(super) fn line(&self, name: &str) -> String {
        if self.usage.is_empty() { name.into() } else { format!("{name} {}", self.usage) }
    }
}

/// A command that every server has.
#[derive(Clone, Copy)]
pub(super) enum BuiltIn {
    Help,
    Status,
    Clients,
    Kick,
    Ban,
    Unban,
    Bans,
    Say,
    Stats,
    Reload,
    Quit,
}

/// The name, usage and help text of each built-in command.
const BUILT_IN: [(&str, &str, &str, BuiltIn); 11] = [
    ("help", "[command]", "show the commands", BuiltIn::Help),
    ("status", "[--json]", "show the state of the server", BuiltIn::Status),
    ("clients", "[--json]", "list the clients", BuiltIn::Clients),
    ("kick", "<client> [reason]", "disconnect a client", BuiltIn::Kick),
    (
        "ban",
        "<client | identity | address> [reason]",
        "disconnect a client, and refuse it from now on",
        BuiltIn::Ban,
    ),
    ("unban", "<identity | address>", "lift a ban", BuiltIn::Unban),
    ("bans", "[--json]", "list the bans", BuiltIn::Bans),
    ("say", "<text>", "show a message to all players", BuiltIn::Say),
    ("stats", "[--json]", "show counters of network and ticks", BuiltIn::Stats),
    ("reload", "", "read the configuration again", BuiltIn::Reload),
    ("quit", "[reason]", "stop the server in an orderly way", BuiltIn::Quit),
];
