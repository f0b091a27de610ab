//! Rows E1 to E7 of the performance targets: tickwire and other libraries over loopback UDP, server and clients in separate
//! processes, in interleaved rounds.
//!
//! `cargo xtask bench udp` runs this program. The parent starts the program twice more for each pair of processes, and
//! exchanges lines of JSON with both processes; see [`orders`].

mod ledger;
mod measure;
mod message;
mod orders;
mod pair;
mod pool;
mod race;
mod report;
mod rows;
mod stack;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::orders::Setup;
use crate::stack::Stack;

/// Race tickwire against its peers over loopback UDP
#[derive(Parser, Debug)]
#[command(
    name = "cargo xtask bench udp",
    bin_name = "cargo xtask bench udp",
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    race: race::Args,
}

/// The role of a child process.
#[derive(Subcommand, Debug)]
enum Role {
    /// Run a server (the benchmark starts this process)
    #[command(hide = true)]
    Server {
        /// The setup, as JSON
        setup: String,
    },
    /// Run all clients of a server (the benchmark starts this process)
    #[command(hide = true)]
    Clients {
        /// The setup, as JSON
        setup: String,
    },
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    measure::raise_file_limit();
    match cli.role {
        None => race::run(&cli.race),
        Some(Role::Server { setup }) => {
            let setup: Setup = serde_json::from_str(&setup)?;
            let control = orders::Control::listen();
            match setup.stack {
                Stack::Tickwire => stack::tickwire::serve(&setup, &control),
                Stack::Renet => stack::renet::serve(&setup, &control),
                Stack::Enet => stack::enet::serve(&setup, &control),
                Stack::Quinn => stack::quinn::serve(&setup, &control),
                Stack::Floor => stack::floor::serve(&setup, &control),
            }
        }
        Some(Role::Clients { setup }) => {
            let setup: Setup = serde_json::from_str(&setup)?;
            match setup.stack {
                Stack::Tickwire => pool::run::<stack::tickwire::TickwireClient>(&setup),
                Stack::Renet => pool::run::<stack::renet::RenetPeer>(&setup),
                Stack::Enet => pool::run::<stack::enet::EnetClient>(&setup),
                Stack::Quinn => stack::quinn::clients(&setup),
                Stack::Floor => pool::run::<stack::floor::FloorClient>(&setup),
            }
        }
    }
}
