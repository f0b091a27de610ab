//! Arguments that a verb passes on to the program that it starts, `--help` among them.

use std::ffi::OsString;

use crate::command::Command;

/// What comes after the verb.
#[derive(clap::Args, Debug)]
pub(crate) struct PassedOn {
    /// What the program is told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl PassedOn {
    /// The command with them.
    pub(crate) fn to(&self, command: Command) -> Command {
        self.arguments.iter().fold(command, |command, argument| command.path(argument.as_ref()))
    }
}
