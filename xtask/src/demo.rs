//! `demo`: runs a server, a bad network and many bots, and shows their progress in a table.

use anyhow::Result;

use crate::command::Command;
use crate::metadata::Workspace;
use crate::passed_on::PassedOn;

/// Run a dedicated server with 64 bots over real UDP, and show their progress (`--help` lists the options)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[command(flatten)]
    passed_on: PassedOn,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    build_and_become(BUILD, "tickwire-demo", &args.passed_on)
}

/// Builds programs, and replaces this process by one of them, which finds the other programs in its own folder.
pub(crate) fn build_and_become(build: &str, program: &str, passed_on: &PassedOn) -> Result<()> {
    Command::cargo(build).run()?;
    let folder = Workspace::load()?.target_directory.join("release");
    let program = folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    passed_on.to(Command::new(&program.display().to_string(), [""; 0])).become_it()
}

const BUILD: &str = "build --release --locked -p tickwire-server -p tickwire-sim -p tickwire-demo \
                     --features tickwire-sim/conditioner \
                     --bin tickwire-server --bin conditioner --bin tickwire-demo --bin tickwire-bots";
