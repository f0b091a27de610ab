//! A million reliable messages through a terrible network: 30 % loss, 10 % corruption, 50 % duplication and reordering.
//!
//! `endurance [--messages N] [--seed SEED]`: N messages in all, of 1 B to 64 KiB, on every reliable mode, both ways.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tickwire_sim::stream::{StreamConfig, run_to_completion, terrible_network};

fn main() -> ExitCode {
    let (mut messages, mut seed) = (1_000_000, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (name.as_str(), value) {
            ("--messages", Some(value)) => messages = value,
            ("--seed", Some(value)) => seed = value,
            _ => {
                eprintln!("usage: endurance [--messages N] [--seed SEED]");
                return ExitCode::FAILURE;
            }
        }
    }
    let start = Instant::now();
    let mut config = StreamConfig::new(seed, u32::try_from(messages.div_ceil(4)).unwrap_or(u32::MAX));
    config.faults = terrible_network();
    let mut world = config.world();
    let outcome = loop {
        match run_to_completion(&mut world, Duration::from_secs(60)) {
            Err(violation) if violation.checker == "streams" => {
                let delivered = world.application().delivered();
                eprintln!("{delivered} of {messages} messages, {:.0} s", start.elapsed().as_secs_f64());
            }
            other => break other,
        }
    };
    let (elapsed, counters) = (start.elapsed(), world.counters());
    println!(
        "{{\"messages\":{},\"virtual_seconds\":{},\"datagrams\":{},\"lost\":{},\"bytes\":{},\"elapsed_s\":{:.1}}}",
        world.application().delivered(),
        world.now().as_micros() / 1_000_000,
        counters.sent,
        counters.lost,
        counters.sent_bytes,
        elapsed.as_secs_f64()
    );
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(violation) => {
            eprintln!("{violation}");
            ExitCode::FAILURE
        }
    }
}
