//! Passes files to the body of a target: `replay <target> <file>...`. Panics if an input violates an invariant.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let target = arguments.next().unwrap_or_default();
    let Some((_, body)) = tickwire_fuzz::TARGETS.iter().find(|(name, _)| *name == target) else {
        let names: Vec<&str> = tickwire_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: replay <target> <file>...; the targets are {}", names.join(", "));
        return ExitCode::FAILURE;
    };
    for path in arguments {
        match std::fs::read(&path) {
            Ok(bytes) => body(&bytes),
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        }
        println!("{path}: the input violates no invariant of the target");
    }
    ExitCode::SUCCESS
}
