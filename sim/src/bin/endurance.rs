//! Sends a million reliable messages through a terrible network: 30 % loss, 10 % corruption, 50 % duplication and reordering.
//!
//! `endurance [--messages N] [--sessions S] [--seed SEED]`: N messages in all, of 1 B to 64 KiB, on every reliable mode
//! in both directions, shared by S sessions that run at the same time.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use tickwire_sim::checker::Violation;
use tickwire_sim::network::NetworkCounters;
use tickwire_sim::stream::{StreamConfig, run_to_completion, terrible_network};

const USAGE: &str = "usage: endurance [--messages N] [--sessions S] [--seed SEED]";
/// The number of streams of one session: one per mode and direction.
const STREAMS: u64 = 4;

/// The results of one session.
struct Outcome {
    messages: u64,
    virtual_time: Duration,
    counters: NetworkCounters,
    violation: Option<Violation>,
}

fn main() -> ExitCode {
    let (mut messages, mut sessions, mut seed) = (1_000_000, 1, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (name.as_str(), value) {
            ("--messages", Some(value)) => messages = value,
            ("--sessions", Some(value)) => sessions = value.max(1),
            ("--seed", Some(value)) => seed = value,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    let start = Instant::now();
    let each = u32::try_from(messages.div_ceil(STREAMS * sessions)).unwrap_or(u32::MAX);
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let threads: Vec<_> =
            (seed..seed + sessions).map(|seed| scope.spawn(move || session(seed, each))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    report(&outcomes, start.elapsed());
    let demanded = u64::from(each) * STREAMS * sessions;
    let given: u64 = outcomes.iter().map(|outcome| outcome.messages).sum();
    let is_clean = outcomes.iter().all(|outcome| outcome.violation.is_none());
    if is_clean && given == demanded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one session with `each` messages on each stream.
fn session(seed: u64, each: u32) -> Outcome {
    let mut config = StreamConfig::new(seed, each);
    config.faults = terrible_network();
    let mut world = config.world();
    // Ten times as long as it takes.
    let most = Duration::from_millis(100) * each + Duration::from_secs(600);
    let violation = run_to_completion(&mut world, most).err();
    Outcome {
        messages: world.application().delivered(),
        virtual_time: Duration::from_micros(world.now().as_micros()),
        counters: world.counters(),
        violation,
    }
}

fn report(outcomes: &[Outcome], elapsed: Duration) {
    let sum = |figure: fn(&Outcome) -> u64| outcomes.iter().map(figure).sum::<u64>();
    println!(
        "{{\"messages\":{},\"sessions\":{},\"virtual_seconds\":{},\"datagrams\":{},\"lost\":{},\"bytes\":{},\"elapsed_s\":{:.1}}}",
        sum(|outcome| outcome.messages),
        outcomes.len(),
        sum(|outcome| outcome.virtual_time.as_secs()),
        sum(|outcome| outcome.counters.sent),
        sum(|outcome| outcome.counters.lost),
        sum(|outcome| outcome.counters.sent_bytes),
        elapsed.as_secs_f64()
    );
    for violation in outcomes.iter().filter_map(|outcome| outcome.violation.as_ref()) {
        eprintln!("{violation}");
    }
}
