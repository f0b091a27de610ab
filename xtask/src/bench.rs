//! `bench`: what tickwire costs, beside its peers.

use std::ffi::OsString;

use anyhow::Result;

use crate::command::Command;

/// Measure tickwire beside its peers
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    Udp(Udp),
}

/// Race over loopback UDP, server and clients in separate processes (`--help` lists what it can do)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
struct Udp {
    /// What the race is told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Udp(udp) => bench("udp-race", &udp.arguments),
    }
}

/// The peers are compiled in a workspace of their own, and only here.
fn bench(program: &str, arguments: &[OsString]) -> Result<()> {
    let mut command = Command::cargo(
        "run --quiet --release --locked --manifest-path bench/Cargo.toml --target-dir bench/target --bin",
    )
    .arg(program)
    .arg("--");
    for argument in arguments {
        command = command.path(argument.as_ref());
    }
    command.run()
}
