//! `load`: runs a dedicated server and a thousand clients that send each other messages, and counts the arrived messages.

use anyhow::Result;

use crate::demo::build_and_become;
use crate::passed_on::PassedOn;

/// Put a dedicated server under the load of 1,000 clients for a minute (`--help` lists the options)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[command(flatten)]
    passed_on: PassedOn,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    build_and_become(BUILD, "tickwire-load", &args.passed_on)
}

const BUILD: &str = "build --release --locked -p tickwire-demo --bin tickwire-load --bin load-server";
