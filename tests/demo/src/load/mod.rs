//! The load test: many clients and a dedicated server send each other numbered messages, and count the messages that arrive.
//!
//! The server runs in a separate process (`load-server`, a dedicated server with the game [`LoadGame`]). The clients run in
//! the process that starts the server, each with its own socket.

mod args;
mod client;
mod clients;
mod game;
mod messages;
mod outcome;
mod server;
mod tally;
mod turns;

use std::io::Write as _;
use std::process::ExitCode;

pub use self::game::LoadGame;

use self::args::Args;

/// Runs the program `tickwire-load`.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::read();
    let outcome = match turns::run(&args) {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let faults = outcome.faults();
    let text = if args.json { format!("{}\n", outcome.json(&faults)) } else { outcome.text() };
    // Who reads may have seen enough.
    let _gone = std::io::stdout().write_all(text.as_bytes());
    for fault in &faults {
        eprintln!("error: {fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
