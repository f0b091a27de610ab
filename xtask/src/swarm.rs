//! `swarm`: many seeds of the simulator.

use anyhow::Result;

use crate::command::Command;

/// Play many seeds of the simulator with faults, and stop at the first that breaks a promise
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How many seeds to play
    #[arg(long, value_name = "N", default_value_t = 200)]
    seeds: u64,
    /// How many seconds of virtual time each seed lasts
    #[arg(long, value_name = "S", default_value_t = 30)]
    seconds: u32,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    command(args).run()
}

fn command(args: &Args) -> Command {
    let command = Command::cargo("run --release --locked -p tickwire-sim --bin swarm --")
        .arg("--seeds")
        .arg(args.seeds)
        .arg("--seconds")
        .arg(args.seconds)
        .arg("--from")
        .arg(args.from);
    if args.json { command.arg("--json") } else { command }
}
