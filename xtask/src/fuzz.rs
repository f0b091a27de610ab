//! `fuzz`: runs one fuzz target.

use anyhow::{Result, bail};

use crate::command::Command;

/// Fuzz one target with cargo-fuzz, on the nightly toolchain
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the target; without it, the targets are listed
    target: Option<String>,
    /// Seconds to fuzz
    #[arg(long, value_name = "S", default_value_t = 60)]
    seconds: u32,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if !Command::cargo("+nightly --version").succeeds() {
        bail!(
            "fuzzing needs the nightly toolchain; run `rustup toolchain install nightly --profile minimal`"
        );
    }
    if !Command::cargo("+nightly fuzz --version").succeeds() {
        bail!("fuzzing needs cargo-fuzz; run `cargo install --locked cargo-fuzz`");
    }
    let Some(target) = &args.target else {
        return Command::cargo("+nightly fuzz list").run();
    };
    let command = Command::cargo("+nightly fuzz run").arg(target).arg("--");
    command.arg(format_args!("-max_total_time={}", args.seconds)).run()
}
