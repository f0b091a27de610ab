//! Runs the seeds, and reports their results.

use std::time::{Duration, Instant};

use tickwire_sim::fault::{Fault, parse_list, print_list};
use tickwire_sim::shrink::shrink;
use tickwire_sim::swarm::{Report, Run, SeedReport, faults_of};

use crate::args::Args;
use crate::pool::{cores, run_all, run_caught};

/// The largest number of runs that shrinking may take.
const SHRINK_RUNS: u32 = 300;

/// The least numbers of seeds and of seconds per seed of a full run, which must reach the least figures below.
const FULL: (u64, u32) = (200, 30);
/// The least number of times that each kind of fault must have an effect in a full run.
const FIRED_LEAST: u64 = 100;
/// The least number of datagrams per virtual second of a full run: 30 in each direction between the server and each of 4
/// clients.
const DATAGRAMS_LEAST: u64 = 30 * 2 * 4;
/// The least number of virtual seconds that a full run plays per second and core.
const PACE_LEAST: u64 = 100;

/// Runs the seeds. Returns `true` if no seed broke a promise and a full run reached its figures.
pub(crate) fn swarm(args: &Args) -> Result<bool, String> {
    let faults = args.faults.as_deref().map(read_faults).transpose()?;
    let start = Instant::now();
    let mut report = Report::new();
    let mut failed = None;
    let job = |seed| {
        let text = args.trace.is_some() && seed == args.from;
        run_caught(&Run { faults: faults.as_deref(), text, ..args.run(seed) })
    };
    let mut told = Instant::now();
    run_all(args.from..args.from.saturating_add(args.seeds), job, |seed| {
        report.add(&seed);
        if told.elapsed().as_secs() >= 2 {
            told = Instant::now();
            eprintln!(
                "finished {} of {} seeds in {:.0} s",
                report.seeds,
                args.seeds,
                start.elapsed().as_secs_f64()
            );
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
    let Some(seed) = failed else {
        let is_full = args.seeds >= FULL.0 && args.seconds >= FULL.1 && faults.is_none();
        return Ok(!is_full || is_worth_its_name(&Reach::of(&report, elapsed, cores())));
    };
    explain(args, &seed, faults);
    Ok(false)
}

/// The effects of the faults in a run, and its speed.
#[derive(Clone, Copy, Debug)]
struct Reach {
    /// The kind of fault that had the fewest effects, and the number of its effects.
    rarest: (&'static str, u64),
    datagrams: u64,
    pace: u64,
}

impl Reach {
    fn of(report: &Report, elapsed: Duration, cores: usize) -> Self {
        let rarest = report.faults.iter().map(|(kind, count)| (kind.as_str(), *count));
        let millis = report.virtual_time.as_millis().max(1) as u64;
        Self {
            rarest: rarest.min_by_key(|(_, count)| *count).unwrap_or(("any fault", 0)),
            datagrams: report.datagrams * 1000 / millis,
            pace: millis / (elapsed.as_millis().max(1) as u64 * cores as u64),
        }
    }

    /// Returns the figures that the run reached, each with its name and the least acceptable value.
    fn figures(&self) -> [(String, u64, u64); 3] {
        [
            (format!("effects of the rarest fault ({})", self.rarest.0), self.rarest.1, FIRED_LEAST),
            ("datagrams per virtual second".into(), self.datagrams, DATAGRAMS_LEAST),
            ("virtual seconds per second and core".into(), self.pace, PACE_LEAST),
        ]
    }
}

/// Prints whether a full run reached each figure. Returns whether the run reached all figures.
fn is_worth_its_name(reach: &Reach) -> bool {
    let figures = reach.figures();
    for (what, reached, least) in &figures {
        let verdict = if reached < least { "TOO FEW" } else { "enough" };
        eprintln!("{verdict}: {reached} {what}; at least {least} are required");
    }
    figures.iter().all(|(_, reached, least)| reached >= least)
}

fn read_faults(path: &str) -> Result<Vec<Fault>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {path}: {error}; check the path of --faults"))?;
    parse_list(&text).map_err(|error| format!("cannot parse {path}: {error}"))
}

fn save(path: &str, text: &str) -> bool {
    match std::fs::write(path, text) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("cannot write {path}: {error}; check that the folder exists and the disk has space");
            false
        }
    }
}

/// Shrinks the faults of a failed seed, and prints the command that repeats the failure.
fn explain(args: &Args, report: &SeedReport, faults: Option<Vec<Fault>>) {
    let Some(violation) = &report.violation else { return };
    let (seed, seconds) = (report.seed, args.seconds);
    eprintln!("seed {seed}: {violation}");
    let faults = faults.unwrap_or_else(|| faults_of(seed, seconds));
    let fails = |faults: &[Fault]| {
        let report = run_caught(&Run { faults: Some(faults), ..args.run(seed) });
        // Another promise may break on the way; it is this one that is looked for.
        report.violation.is_some_and(|found| found.checker == violation.checker)
    };
    let shrunk = shrink(&faults, SHRINK_RUNS, fails, |progress| {
        eprint!("\rshrinking: {} faults after {} runs   ", progress.faults, progress.runs);
    });
    let again = run_caught(&Run { faults: Some(&shrunk.faults), ..args.run(seed) }).violation;
    eprintln!("\n{}", print_list(&shrunk.faults));
    if let Some(again) = again {
        eprintln!("a run with only these faults still fails: {again}");
    }
    let path = std::env::temp_dir().join(format!("tickwire-swarm-{seed}.faults"));
    let worlds = if args.worlds { " --worlds" } else { "" };
    let command = format!("cargo xtask swarm --seeds 1 --from {seed} --seconds {seconds}{worlds}");
    match path.to_str().filter(|path| save(path, &print_list(&shrunk.faults))) {
        Some(path) => eprintln!("reproduce: {command} --faults {path}"),
        None => eprintln!("reproduce: {command}"),
    }
}

#[cfg(test)]
mod tests {
    use tickwire_sim::fault::KindName;

    use super::*;

    fn full() -> Report {
        let mut report = Report::new();
        report.faults.values_mut().for_each(|count| *count = FIRED_LEAST);
        report.virtual_time = Duration::from_secs(6000);
        report.datagrams = 6000 * DATAGRAMS_LEAST;
        report
    }

    fn passes(report: &Report, elapsed: Duration) -> bool {
        is_worth_its_name(&Reach::of(report, elapsed, 2))
    }

    #[test]
    fn a_full_swarm_run_with_too_few_faults_or_datagrams_or_at_low_speed_fails() {
        let in_time = Duration::from_secs(30);
        assert!(passes(&full(), in_time));
        assert!(!passes(&full(), in_time + Duration::from_millis(400)));
        let mut rare = full();
        rare.faults.insert(KindName::ALL[3], FIRED_LEAST - 1);
        assert!(!passes(&rare, in_time));
        rare.faults.insert(KindName::ALL[3], 0);
        assert!(!passes(&rare, in_time));
        let mut quiet = full();
        quiet.datagrams -= 1;
        assert!(!passes(&quiet, in_time));
    }
}
