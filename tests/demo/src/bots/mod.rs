//! Bots: many clients of the built-in world. Each bot is a [`tickwire_native::Client`] with its own socket and network
//! thread. One thread runs all bots, and polls their events once per frame, as a game does.

mod args;
mod bot;
mod chat;
mod crowd;
mod dialling;
mod orders;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use self::args::Args;
use self::crowd::Crowd;
use crate::report::Report;

/// Runs the program `tickwire-bots`.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    match Crowd::start(&args) {
        Ok(crowd) => {
            if crowd.play(orders::listen(args.seconds), print) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("tickwire-bots: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a report. If the reader is gone, prints nothing; the orders end then too.
fn print(report: &Report) {
    if let Ok(line) = serde_json::to_string(report) {
        let mut out = std::io::stdout().lock();
        let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}
