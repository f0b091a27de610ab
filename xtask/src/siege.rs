//! `siege`: attacks a dedicated server on the loopback interface, while a canary client connects again and again.

use anyhow::Result;

use crate::demo::build_and_become;
use crate::passed_on::PassedOn;

/// Attack a dedicated server on this machine, and measure whether honest clients still connect (`--help` lists the options)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[command(flatten)]
    passed_on: PassedOn,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    build_and_become(BUILD, "tickwire-siege", &args.passed_on)
}

const BUILD: &str = "build --release --locked -p tickwire-server -p tickwire-demo \
                     --bin tickwire-server --bin tickwire-bots --bin tickwire-siege";
