//! `paths`: what congestion control makes of the paths of RFC 8867 and of recorded links.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::Command;

/// Play the paths of RFC 8867 under both congestion controls: how full the link, how long the queue, how fair the shares
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How many seeds to play; the worst figure of all is shown
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: u64,
    /// Only the scenario of this name
    #[arg(long, value_name = "NAME")]
    only: Option<PathBuf>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let line = "run --quiet --release --locked -p tickwire-sim --bin paths --";
    let mut command = Command::cargo(line).arg("--seeds").arg(args.seeds);
    if let Some(only) = &args.only {
        command = command.arg("--only").path(only);
    }
    if args.json { command.arg("--json") } else { command }.run()
}
