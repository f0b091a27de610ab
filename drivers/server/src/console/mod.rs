//! Commands, from wherever their lines come.

mod arguments;
pub(crate) mod builtin;
mod foreground;
mod input;
mod output;
mod spool;
mod terminal;

use std::collections::BTreeMap;
use std::fmt;

pub use arguments::Arguments;
pub(crate) use input::start;
pub(crate) use output::Output;
pub(crate) use terminal::Terminal;

use crate::context::Context;
use crate::game::Game;
use crate::server::Dedicated;
use crate::suggest::suggest;

/// What a command answers: text for whoever gave it.
pub type Reply = Result<String, CommandError>;

/// Why a command did nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// Its arguments are wrong, in this way. The command's usage is shown after it.
    Usage(String),
    /// It could not be carried out, for this reason.
    Failed(String),
    /// There is no such command.
    Unknown {
        /// What was written.
        name: String,
        /// What may have been meant.
        meant: Option<&'static str>,
    },
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) | Self::Failed(what) => f.write_str(what),
            Self::Unknown { name, meant } => {
                write!(f, "unknown command `{}`; ", shown(name))?;
                match meant {
                    Some(meant) => write!(f, "did you mean `{meant}`?"),
                    None => f.write_str("`help` lists the commands"),
                }
            }
        }
    }
}

impl std::error::Error for CommandError {}

/// The console commands of a server whose game is `G`, as [`crate::Game::commands`] adds to them.
pub struct Commands<G: Game> {
    by_name: BTreeMap<&'static str, Command<G>>,
}

struct Command<G: Game> {
    /// What follows the name.
    usage: &'static str,
    help: &'static str,
    action: Action<G>,
}

enum Action<G: Game> {
    BuiltIn(fn(&mut Dedicated<G>, &Arguments<'_>) -> Reply),
    Game(Box<GameAction<G>>),
}

type GameAction<G> = dyn Fn(&mut G, &mut Context<'_>, &Arguments<'_>) -> Reply;

impl<G: Game> fmt::Debug for Commands<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl<G: Game> Commands<G> {
    pub(crate) fn new() -> Self {
        let mut commands = Self { by_name: BTreeMap::new() };
        builtin::add(&mut commands);
        G::commands(&mut commands);
        commands
    }

    /// Adds a command: what follows its name (`<client> [reason]`), what it does in a few words, and the function. One of
    /// the same name is replaced, the server's own included.
    pub fn add(
        &mut self,
        name: &'static str,
        usage: &'static str,
        help: &'static str,
        action: impl Fn(&mut G, &mut Context<'_>, &Arguments<'_>) -> Reply + 'static,
    ) -> &mut Self {
        self.by_name.insert(name, Command { usage, help, action: Action::Game(Box::new(action)) });
        self
    }

    fn add_builtin(
        &mut self,
        name: &'static str,
        usage: &'static str,
        help: &'static str,
        action: fn(&mut Dedicated<G>, &Arguments<'_>) -> Reply,
    ) {
        self.by_name.insert(name, Command { usage, help, action: Action::BuiltIn(action) });
    }

    /// Carries a line out. An empty one does nothing.
    pub(crate) fn run(&self, server: &mut Dedicated<G>, line: &str) -> Reply {
        let line = line.trim();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if name.is_empty() {
            return Ok(String::new());
        }
        let Some((name, command)) = self.by_name.get_key_value(name) else {
            let meant = suggest(name, self.by_name.keys().copied());
            let meant = meant.and_then(|meant| self.by_name.get_key_value(meant)).map(|(name, _)| *name);
            return Err(CommandError::Unknown { name: name.into(), meant });
        };
        let arguments = Arguments::new(rest);
        let reply = match &command.action {
            Action::BuiltIn(action) => action(server, &arguments),
            Action::Game(action) => server.with_game(|game, context| action(game, context, &arguments)),
        };
        reply.map_err(|error| match error {
            CommandError::Usage(what) => {
                CommandError::Usage(format!("{what}; usage: {}", command.line(name)))
            }
            other => other,
        })
    }

    /// What all commands, or one, are for.
    pub(crate) fn help(&self, about: Option<&str>) -> Reply {
        let line =
            |(name, command): (&&str, &Command<G>)| format!("{:<28} {}", command.line(name), command.help);
        match about {
            None => Ok(self.by_name.iter().map(line).collect::<Vec<_>>().join("\n")),
            Some(name) => match self.by_name.get_key_value(name) {
                Some(found) => Ok(line(found)),
                None => Err(CommandError::Failed(format!("there is no command `{}`", shown(name)))),
            },
        }
    }
}

/// What somebody wrote, to be shown to him again: not all of it if it is long, and no control characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(ECHO).flat_map(char::escape_debug).collect();
    if text.chars().nth(ECHO).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters that are shown again.
const ECHO: usize = 40;

impl<G: Game> Command<G> {
    fn line(&self, name: &str) -> String {
        if self.usage.is_empty() { name.into() } else { format!("{name} {}", self.usage) }
    }
}
