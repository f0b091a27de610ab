//! `windows`: runs the tests of the drivers and the examples as Windows programs under wine.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Command;
use crate::metadata::Workspace;
use crate::setup;
use crate::targets::WINDOWS;

/// Run the drivers' tests and the examples as Windows programs, under wine
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Build the tests and examples without running them
    #[arg(long)]
    no_run: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let drivers = "test --locked -p tickwire -p tickwire-native -p tickwire-server --target";
    let test = under_wine(Command::cargo(drivers).arg(WINDOWS))?;
    if args.no_run { test.arg("--no-run").run() } else { test.run() }
}

/// Returns the cargo command that runs programs under wine.
pub(crate) fn under_wine(command: Command) -> Result<Command> {
    setup::tools_for_windows()?;
    let folder = shim()?;
    Ok(command
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", COMPILER)
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", setup::WINE)
        .env("WINEDEBUG", "-all")
        .env("WINEPREFIX", &folder.join("prefix").display().to_string())
        .env("WINEPATH", &format!("Z:{}", folder.display())))
}

/// Builds a library that Rust's standard library imports and Debian's wine lacks. Returns the folder of the library.
fn shim() -> Result<PathBuf> {
    let folder = Workspace::load()?.target_directory.join("wine");
    let library = folder.join("bcryptprimitives.dll");
    if !library.is_file() {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let source = folder.join("bcryptprimitives.c");
        std::fs::write(&source, SHIM).with_context(|| format!("cannot write {}", source.display()))?;
        Command::new(COMPILER, ["-shared", "-o"]).path(&library).path(&source).arg("-ladvapi32").run()?;
    }
    Ok(folder)
}

const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// The source of the library: it gets random bytes from a function that older versions of wine have too.
const SHIM: &str = "\
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL ProcessPrng(PBYTE bytes, SIZE_T length) {
    return SystemFunction036(bytes, (ULONG)length);
}
";
