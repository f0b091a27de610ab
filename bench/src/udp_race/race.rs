//! The rounds of the race. In each round, every stack runs every row, one after another.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args as Arguments;

use crate::measure::load_average;
use crate::orders::{Order, Work};
use crate::pair::Pair;
use crate::report::{Report, Samples};
use crate::rows::ROWS;
use crate::stack::Stack;

/// The arguments of the race.
#[derive(Arguments, Debug)]
pub(crate) struct Args {
    /// The number of interleaved rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The rows to measure, for instance E1,E3; default: all
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// The stacks to measure; default: all
    #[arg(long, value_delimiter = ',')]
    stacks: Vec<Stack>,
    /// Run one round with short measurements, to test the benchmark
    #[arg(long)]
    quick: bool,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

impl Args {
    fn wants(&self, family: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|row| row == family)
    }

    /// Returns the duration of a measurement, which is shorter with `--quick`.
    fn window(&self, milliseconds: u64) -> Duration {
        Duration::from_millis(if self.quick { milliseconds / 4 } else { milliseconds })
    }
}

/// Runs the race, and prints the report.
pub(crate) fn run(args: &Args) -> Result<()> {
    for asked in &args.rows {
        if !ROWS.iter().any(|row| row.family() == asked) {
            bail!("the benchmark has no row {asked}; the rows are E1 to E7");
        }
    }
    let rounds = if args.quick { 1 } else { args.rounds.max(1) };
    let stacks = if args.stacks.is_empty() { Stack::ALL.to_vec() } else { args.stacks.clone() };
    let begun = Instant::now();
    let mut report = Report::new(rounds);
    for round in 1..=rounds {
        for &stack in &stacks {
            let mut samples = Samples::default();
            run_stack(args, stack, &mut samples)
                .with_context(|| format!("the stack {} failed in round {round}", stack.name()))?;
            let seconds = begun.elapsed().as_secs();
            eprintln!("round {round} of {rounds}, {:>8}, {seconds:>4} s: {samples}", stack.name());
            report.enter(stack, samples);
        }
        report.note_load(&load_average());
    }
    if args.json { report.print_json() } else { report.print_table(&mut std::io::stdout().lock()) }
}

fn run_stack(args: &Args, stack: Stack, samples: &mut Samples) -> Result<()> {
    if args.wants("E3") {
        one_client(args, stack, samples)?;
    }
    if ["E1", "E2", "E3", "E4", "E5"].iter().any(|row| args.wants(row)) {
        hundred_clients(args, stack, samples)?;
    }
    // Plain sockets hold nothing per connection.
    if stack != Stack::Floor && (args.wants("E6") || args.wants("E7")) {
        thousand_clients(args, stack, samples)?;
    }
    Ok(())
}

fn one_client(args: &Args, stack: Stack, samples: &mut Samples) -> Result<()> {
    let mut pair = Pair::start(stack, 1)?;
    pair.connect()?;
    ping(args, &mut pair, samples, ("E3.one", "E3.one.p99"))
}

fn ping(
    args: &Args,
    pair: &mut Pair,
    samples: &mut Samples,
    rows: (&'static str, &'static str),
) -> Result<()> {
    pair.work(Work::Echo)?;
    sleep(SETTLE);
    let trips = pair.ping(args.window(1_500))?;
    samples.push(rows.0, trips.p50 as f64 / 1e3);
    samples.push(rows.1, trips.p99 as f64 / trips.p50.max(1) as f64);
    pair.work(Work::Idle)
}

fn hundred_clients(args: &Args, stack: Stack, samples: &mut Samples) -> Result<()> {
    let mut pair = Pair::start(stack, HUNDRED)?;
    sleep(SETTLE);
    let before = pair.usage()?;
    let elapsed = pair.connect()?;
    sleep(SETTLE);
    if args.wants("E5") {
        let spent = pair.usage()?.cpu - before.cpu;
        samples.push("E5", spent as f64 / 1e3 / HUNDRED as f64);
        samples.push("E5.all", elapsed as f64 / 1e6);
    }
    if args.wants("E3") {
        ping(args, &mut pair, samples, ("E3.hundred", "E3.hundred.p99"))?;
    }
    if args.wants("E4") {
        sleep(SETTLE);
        pair.tell_clients(Order::Reset)?;
        pair.work(Work::Broadcast { every: 3 })?;
        sleep(args.window(2_000));
        pair.work(Work::Idle)?;
        sleep(SETTLE);
        samples.push("E4", pair.broadcasts()?.p50 as f64 / 1e3);
    }
    for (row, count) in [("E1", 1), ("E2", 10)] {
        if args.wants(row) {
            samples.push(row, stream(args, &mut pair, count)?);
        }
    }
    Ok(())
}

/// Returns the seconds of processor time per million received messages.
fn stream(args: &Args, pair: &mut Pair, count: u32) -> Result<f64> {
    pair.work(Work::Stream { count, every: 1 })?;
    sleep(SETTLE);
    pair.tell_clients(Order::Reset)?;
    let before = pair.usage()?;
    sleep(args.window(3_000));
    let received = pair.received()?;
    let after = pair.usage()?;
    pair.work(Work::Idle)?;
    let seconds = (after.at - before.at) as f64 / 1e9;
    let expected = seconds * 60.0 * HUNDRED as f64 * f64::from(count);
    if (received as f64) < expected * 0.9 {
        eprintln!("  note: received {received} messages in {seconds:.1} s, but expected {expected:.0}");
    }
    sleep(SETTLE);
    Ok((after.cpu - before.cpu) as f64 / 1e9 / (received as f64 / 1e6))
}

fn thousand_clients(args: &Args, stack: Stack, samples: &mut Samples) -> Result<()> {
    let mut pair = Pair::start(stack, THOUSAND)?;
    let empty = pair.usage()?;
    pair.connect()?;
    // What connecting leaves behind dies down.
    sleep(args.window(3_000));
    let idle = pair.usage()?;
    if args.wants("E7") {
        sleep(args.window(8_000));
        let after = pair.usage()?;
        samples.push("E7", (after.cpu - idle.cpu) as f64 / (after.at - idle.at) as f64 * 100.0);
    }
    if args.wants("E6") {
        let per_connection = |memory: u64| memory.saturating_sub(empty.memory) as f64 / 1e3 / THOUSAND as f64;
        samples.push("E6.idle", per_connection(idle.memory));
        pair.tell_clients(Order::Talk { every: 100 })?;
        pair.work(Work::Stream { count: 1, every: 6 })?;
        sleep(args.window(3_000));
        pair.work(Work::Idle)?;
        pair.tell_clients(Order::Talk { every: 0 })?;
        sleep(args.window(2_000));
        samples.push("E6.used", per_connection(pair.usage()?.memory));
    }
    Ok(())
}

const HUNDRED: usize = 100;
const THOUSAND: usize = 1_000;
/// The time after a change in which earlier messages arrive.
const SETTLE: Duration = Duration::from_millis(500);
