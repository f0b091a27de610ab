//! `paths`: measures congestion control on the paths of RFC 8867, on paths with jitter, and on recorded links.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::command::Command;

/// Play the paths of RFC 8867, paths with jitter or recorded links under both congestion controls, and print how full the link, how long the queue and how fair the shares are; or write a page about one run
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Number of seeds to play; the table shows the worst figure of all seeds
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "report")]
    seeds: u64,
    /// The first seed, and the seed of a report
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Play only the scenario with this name, or the scenarios whose names begin with this word (`jitter`)
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Share of datagrams lost at random in each direction, in percent; without it, paths of RFC 8867 are played with 0 and 5
    /// percent
    #[arg(long, value_name = "PERCENT")]
    loss: Option<String>,
    /// Play only one congestion control
    #[arg(long, value_enum, value_name = "NAME", conflicts_with = "traces")]
    algorithm: Option<Algorithm>,
    /// Play the recorded links in the folder that `TICKWIRE_TRACES` names
    #[arg(long)]
    traces: bool,
    /// Write a page about one run of a scenario to a file, Copa and CUBIC side by side
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    report: Option<PathBuf>,
    /// Make the report of this recorded link (mahimahi's format)
    #[arg(long, value_name = "FILE", requires = "report", conflicts_with_all = ["only", "traces"])]
    trace: Option<PathBuf>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Algorithm {
    Copa,
    Cubic,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let line = "run --quiet --release --locked -p tickwire-sim --bin paths --";
    let mut command = Command::cargo(line).arg("--seeds").arg(args.seeds).arg("--seed").arg(args.seed);
    let algorithm = args.algorithm.map(|algorithm| format!("{algorithm:?}").to_lowercase());
    for (name, value) in [("--only", &args.only), ("--loss", &args.loss), ("--algorithm", &algorithm)] {
        if let Some(value) = value {
            command = command.arg(name).arg(value);
        }
    }
    for (name, path) in [("--report", &args.report), ("--trace", &args.trace)] {
        if let Some(path) = path {
            command = command.arg(name).path(&here(path)?);
        }
    }
    let flags = [("--traces", args.traces), ("--json", args.json)];
    flags.iter().filter(|(_, is_set)| *is_set).fold(command, |command, (name, _)| command.arg(name)).run()
}

/// Returns the absolute path of a file. Commands run in the root of the workspace, but a path is relative to the user's
/// folder.
fn here(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is not the path of a file", path.display()))
}
