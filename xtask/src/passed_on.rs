//! The arguments that a verb passes to the program that it starts, including `--help`.

use std::ffi::OsString;

use crate::command::Command;

/// The arguments after the verb.
#[derive(clap::Args, Debug)]
pub(crate) struct PassedOn {
    /// Arguments for the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl PassedOn {
    /// Adds the arguments to the command.
    pub(crate) fn to(&self, command: Command) -> Command {
        self.arguments.iter().fold(command, |command, argument| command.path(argument.as_ref()))
    }
}
