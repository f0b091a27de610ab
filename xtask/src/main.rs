//! `cargo xtask <verb>`: everything that a person or CI runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Err(error) = xtask::main() else {
        return ExitCode::SUCCESS;
    };
    eprintln!("\nerror: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("because: {cause}");
    }
    ExitCode::FAILURE
}
