//! The command line of `tickwire-load`.

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser};

/// Put a dedicated server under load: many clients over real UDP, and messages of 100 bytes both ways, one in twenty of them
/// reliable. Clients and server run in separate processes. Prints the messages that arrived, the server's ticks, and its CPU and
/// memory.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask load", version, after_help = AFTER)]
pub(super) struct Args {
    /// Number of clients; 0 only with --idle
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(0..=16384))]
    pub(super) clients: u16,
    /// Seconds for which clients and server send
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86400))]
    pub(super) seconds: u32,
    /// Messages per second that each client sends and receives
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(super) rate: u32,
    /// Send no messages: measure the server's cost of connections that only exchange heartbeats
    #[arg(long, conflicts_with = "rate")]
    pub(super) idle: bool,
    /// Print the outcome as one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// Reads the command line, or prints why it is invalid and exits.
    pub(super) fn read() -> Self {
        let args = Self::parse();
        if args.clients == 0 && !args.idle {
            let what = "--clients is 0, so no messages are sent; give at least 1, or --idle";
            Self::command().error(ErrorKind::ValueValidation, what).exit();
        }
        args
    }
}

const AFTER: &str = "Exit codes: 0 if no client and no reliable message was lost, and 99.9 % of the unreliable messages arrived; \
1 otherwise.";
