//! `no-std`: checks that the core builds without the standard library, on targets that have none.

use anyhow::Result;

use crate::command::Command;
use crate::setup;
use crate::targets::{BARE, WASM};

/// Check that the core builds without the standard library, for wasm32 and for a bare microcontroller
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<()> {
    setup::rust_target(WASM)?;
    check(WASM).run()?;
    if let Err(error) = setup::rust_target(BARE) {
        println!("SKIPPED {BARE}: {error:#}");
        return Ok(());
    }
    check(BARE).run()
}

fn check(target: &str) -> Command {
    Command::cargo("check --locked -p tickwire-core --no-default-features --target").arg(target)
}
