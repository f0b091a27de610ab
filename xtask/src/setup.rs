//! `setup`: installs the tools that the other verbs need and this machine lacks.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::Command;
use crate::targets::{ARM, BARE, BIG_ENDIAN, WASM, WINDOWS};
use crate::workspace;

/// Install the tools that the other verbs need and this machine lacks
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<()> {
    rust_target(WASM)?;
    rust_target(BARE)?;
    tools_for_big_endian()?;
    tools_for_arm()?;
    tools_for_wasm()?;
    tools_for_windows()?;
    tools_for_instructions().map(drop)
}

/// Installs the tools that compile, link and run programs for [`BIG_ENDIAN`].
pub(crate) fn tools_for_big_endian() -> Result<()> {
    rust_target(BIG_ENDIAN)?;
    tools(&[
        Tool { package: "gcc-s390x-linux-gnu", sign: Sign::Program("s390x-linux-gnu-gcc") },
        Tool { package: "libc6-dev-s390x-cross", sign: Sign::Folder("/usr/s390x-linux-gnu/lib") },
        Tool { package: "qemu-user", sign: Sign::Program("qemu-s390x") },
    ])
}

/// Installs the tools that compile, link and run programs for [`ARM`].
pub(crate) fn tools_for_arm() -> Result<()> {
    rust_target(ARM)?;
    tools(&[
        Tool { package: "gcc-aarch64-linux-gnu", sign: Sign::Program("aarch64-linux-gnu-gcc") },
        Tool { package: "libc6-dev-arm64-cross", sign: Sign::Folder("/usr/aarch64-linux-gnu/lib") },
        Tool { package: "qemu-user", sign: Sign::Program("qemu-aarch64") },
    ])
}

/// Installs the tools that compile and run modules for [`WASM`].
pub(crate) fn tools_for_wasm() -> Result<()> {
    rust_target(WASM)?;
    tools(&[Tool { package: "nodejs", sign: Sign::Program("node") }])
}

/// The path of wine in Debian.
pub(crate) const WINE: &str = "/usr/lib/wine/wine64";

/// Installs the tools that compile, link and run programs for Windows.
pub(crate) fn tools_for_windows() -> Result<()> {
    rust_target(WINDOWS)?;
    tools(&[
        Tool { package: "gcc-mingw-w64-x86-64", sign: Sign::Program("x86_64-w64-mingw32-gcc") },
        Tool { package: "wine64", sign: Sign::Program(WINE) },
    ])
}

/// The version of gungraun with which `bench/` is built. The runner must have the same version.
const GUNGRAUN: &str = "0.20.0";

/// Installs the tools that count instructions, and returns the path of gungraun's runner, which is kept beside the
/// benches.
pub(crate) fn tools_for_instructions() -> Result<PathBuf> {
    tools(&[Tool { package: "valgrind", sign: Sign::Program("valgrind") }])?;
    let folder = workspace::root().join("bench/target/tools");
    let runner = folder.join("bin/gungraun-runner");
    if !runner.is_file() {
        let install = format!("install --quiet --debug --locked gungraun-runner --version {GUNGRAUN} --root");
        Command::cargo(&install).path(&folder).run().context("cannot install gungraun-runner")?;
    }
    Ok(runner)
}

/// Adds a target to the current toolchain, if it is not installed.
pub(crate) fn rust_target(target: &str) -> Result<()> {
    if has_rust_target(target) {
        return Ok(());
    }
    let add = Command::new("rustup", ["target", "add", target]);
    add.run().with_context(|| format!("the Rust target {target} is not installed and cannot be added"))
}

fn has_rust_target(target: &str) -> bool {
    let library = Command::new("rustc", ["--print", "target-libdir", "--target", target]).output();
    library.is_ok_and(|path| Path::new(path.trim()).is_dir())
}

/// A tool that a Debian package provides.
struct Tool {
    package: &'static str,
    sign: Sign,
}

/// A check for the presence of a [`Tool`].
enum Sign {
    Program(&'static str),
    Folder(&'static str),
}

impl Tool {
    fn is_missing(&self) -> bool {
        match self.sign {
            Sign::Program(name) => !Command::new(name, ["--version"]).succeeds(),
            Sign::Folder(path) => !Path::new(path).is_dir(),
        }
    }
}

fn tools(wanted: &[Tool]) -> Result<()> {
    let missing: Vec<&str> =
        wanted.iter().filter(|tool| tool.is_missing()).map(|tool| tool.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !is_root_on_debian() {
        bail!("some tools are missing; install the Debian packages {names}, and run the command again");
    }
    // Standard output is for what a verb reports.
    eprintln!("installing {names}");
    // Stale lists are common in containers; a failure to refresh them shows up in the install.
    let refreshed = Command::new("apt-get", ["update", "-qq"]).succeeds();
    let install = Command::new("apt-get", ["install", "-y", "-qq", "--no-install-recommends"]);
    let install = install.env("DEBIAN_FRONTEND", "noninteractive");
    let install = missing.iter().fold(install, Command::arg);
    let installed = install.output();
    installed.with_context(|| format!("cannot install {names} (package lists refreshed: {refreshed})"))?;
    Ok(())
}

fn is_root_on_debian() -> bool {
    let is_root = Command::new("id", ["-u"]).output().is_ok_and(|id| id.trim() == "0");
    is_root && Path::new("/etc/debian_version").is_file()
}

#[cfg(test)]
mod tests {
    use super::{Sign, Tool, has_rust_target};

    #[test]
    fn a_tool_that_is_not_installed_is_reported_as_missing() {
        let tool = |sign| Tool { package: "some-package", sign };
        assert!(!tool(Sign::Program("cargo")).is_missing());
        assert!(tool(Sign::Program("no-such-program-as-this")).is_missing());
        assert!(!tool(Sign::Folder(env!("CARGO_MANIFEST_DIR"))).is_missing());
        assert!(tool(Sign::Folder("/no/such/folder")).is_missing());
    }

    #[test]
    fn the_benchmark_runner_that_setup_installs_has_the_version_of_the_benchmark_library() {
        let manifest =
            std::fs::read_to_string(super::workspace::root().join("bench/core/Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("gungraun = \"={}\"", super::GUNGRAUN)), "{}", super::GUNGRAUN);
    }

    #[test]
    fn a_target_without_its_standard_library_counts_as_not_installed() {
        // A target of the compiler that ships no library at all.
        assert!(!has_rust_target("avr-none"));
    }
}
