//! A dedicated server under attack, and a canary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_demo::siege::main()
}
