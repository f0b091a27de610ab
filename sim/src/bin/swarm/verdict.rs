//! Plays the seeds, and says what came of them.

use std::time::Instant;

use tickwire_sim::fault::{Fault, parse_list, print_list};
use tickwire_sim::shrink::shrink;
use tickwire_sim::swarm::{Report, Run, SeedReport, faults_of};

use crate::args::Args;
use crate::pool::{cores, run_all, run_caught};

/// Runs that shrinking may take.
const SHRINK_RUNS: u32 = 300;

/// Runs the seeds. True if none broke a promise.
pub(crate) fn swarm(args: &Args) -> Result<bool, String> {
    let faults = args.faults.as_deref().map(read_faults).transpose()?;
    let start = Instant::now();
    let mut report = Report::new();
    let mut failed = None;
    let job = |seed| {
        let text = args.trace.is_some() && seed == args.from;
        run_caught(&Run { faults: faults.as_deref(), text, ..Run::new(seed, args.seconds) })
    };
    let mut told = Instant::now();
    run_all(args.from..args.from.saturating_add(args.seeds), job, |seed| {
        report.add(&seed);
        if told.elapsed().as_secs() >= 2 {
            told = Instant::now();
            eprintln!("{} of {} seeds, {:.0} s", report.seeds, args.seeds, start.elapsed().as_secs_f64());
        }
        if let Some(path) = &args.trace
            && seed.seed == args.from
        {
            save(path, &seed.text);
        }
        let passed = seed.violation.is_none();
        if !passed {
            failed = Some(seed);
        }
        passed
    });
    let elapsed = start.elapsed();
    println!(
        "{}",
        if args.json { report.to_json(elapsed, cores()) } else { report.to_text(elapsed, cores()) }
    );
    let Some(seed) = failed else { return Ok(true) };
    explain(args, &seed, faults);
    Ok(false)
}

fn read_faults(path: &str) -> Result<Vec<Fault>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    parse_list(&text).map_err(|error| format!("{path}: {error}"))
}

fn save(path: &str, text: &str) -> bool {
    match std::fs::write(path, text) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("{path}: {error}");
            false
        }
    }
}

/// Shrinks the faults of a failed seed, and prints how to see it fail again.
fn explain(args: &Args, report: &SeedReport, faults: Option<Vec<Fault>>) {
    let Some(violation) = &report.violation else { return };
    let (seed, seconds) = (report.seed, args.seconds);
    eprintln!("seed {seed}: {violation}");
    let faults = faults.unwrap_or_else(|| faults_of(seed, seconds));
    let fails = |faults: &[Fault]| {
        let report = run_caught(&Run { faults: Some(faults), ..Run::new(seed, seconds) });
        // Another promise may break on the way; it is this one that is looked for.
        report.violation.is_some_and(|found| found.checker == violation.checker)
    };
    let shrunk = shrink(&faults, SHRINK_RUNS, fails, |progress| {
        eprint!("\rshrinking: {} faults after {} runs   ", progress.faults, progress.runs);
    });
    let again = run_caught(&Run { faults: Some(&shrunk.faults), ..Run::new(seed, seconds) }).violation;
    eprintln!("\n{}", print_list(&shrunk.faults));
    if let Some(again) = again {
        eprintln!("with these faults only: {again}");
    }
    let path = std::env::temp_dir().join(format!("tickwire-swarm-{seed}.faults"));
    let command = format!("cargo xtask swarm --seeds 1 --from {seed} --seconds {seconds}");
    match path.to_str().filter(|path| save(path, &print_list(&shrunk.faults))) {
        Some(path) => eprintln!("reproduce: {command} --faults {path}"),
        None => eprintln!("reproduce: {command}"),
    }
}
