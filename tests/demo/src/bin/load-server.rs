//! The dedicated server around the game that is nothing but load.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_server::main(tickwire_demo::load::LoadGame::default())
}
