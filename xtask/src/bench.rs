//! `bench`: measures the costs of tickwire and of similar libraries.
//!
//! The crates of the benchmarks are a separate workspace, which CI does not lint. The help of the verb shows the command that
//! lints them.

use std::ffi::OsString;
use std::fs;
use std::path::{PathBuf, absolute};

use anyhow::{Context, Result};

use crate::command::Command;
use crate::{setup, workspace};

/// Measure tickwire and its peers
#[derive(clap::Args, Debug)]
#[command(after_help = LINT)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

/// The help text with the command that lints the crates of the benchmarks. CI does not lint them, because building the
/// other libraries takes too long.
const LINT: &str = "After a change below bench/:\n  \
cargo clippy --manifest-path bench/Cargo.toml --target-dir bench/target --all-targets --locked -- -D warnings";

#[derive(clap::Subcommand, Debug)]
enum What {
    Udp(Udp),
    Core(Core),
    Snapshot(Snapshot),
    Replication(Replication),
}

/// Race against peers over loopback UDP, server and clients in separate processes (`--help` lists the options)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
struct Udp {
    /// Arguments for the race
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Measure the core in memory: instructions, allocations and bytes per message, with limits for each
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Core {
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
    /// Compare with the recorded figures (`bench/gates.json`), and fail if a figure is worse
    #[arg(long, conflicts_with_all = ["json", "hold"])]
    check: bool,
    /// Write the figures of this run to `bench/gates.json`
    #[arg(long)]
    hold: bool,
    /// Leave the peers out, and show their figures of an earlier run
    #[arg(long)]
    alone: bool,
}

/// Measure the snapshot codec on a recording of cubes: bits, and time per frame; fails if a decoded unit differs
#[derive(clap::Args, Debug)]
struct Snapshot {
    /// Name of the codec: `fast`
    #[arg(long)]
    codec: Option<String>,
    /// File with the recording; without this option, the file that the variable `TICKWIRE_CUBES` names
    #[arg(long)]
    data: Option<PathBuf>,
    /// Number of cubes in the recording, if it is not 901
    #[arg(long)]
    cubes: Option<usize>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Measure replicated worlds in memory: bytes per client, and the server's time per tick
#[derive(clap::Args, Debug)]
struct Replication {
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
    /// Folder with recorded links (NAME.up, NAME.down); without this option, the folder that the variable
    /// `TICKWIRE_TRACES` names
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
    /// Write a page with a chart of the ages of the newest tick on each link
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Measure the worlds of R1 and R2 with bevy_replicon too, which takes minutes to build the first time
    #[arg(long)]
    peers: bool,
}

impl Core {
    /// Returns the options with which CI compares the figures.
    pub(crate) const fn gates() -> Self {
        Self { json: false, check: true, hold: false, alone: true }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Udp(udp) => bench("udp-race", &udp.arguments),
        What::Core(core) => self::core(core),
        What::Snapshot(snapshot) => self::snapshot(snapshot),
        What::Replication(replication) => self::replication(replication),
    }
}

/// Counts instructions with callgrind, in one process per case. A program counts the other figures, and compares all
/// figures.
pub(crate) fn core(args: &Core) -> Result<()> {
    let runner = setup::tools_for_instructions()?;
    let summaries = workspace::root().join("bench/target/gungraun");
    if summaries.is_dir() {
        fs::remove_dir_all(&summaries).with_context(|| format!("cannot remove {}", summaries.display()))?;
    }
    let features = if args.alone { "" } else { "--features peers" };
    let count = Command::cargo(&format!("bench {CORE_BENCH} {features} --bench instructions"));
    let count = count.arg("--").arg("--save-summary=json").arg("--nosummary");
    count.env("GUNGRAUN_RUNNER", &runner.display().to_string()).output()?;
    let judge = Command::cargo(&format!("run --release {CORE_BENCH} {features} --bin core-costs")).arg("--");
    let judge = judge.arg("--summaries").path(&summaries);
    let judge = judge.arg("--gates").path(&workspace::root().join("bench/gates.json"));
    let flags = [("--json", args.json), ("--check", args.check), ("--hold", args.hold)];
    flags.iter().filter(|(_, is_set)| *is_set).fold(judge, |judge, (flag, _)| judge.arg(flag)).run()
}

/// Sends the recording from an encoder to a decoder. Relative paths are relative to the caller's folder.
fn snapshot(args: &Snapshot) -> Result<()> {
    let mut command = Command::cargo(&format!("run --release {CORE_BENCH} --bin snapshot-codec")).arg("--");
    if let Some(codec) = &args.codec {
        command = command.arg("--codec").arg(codec);
    }
    if let Some(data) = &args.data {
        command = command.arg("--data").path(&absolute(data)?);
    }
    if let Some(cubes) = args.cubes {
        command = command.arg("--cubes").arg(cubes);
    }
    if args.json { command.arg("--json") } else { command }.run()
}

/// Replicates worlds. Relative paths are relative to the caller's folder.
fn replication(args: &Replication) -> Result<()> {
    let mut command = Command::cargo(&format!("run --release {CORE_BENCH} --bin replication")).arg("--");
    for (name, path) in [("--traces", &args.traces), ("--report", &args.report)] {
        if let Some(path) = path {
            command = command.arg(name).path(&absolute(path)?);
        }
    }
    if args.peers {
        command = command.arg("--peer").path(&replicon()?);
    }
    if args.json { command.arg("--json") } else { command }.run()
}

/// Builds the program that measures bevy_replicon, and returns its path. Its workspace is separate, because bevy declares a
/// newer compiler than `rust-toolchain.toml`.
fn replicon() -> Result<PathBuf> {
    let build = "build --quiet --release --locked --ignore-rust-version --manifest-path bench/replicon/Cargo.toml --target-dir";
    let target = workspace::root().join("bench/target/replicon");
    Command::cargo(build).path(&target).run().context("cannot build the benchmark of bevy_replicon")?;
    Ok(target.join("release/tickwire-replicon-bench").with_extension(std::env::consts::EXE_EXTENSION))
}

/// The arguments that select the package of the core's benchmarks in cargo.
const CORE_BENCH: &str =
    "--quiet --locked --manifest-path bench/Cargo.toml --target-dir bench/target -p tickwire-core-bench";

/// Builds and runs a benchmark. Its workspace is separate, because only the benchmarks need the other libraries.
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
