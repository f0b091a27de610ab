//! `demo`: a server, a bad network and a crowd of bots, and a table that says how they do.

use std::ffi::OsString;

use anyhow::Result;

use crate::command::Command;
use crate::workspace::Workspace;

/// Run a dedicated server with 64 bots over real UDP, and show how they do (`--help` lists what can be varied)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What the demonstration is told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    build_and_become(BUILD, "tickwire-demo", &args.arguments)
}

/// Builds programs, and runs one of them in the place of this process, where it finds the others beside it.
pub(crate) fn build_and_become(build: &str, program: &str, arguments: &[OsString]) -> Result<()> {
    Command::cargo(build).run()?;
    let folder = Workspace::load()?.target_directory.join("release");
    let program = folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(&program.display().to_string(), [""; 0]);
    for argument in arguments {
        command = command.path(argument.as_ref());
    }
    command.become_it()
}

const BUILD: &str = "build --release --locked -p tickwire-server -p tickwire-sim -p tickwire-demo \
                     --features tickwire-sim/conditioner \
                     --bin tickwire-server --bin conditioner --bin tickwire-demo --bin tickwire-bots";
