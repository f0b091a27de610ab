//! Plays the scenarios of RFC 8867 and recorded links under both congestion controls, and prints what their queues went
//! through.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tickwire_core::congestion::Algorithm;
use tickwire_sim::link::PipeConfig;
use tickwire_sim::mahimahi::LinkTrace;
use tickwire_sim::paths::{Outcome, Scenario, rfc8867};

const USAGE: &str = "usage: paths [--seeds N] [--only NAME] [--json]\n\
    TICKWIRE_TRACES names a folder of Mahimahi recordings to play too";
/// The queue of a recorded link, as in Mahimahi's examples.
const RECORDED_QUEUE: u64 = 150_000;
const RECORDED_FOR: Duration = Duration::from_secs(120);

struct Arguments {
    seeds: u64,
    only: Option<String>,
    json: bool,
}

fn arguments() -> Option<Arguments> {
    let mut parsed = Arguments { seeds: 3, only: None, json: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--seeds" => parsed.seeds = arguments.next()?.parse().ok().filter(|seeds| *seeds > 0)?,
            "--only" => parsed.only = Some(arguments.next()?),
            "--json" => parsed.json = true,
            _ => return None,
        }
    }
    Some(parsed)
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let mut scenarios = rfc8867::all();
    match recordings() {
        Ok(recorded) => scenarios.extend(recorded),
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::FAILURE;
        }
    }
    scenarios.retain(|scenario| arguments.only.as_ref().is_none_or(|only| *only == scenario.name));
    let mut rows = Vec::new();
    if !arguments.json {
        println!(
            "{:28} {:6} {:>5} {:>7} {:>5} {:>5} {:>5} {:>6}  kB per flow",
            "", "", "loss", "used", "p50", "p95", "max", "Jain"
        );
    }
    for (base, algorithm, loss) in scenarios.iter().flat_map(|base| {
        [Algorithm::Copa, Algorithm::Cubic]
            .into_iter()
            .flat_map(move |algorithm| [0, 50_000].map(|loss| (base, algorithm, loss)))
    }) {
        let scenario = base.clone().algorithm(algorithm).loss(loss);
        let outcomes: Result<Vec<Outcome>, _> =
            (0..arguments.seeds).map(|seed| scenario.play(seed)).collect();
        match outcomes {
            Ok(outcomes) if arguments.json => rows.push(row(&scenario, &outcomes)),
            Ok(outcomes) => print(&scenario, &outcomes),
            Err(violation) => {
                eprintln!("{}: {violation}", scenario.name);
                return ExitCode::FAILURE;
            }
        }
    }
    if arguments.json {
        println!("{{\"rows\":[{}]}}", rows.join(","));
    }
    ExitCode::SUCCESS
}

/// The recordings of the folder that `TICKWIRE_TRACES` names, each a link of 20 ms.
fn recordings() -> Result<Vec<Scenario>, String> {
    let Some(folder) = std::env::var_os("TICKWIRE_TRACES").map(PathBuf::from) else { return Ok(Vec::new()) };
    let failed = |error: &dyn core::fmt::Display| format!("{}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|error| failed(&error))? {
        paths.push(entry.map_err(|error| failed(&error))?.path());
    }
    paths.sort();
    let is_recording = |path: &PathBuf| path.extension().is_some_and(|end| end == "up" || end == "down");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let trace = LinkTrace::parse(&text).map_err(|error| failed(&error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Scenario::new(name, PipeConfig::Trace { trace, queue_bytes: RECORDED_QUEUE }, RECORDED_FOR))
    };
    paths.into_iter().filter(is_recording).map(read).collect()
}

/// The worst of each figure over all seeds.
struct Worst {
    used: u64,
    p50: u64,
    p95: u64,
    max: u64,
    jain: u64,
}

fn worst(outcomes: &[Outcome]) -> Worst {
    let most = |figure: fn(&Outcome) -> u64| outcomes.iter().map(figure).max().unwrap_or(0);
    let least = |figure: fn(&Outcome) -> u64| outcomes.iter().map(figure).min().unwrap_or(0);
    Worst {
        used: least(|outcome| outcome.used_permille),
        p50: most(|outcome| outcome.queue_p50_us),
        p95: most(|outcome| outcome.queue_p95_us),
        max: most(|outcome| outcome.queue_max_us),
        jain: least(|outcome| outcome.jain_permille),
    }
}

fn shares(outcomes: &[Outcome]) -> Vec<u64> {
    outcomes
        .first()
        .map_or_else(Vec::new, |outcome| outcome.flows.iter().map(|flow| flow.delivered).collect())
}

fn row(scenario: &Scenario, outcomes: &[Outcome]) -> String {
    let Worst { used, p50, p95, max, jain } = worst(outcomes);
    format!(
        "{{\"name\":\"{}\",\"algorithm\":\"{:?}\",\"loss_ppm\":{},\"seeds\":{},\"used_permille\":{used},\
         \"queue_p50_us\":{p50},\"queue_p95_us\":{p95},\"queue_max_us\":{max},\"jain_permille\":{jain},\"delivered\":{:?}}}",
        scenario.name,
        scenario.algorithm,
        scenario.loss_ppm,
        outcomes.len(),
        shares(outcomes)
    )
}

fn print(scenario: &Scenario, outcomes: &[Outcome]) {
    let Worst { used, p50, p95, max, jain } = worst(outcomes);
    let shares: Vec<u64> = shares(outcomes).into_iter().map(|share| share / 1000).collect();
    println!(
        "{:28} {:6} {:>4}% {:>4}.{}% {:>5} {:>5} {:>5} {:>2}.{:03}  {shares:?}",
        scenario.name,
        format!("{:?}", scenario.algorithm),
        scenario.loss_ppm / 10_000,
        used / 10,
        used % 10,
        p50 / 1000,
        p95 / 1000,
        max / 1000,
        jain / 1000,
        jain % 1000,
    );
}
