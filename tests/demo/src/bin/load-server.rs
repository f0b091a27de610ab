//! Runs a dedicated server with the game of the load test.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_server::main(tickwire_demo::load::LoadGame::default())
}
