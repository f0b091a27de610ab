//! Runs the line of a command.

use std::rc::Rc;

use super::arguments::Arguments;
use super::builtin;
use super::commands::Action;
use super::reply::{CommandError, Reply};
use crate::game::Game;
use crate::server::Dedicated;

/// Runs a line as a command. An empty line has no effect and an empty reply.
pub(crate) fn run<G: Game>(server: &mut Dedicated<G>, line: &str) -> Reply {
    let line = line.trim();
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if name.is_empty() {
        return Ok(String::new());
    }
    let commands = Rc::clone(&server.commands);
    let (name, command) = commands.find(name)?;
    let arguments = Arguments::new(rest);
    let reply = match &command.action {
        Action::BuiltIn(action) => builtin::run(server, *action, &arguments),
        Action::Game(action) => server.with_game(|game, context| action(game, context, &arguments)),
    };
    reply.map_err(|error| match error {
        CommandError::Usage(what) => CommandError::Usage(format!("{what}; usage: {}", command.line(name))),
        other => other,
    })
}
