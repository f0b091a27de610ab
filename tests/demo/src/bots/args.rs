//! The command line of `tickwire-bots`.

use clap::Parser;
use tickwire_core::{PublicKey, Ticket};
use tickwire_native::NetworkAddress;

/// Connect many bots to a server with the built-in world. Each bot is a client with its own socket: it steers its agent 20 times
/// per second, sends chat lines, and counts the messages that arrive. One line of JSON per second reports on all bots. The bots stop playing when `finish` is read from standard input, and leave when the input ends.
#[derive(Parser, Debug)]
#[command(name = "tickwire-bots", version, after_help = AFTER)]
pub(super) struct Args {
    /// The server's address: an IP address or a name, and a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7777")]
    pub(super) server: NetworkAddress,
    /// The server's public key as the server prints it: 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub(super) key: PublicKey,
    /// A ticket, for a server that requires one, as `cargo xtask ticket mint` prints it. Each bot needs a ticket of its own
    #[arg(long = "ticket", value_name = "TICKET")]
    pub(super) tickets: Vec<Ticket>,
    /// Number of bots
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) clients: u16,
    /// Seed of the bots' behaviour
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Play for this many seconds once all bots are connected, then leave; standard input is not read
    #[arg(long, value_name = "S")]
    pub(super) seconds: Option<u64>,
}

const AFTER: &str = "Exit codes: 0 if all bots connected, and each of their lines arrived or was reported as unconfirmed; \
1 otherwise; 2 for a wrong flag.";
