//! The command line of `tickwire-siege`.

use clap::Parser;

use super::attacks::ATTACKS;

/// Attack a dedicated server on this machine, and watch whether honest clients still get in: a canary opens a new connection every
/// 250 ms. Addresses are those of 127.0.0.0/8; nothing leaves the loopback interface.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask siege", version, after_help = AFTER)]
pub(super) struct Args {
    /// Print the outcome as one JSON object
    #[arg(long)]
    pub(super) json: bool,
    /// How long each attack lasts
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(super) seconds: u32,
    /// Only this attack
    #[arg(long, value_name = "NAME", value_parser = ATTACKS.map(|attack| attack.name))]
    pub(super) only: Option<String>,
    /// Bots that play meanwhile
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(super) bots: u16,
}

const AFTER: &str = "Exit codes: 0 every bound was kept; 1 otherwise, with a sentence for each that was not.";
