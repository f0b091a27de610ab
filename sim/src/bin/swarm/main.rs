//! Runs many seeds of the simulator, and stops at the first seed that breaks a promise.

mod args;
mod planted;
mod pool;
mod verdict;

use std::process::ExitCode;

use args::Args;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(text) => {
            eprintln!("{text}\n{}", args::USAGE);
            return ExitCode::FAILURE;
        }
    };
    // A panic inside a run is a violation of that run, and reported as one.
    std::panic::set_hook(Box::new(|_| {}));
    let passed = match &args.planted {
        Some(name) => planted::hunt(&args, name),
        None => verdict::swarm(&args),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}
