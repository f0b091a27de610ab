//! Runs many bots, which are clients of a server with the built-in world.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_demo::bots::main()
}
