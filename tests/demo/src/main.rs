//! The demonstration: server, conditioner and bots as processes, and a table.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_demo::demo::main()
}
