//! The command line of `tickwire-siege`.

use clap::Parser;

use super::attacks::ATTACKS;

/// Attack a dedicated server on this machine, and measure whether honest clients still connect: a canary opens a new connection
/// every 250 ms. All addresses are in 127.0.0.0/8; no datagram leaves the loopback interface.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask siege", version, after_help = AFTER)]
pub(super) struct Args {
    /// Print the outcome as one JSON object
    #[arg(long)]
    pub(super) json: bool,
    /// Seconds for which each attack lasts
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(super) seconds: u32,
    /// Run only the attack with this name
    #[arg(long, value_name = "NAME", value_parser = ATTACKS.map(|attack| attack.name))]
    pub(super) only: Option<String>,
    /// Number of bots that play during the attacks
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(super) bots: u16,
}

const AFTER: &str =
    "Exit codes: 0 if every limit was kept; 1 otherwise, with a line for each exceeded limit.";
