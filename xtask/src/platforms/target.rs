//! The other platforms, and the commands that run their programs on this machine.

use std::fmt;

use anyhow::Result;
use clap::ValueEnum;

use super::hashes::{Player, TRACE_HASH};
use crate::command::Command;
use crate::metadata::Workspace;
use crate::setup;
use crate::targets::{ARM, BIG_ENDIAN, WASM, WINDOWS};
use crate::windows::under_wine;
use crate::workspace;

/// A platform whose runs are compared with those of this machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(crate) enum Target {
    /// WebAssembly, in Node.js
    Wasm32,
    /// 64-bit ARM, under qemu
    Aarch64,
    /// A big-endian machine, under qemu
    S390x,
    /// Windows, under wine
    Windows,
}

impl Target {
    pub(crate) const ALL: [Self; 4] = [Self::Wasm32, Self::Aarch64, Self::S390x, Self::Windows];

    /// Builds the player for the target.
    pub(super) fn player(self) -> Result<Player> {
        match self {
            Self::Wasm32 => module(),
            Self::Aarch64 => {
                setup::tools_for_arm()?;
                Player::program(under_qemu(&program(ARM), ARM, "aarch64"))
            }
            Self::S390x => {
                setup::tools_for_big_endian()?;
                Player::program(under_qemu(&program(BIG_ENDIAN), BIG_ENDIAN, "s390x"))
            }
            Self::Windows => Player::program(under_wine(program(WINDOWS))?),
        }
    }
}

/// Writes the name of the target as on the command line.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Wasm32 => "wasm32",
            Self::Aarch64 => "aarch64",
            Self::S390x => "s390x",
            Self::Windows => "windows",
        })
    }
}

fn program(triple: &str) -> Command {
    Command::cargo(TRACE_HASH).arg("--target").arg(triple)
}

/// Returns the cargo command that runs programs for `triple` under qemu. `machine` is the name of the processor in
/// Debian and qemu.
fn under_qemu(command: &Command, triple: &str, machine: &str) -> Command {
    let prefix = format!("CARGO_TARGET_{}", triple.to_uppercase().replace('-', "_"));
    let runner = format!("qemu-{machine} -L /usr/{machine}-linux-gnu");
    let linker = format!("{machine}-linux-gnu-gcc");
    command.clone().env(&format!("{prefix}_LINKER"), &linker).env(&format!("{prefix}_RUNNER"), &runner)
}

fn module() -> Result<Player> {
    setup::tools_for_wasm()?;
    Command::cargo("build --quiet --release --locked -p tickwire-wasm-tests --target").arg(WASM).run()?;
    let module = Workspace::load()?.target_directory.join(WASM).join("release/tickwire_wasm_tests.wasm");
    let script = workspace::root().join("xtask/src/platforms/hash.mjs");
    Ok(Player::script(Command::new("node", [""; 0]).path(&script).path(&module)))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::{Command, Target, under_qemu};

    #[test]
    fn a_target_is_displayed_as_it_is_typed_on_the_command_line() {
        for target in Target::ALL {
            let typed = target.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), target.to_string());
        }
        assert_eq!(Target::ALL.len(), Target::value_variants().len());
    }

    #[test]
    fn cargo_variables_for_qemu_and_the_linker_contain_the_target_name() {
        let command = under_qemu(&Command::cargo("run"), "s390x-unknown-linux-gnu", "s390x").to_string();
        assert!(
            command.contains("CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER=s390x-linux-gnu-gcc "),
            "{command}"
        );
        let runner = "CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER='qemu-s390x -L /usr/s390x-linux-gnu'";
        assert!(command.contains(runner), "{command}");
    }
}
