//! `test`: everything that CI runs.

use std::time::Instant;

use anyhow::Result;

use crate::command::Command;
use crate::metadata::Workspace;
use crate::step::{command_step, step};
use crate::{bench, deny, no_std, platforms};

/// Run everything that CI runs, and stop at the first failure
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Leave out the slow steps: planted bugs, other targets, costs, trace hashes, endurance and the swarm
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    house()?;
    command_step("tests", &Command::cargo("test --workspace --locked --features tickwire-sim/conditioner"))?;
    if args.quick {
        println!(
            "\nskipped because of --quick: planted bugs, no_std targets, costs, trace hashes, endurance, swarm"
        );
    } else {
        command_step("planted bugs", &planted())?;
        step("no_std", "cargo xtask no-std", || no_std::run(&no_std::Args {}))?;
        // Valgrind runs where Linux does.
        if cfg!(target_os = "linux") {
            let repeat = "cargo xtask bench core --check --alone";
            step("costs of the core", repeat, || bench::core(&bench::Core::gates()))?;
        }
        simulation(&Workspace::load()?)?;
    }
    println!("\nall steps passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Runs the checks that do not need the product.
fn house() -> Result<()> {
    command_step("format", &Command::cargo("fmt --all --check"))?;
    let clippy = Command::cargo(
        "clippy --workspace --all-targets --locked --features tickwire-sim/conditioner -- -D warnings",
    );
    command_step("clippy", &clippy)?;
    command_step("features", &Command::cargo(RUST_ALONE))?;
    step("dependencies", "cargo xtask deny", || deny::run(&deny::Args::default()))?;
    let doc = Command::cargo("doc --workspace --no-deps --document-private-items --locked");
    command_step("documentation", &doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// A build without ring, for users without a C compiler. All other steps use ring, which is the default.
const RUST_ALONE: &str = "check --locked -p tickwire --no-default-features --features native,server,sim";

/// Returns the command that checks that the tests find bugs that are planted on purpose.
fn planted() -> Command {
    Command::cargo(
        "test --locked -p tickwire-sim -p tickwire-fuzz --features tickwire-sim/planted,tickwire-fuzz/planted --test planted -- --nocapture",
    )
}

/// Runs the checks of the simulator. Each step needs the package of its program.
fn simulation(workspace: &Workspace) -> Result<()> {
    if workspace.has_bin("tickwire-sim", "trace-hash") {
        step("hashes", &platforms_held(), platforms::hold)?;
    }
    if workspace.has_bin("tickwire-sim", "endurance") {
        let million =
            "run --release --locked -p tickwire-sim --bin endurance -- --messages 1000000 --sessions 2";
        command_step("endurance", &Command::cargo(million))?;
    }
    if workspace.has_bin("tickwire-sim", "swarm") {
        command_step("swarm", &Command::cargo("xtask swarm --seeds 200 --seconds 30"))?;
    }
    Ok(())
}

/// Returns the command that repeats the comparison of [`platforms::hold`].
fn platforms_held() -> String {
    let one = |(target, seeds)| format!("cargo xtask platforms --only {target} --seeds {seeds}");
    platforms::HELD.map(one).join(" && ")
}
