//! Runs the scenarios of RFC 8867 and recorded links under both congestion controls: figures of many seeds as a table,
//! or one run of each control as an HTML page.

mod arguments;
mod figures;
mod recordings;
mod table;

use std::process::ExitCode;

use arguments::{Arguments, BOTH, USAGE};
use tickwire_sim::paths::{Scenario, jitter, rfc8867};
use tickwire_sim::report::{RecordedRun, page};

fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let result = match &arguments.report {
        Some(file) => report(&arguments, file),
        None if arguments.traces => traces(&arguments),
        None => rfc(&arguments),
    };
    if let Err(text) = result {
        eprintln!("{text}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Returns the scenario with the requested name, or else all scenarios whose names begin with the requested word.
/// Returns all scenarios if no name is requested.
fn chosen(arguments: &Arguments, all: Vec<Scenario>) -> Result<Vec<Scenario>, String> {
    let names: Vec<String> = all.iter().map(|scenario| scenario.name.clone()).collect();
    let is_named = |only: &String| names.contains(only);
    let wanted = |scenario: &Scenario| match &arguments.only {
        None => true,
        Some(only) if is_named(only) => *only == scenario.name,
        Some(group) => scenario.name.split(' ').next() == Some(group),
    };
    let chosen: Vec<Scenario> = all.into_iter().filter(wanted).collect();
    match &arguments.only {
        Some(only) if chosen.is_empty() => {
            Err(format!("there is no scenario `{only}`; the scenarios are: {}", names.join(", ")))
        }
        _ => Ok(chosen),
    }
}

/// Returns the scenarios of RFC 8867 and those with jitter.
fn without_recordings() -> Vec<Scenario> {
    rfc8867::all().into_iter().chain(jitter::all()).collect()
}

fn rfc(arguments: &Arguments) -> Result<(), String> {
    let mut rows = Vec::new();
    for base in chosen(arguments, without_recordings())? {
        let losses = match arguments.loss_ppm {
            Some(loss) => vec![loss],
            None if base.name.starts_with("jitter") => vec![0],
            None => vec![0, 50_000],
        };
        for algorithm in arguments.algorithms() {
            for &loss in &losses {
                let scenario = base.clone().algorithm(algorithm).loss(loss);
                rows.push(figures::worst(&scenario, arguments.seed..arguments.seed + arguments.seeds)?);
                if let (false, Some(row)) = (arguments.json, rows.last()) {
                    table::print_row(row, rows.len() == 1);
                }
            }
        }
    }
    if arguments.json {
        println!("{}", table::json(&rows));
    }
    Ok(())
}

fn traces(arguments: &Arguments) -> Result<(), String> {
    let mut rows = Vec::new();
    for base in chosen(arguments, recordings::of_folder()?)? {
        let scenario = base.loss(arguments.loss_ppm.unwrap_or(0));
        for algorithm in BOTH {
            let scenario = scenario.clone().algorithm(algorithm);
            rows.push(figures::worst(&scenario, arguments.seed..arguments.seed + arguments.seeds)?);
        }
    }
    if arguments.json {
        println!("{}", table::json(&rows));
    } else {
        table::print_beside(&rows);
    }
    Ok(())
}

/// Runs the scenario once under each congestion control, and writes one page.
fn report(arguments: &Arguments, file: &std::path::Path) -> Result<(), String> {
    let scenario = match &arguments.trace {
        Some(trace) => recordings::of_file(trace)?,
        None if arguments.traces => one(chosen(arguments, recordings::of_folder()?)?)?,
        None => one(chosen(arguments, without_recordings())?)?,
    };
    let scenario = scenario.loss(arguments.loss_ppm.unwrap_or(0));
    let play = |algorithm| {
        let run = RecordedRun::play(scenario.clone().algorithm(algorithm), arguments.seed);
        run.map_err(|violation| format!("{}: {violation}", scenario.name))
    };
    let runs = arguments.algorithms().into_iter().map(play).collect::<Result<Vec<RecordedRun>, String>>()?;
    let html = page(&runs, &arguments.command());
    std::fs::write(file, html)
        .map_err(|error| format!("cannot write {}: {error}; check the path of --report", file.display()))?;
    println!("{}", file.display());
    Ok(())
}

fn one(scenarios: Vec<Scenario>) -> Result<Scenario, String> {
    let names: Vec<&str> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let text = format!("a report covers one scenario: give --only with one of: {}", names.join(", "));
    match <[Scenario; 1]>::try_from(scenarios.clone()) {
        Ok([scenario]) => Ok(scenario),
        Err(_) => Err(text),
    }
}
