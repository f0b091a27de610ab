//! Prints a hash of all datagrams, times and events of simulated runs, one line `seed hash` per seed.

use std::process::ExitCode;

const USAGE: &str = "usage: trace-hash [--seeds N] [--seconds S] [--from SEED]";

fn main() -> ExitCode {
    let (mut seeds, mut seconds, mut from) = (4, 10, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (name.as_str(), value) {
            ("--seeds", Some(value)) => seeds = value,
            ("--seconds", Some(value)) => seconds = value as u32,
            ("--from", Some(value)) => from = value,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    for seed in from..from.saturating_add(seeds) {
        println!("{seed} {:016x}", tickwire_sim::trace_hash(seed, seconds));
    }
    ExitCode::SUCCESS
}
