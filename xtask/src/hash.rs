//! `hash`: hashes of everything that a simulated run did, on one target or another.

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::command::Command;
use crate::no_std::WASM;
use crate::setup::{self, BIG_ENDIAN};
use crate::workspace::{self, Workspace};

/// Print a hash of everything that simulated runs did: the same on every target
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How many seeds to play, from 0
    #[arg(long, value_name = "N", default_value_t = 4)]
    seeds: u64,
    /// How many seconds of virtual time each seed lasts
    #[arg(long, value_name = "S", default_value_t = 10)]
    seconds: u32,
    /// Where to run
    #[arg(long, value_enum, default_value_t = Target::Native)]
    target: Target,
    /// Run natively too, and fail at the first line that differs
    #[arg(long)]
    compare: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Target {
    /// This machine
    Native,
    /// WebAssembly, in node
    Wasm32,
    /// A big-endian machine, under qemu
    S390x,
}

impl Args {
    /// What `test` demands of a target: as many runs as there is time for, compared with the native ones.
    pub(crate) fn comparison(target: Target) -> Self {
        let seeds = if target == Target::S390x { 20 } else { 100 };
        Self { seeds, seconds: 10, target, compare: true }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let here = lines(args, args.target)?;
    for line in &here {
        println!("{line}");
    }
    if args.compare {
        let native = lines(args, Target::Native)?;
        same(&native, &here).with_context(|| format!("{:?} and Native differ", args.target))?;
    }
    Ok(())
}

fn lines(args: &Args, target: Target) -> Result<Vec<String>> {
    let output = command(args, target)?.output()?;
    let lines: Vec<String> = output.lines().map(str::to_owned).collect();
    for line in &lines {
        ensure!(is_hash_line(line), "expected `seed hash` (decimal, 16 hexadecimal digits), got {line:?}");
    }
    ensure!(lines.len() as u64 == args.seeds, "asked for {} hashes, got {}", args.seeds, lines.len());
    Ok(lines)
}

fn command(args: &Args, target: Target) -> Result<Command> {
    let native = Command::cargo("run --release --locked -p tickwire-sim --bin trace-hash");
    let command = match target {
        Target::Native => native.arg("--"),
        Target::S390x => {
            setup::tools_for_big_endian()?;
            native
                .arg("--target")
                .arg(BIG_ENDIAN)
                .env("CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER", "s390x-linux-gnu-gcc")
                .env("CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER", "qemu-s390x -L /usr/s390x-linux-gnu")
                .arg("--")
        }
        Target::Wasm32 => return wasm_command(args),
    };
    Ok(command.arg("--seeds").arg(args.seeds).arg("--seconds").arg(args.seconds))
}

/// Builds the module, and returns the command that runs it.
fn wasm_command(args: &Args) -> Result<Command> {
    setup::tools_for_wasm()?;
    Command::cargo("build --release --locked -p tickwire-wasm-tests --target").arg(WASM).run()?;
    let module = Workspace::load()?.target_directory.join(WASM).join("release/tickwire_wasm_tests.wasm");
    let script = workspace::root().join("xtask/src/wasm_hash.mjs");
    Ok(Command::new("node", [""; 0]).path(&script).path(&module).arg(args.seeds).arg(args.seconds))
}

fn is_hash_line(line: &str) -> bool {
    line.split_once(' ').is_some_and(|(seed, hash)| {
        seed.parse::<u64>().is_ok()
            && hash.len() == 16
            && hash.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    })
}

fn same(expected: &[String], actual: &[String]) -> Result<()> {
    for (expected, actual) in expected.iter().zip(actual) {
        ensure!(expected == actual, "expected `{expected}`, got `{actual}`");
    }
    if expected.len() != actual.len() {
        bail!("{} lines against {}", expected.len(), actual.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{is_hash_line, same};

    #[test]
    fn a_line_is_a_seed_and_sixteen_digits() {
        assert!(is_hash_line("17 00ff00ff00ff00ff"));
        for bad in ["", "17", "17 ff", "x 00ff00ff00ff00ff", "17 00FF00FF00FF00FF", "17 00ff00ff00ff00ff 1"] {
            assert!(!is_hash_line(bad), "{bad:?} was taken");
        }
    }

    #[test]
    fn any_difference_is_an_error() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert!(same(&lines("0 aa\n1 bb"), &lines("0 aa\n1 bb")).is_ok());
        assert!(same(&lines("0 aa\n1 bb"), &lines("0 aa\n1 bc")).is_err());
        assert!(same(&lines("0 aa\n1 bb"), &lines("0 aa")).is_err());
    }
}
