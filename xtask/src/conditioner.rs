//! `conditioner`: runs a bad network between real processes.

use anyhow::Result;

use crate::command::Command;
use crate::passed_on::PassedOn;

/// Pass UDP between clients and a server as a bad network would (`--help` lists the options)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[command(flatten)]
    passed_on: PassedOn,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let command = Command::cargo(
        "run --quiet --release --locked -p tickwire-sim --features conditioner --bin conditioner --",
    );
    args.passed_on.to(command).run()
}
