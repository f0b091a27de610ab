//! The command line of `tickwire-demo`.

use std::path::PathBuf;

use clap::Parser;

/// Start a dedicated server and many bots with a bad network between them, in separate processes that use real UDP. A table on standard error shows the progress; a summary follows on standard output.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask demo", version, after_help = AFTER)]
pub(super) struct Args {
    /// Number of bots
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(super) clients: u16,
    /// Seconds for which the bots play once all are connected
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) seconds: u32,
    /// Share of datagrams lost in each direction, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    pub(super) loss: f64,
    /// Round-trip time to add, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(super) rtt: u64,
    /// Largest random delay to add to each datagram, in milliseconds; later datagrams may overtake delayed ones
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(super) jitter: u64,
    /// A file with a bandwidth trace in Mahimahi's format, for each bot and both directions: each line is a millisecond at which
    /// 1500 bytes may pass; the trace repeats
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,
    /// Seed of the bots' behaviour and of the losses
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// The server's UDP port; 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) port: u16,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub(super) json: bool,
    /// The server's program [default: tickwire-server, beside this one]
    #[arg(long, value_name = "PROGRAM", hide = true)]
    pub(super) server_program: Option<PathBuf>,
    /// The conditioner's program [default: conditioner, beside this one]
    #[arg(long, value_name = "PROGRAM", hide = true)]
    pub(super) conditioner_program: Option<PathBuf>,
}

const AFTER: &str = "Exit codes: 0 if all bots connected, no reliable message was lost, and all bots show the server's world at the end; 130 after an interruption; 1 otherwise.";
