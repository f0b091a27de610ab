//! `swarm`: many seeds of the simulator.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::Command;

/// Play many seeds of the simulator with faults, and stop at the first seed that breaks a promise
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Number of seeds to play
    #[arg(long, value_name = "N", default_value_t = 200)]
    seeds: u64,
    /// Seconds of virtual time per seed
    #[arg(long, value_name = "S", default_value_t = 30)]
    seconds: u32,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// Replicate worlds in every seed, and not only in odd seeds; with --seeds 1000, 1,000 fault plans check that worlds
    /// converge
    #[arg(long)]
    worlds: bool,
    /// Report as JSON
    #[arg(long)]
    json: bool,
    /// File with faults that replace the seed's own, one per line, as a failed run saved them
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Write the trace of the first seed to a file, one line per event
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Plant a bug, and expect the seeds to find it; `all` plants each in turn
    #[arg(long, value_name = "NAME")]
    planted: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    command(args).run()
}

fn command(args: &Args) -> Command {
    let features = if args.planted.is_some() { "--features planted " } else { "" };
    let line = format!("run --release --locked -p tickwire-sim {features}--bin swarm --");
    let mut command = Command::cargo(&line)
        .arg("--seeds")
        .arg(args.seeds)
        .arg("--seconds")
        .arg(args.seconds)
        .arg("--from")
        .arg(args.from);
    for (name, path) in [("--faults", &args.faults), ("--trace", &args.trace)] {
        if let Some(path) = path {
            command = command.arg(name).path(path);
        }
    }
    if let Some(name) = &args.planted {
        command = command.arg("--planted").arg(name);
    }
    if args.worlds {
        command = command.arg("--worlds");
    }
    if args.json { command.arg("--json") } else { command }
}
