//! `conditioner`: a bad network between two real processes.

use std::ffi::OsString;

use anyhow::Result;

use crate::command::Command;

/// Pass UDP between clients and a server as a bad network would (`--help` lists what it can do)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What the conditioner is told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut command = Command::cargo(
        "run --quiet --release --locked -p tickwire-sim --features conditioner --bin conditioner --",
    );
    for argument in &args.arguments {
        command = command.path(argument.as_ref());
    }
    command.run()
}
