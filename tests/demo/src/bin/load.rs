//! Puts a dedicated server under load, and counts the messages that arrive.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_demo::load::main()
}
