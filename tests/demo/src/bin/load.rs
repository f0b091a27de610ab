//! A dedicated server under load, and what arrives.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_demo::load::main()
}
