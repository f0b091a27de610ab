//! `bench`: what tickwire costs, beside its peers.
//!
//! The measuring crates are a workspace of their own, which CI does not lint; its help says how a person does.

use std::ffi::OsString;
use std::fs;

use anyhow::{Context, Result};

use crate::command::Command;
use crate::{setup, workspace};

/// Measure tickwire beside its peers
#[derive(clap::Args, Debug)]
#[command(after_help = LINT)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

/// How the measuring crates are linted: in CI their peers would cost more time than they are worth.
const LINT: &str = "After a change below bench/:\n  \
cargo clippy --manifest-path bench/Cargo.toml --target-dir bench/target --all-targets --locked -- -D warnings";

#[derive(clap::Subcommand, Debug)]
enum What {
    Udp(Udp),
    Core(Core),
}

/// Race over loopback UDP, server and clients in separate processes (`--help` lists what it can do)
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true)]
struct Udp {
    /// Arguments for the race
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// The core in memory: instructions, allocations and bytes per message, and the gates that hold them
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Core {
    /// Print the rows for a program
    #[arg(long)]
    json: bool,
    /// Compare with the figures that were reached (`bench/gates.json`), and fail where one is worse
    #[arg(long, conflicts_with_all = ["json", "hold"])]
    check: bool,
    /// Write the figures of this run to `bench/gates.json`
    #[arg(long)]
    hold: bool,
    /// Leave the peers out: their figures are those of an earlier run
    #[arg(long)]
    alone: bool,
}

impl Core {
    /// The gates as CI runs them.
    pub(crate) const fn gates() -> Self {
        Self { json: false, check: true, hold: false, alone: true }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Udp(udp) => bench("udp-race", &udp.arguments),
        What::Core(core) => self::core(core),
    }
}

/// Callgrind counts instructions, one process per case; a program counts the rest and judges.
pub(crate) fn core(args: &Core) -> Result<()> {
    let runner = setup::tools_for_instructions()?;
    let summaries = workspace::root().join("bench/target/gungraun");
    if summaries.is_dir() {
        fs::remove_dir_all(&summaries).with_context(|| format!("cannot remove {}", summaries.display()))?;
    }
    let features = if args.alone { "" } else { "--features peers" };
    let package =
        "--quiet --locked --manifest-path bench/Cargo.toml --target-dir bench/target -p tickwire-core-bench";
    let count = Command::cargo(&format!("bench {package} {features} --bench instructions"));
    let count = count.arg("--").arg("--save-summary=json").arg("--nosummary");
    count.env("GUNGRAUN_RUNNER", &runner.display().to_string()).output()?;
    let judge = Command::cargo(&format!("run --release {package} {features} --bin core-costs")).arg("--");
    let judge = judge.arg("--summaries").path(&summaries);
    let judge = judge.arg("--gates").path(&workspace::root().join("bench/gates.json"));
    let flags = [("--json", args.json), ("--check", args.check), ("--hold", args.hold)];
    flags.iter().filter(|(_, is_set)| *is_set).fold(judge, |judge, (flag, _)| judge.arg(flag)).run()
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
