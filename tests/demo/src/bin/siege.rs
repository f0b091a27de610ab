//! Attacks a dedicated server, and measures whether honest clients can connect.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tickwire_demo::siege::main()
}
