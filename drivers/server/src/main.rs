//! A dedicated server with the built-in world.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_server::main(tickwire_server::world::World::default())
}
