//! The demonstration: it starts the server, the conditioner and the bots, shows their progress, and stops them.

mod args;
mod link;
mod programs;
mod server;
mod show;
mod summary;
mod view;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use self::args::Args;
use self::show::Show;
use self::view::View;

/// Runs the program `tickwire-demo`.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let mut view = View::of_standard_error();
    let summary = match Show::open(&args, &mut view).and_then(|show| show.run(&args, &mut view)) {
        Ok(summary) => summary,
        Err(error) => {
            view.say(&format!("error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let faults = summary.faults();
    let text = if args.json { format!("{}\n", summary.json(&faults)) } else { summary.text() };
    // Who reads may have seen enough.
    let _gone = std::io::stdout().write_all(text.as_bytes());
    for fault in &faults {
        view.say(&format!("error: {fault}"));
    }
    match (faults.is_empty(), summary.interrupted) {
        (_, true) => ExitCode::from(INTERRUPTED),
        (true, false) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    }
}

/// The exit code that shells report for a program that SIGINT ended.
const INTERRUPTED: u8 = 130;
