//! # tickwire-server
//!
//! The headless dedicated server: a library that runs a game, and a program with a small built-in world.
//!
//! A game implements [`Game`]. The function [`main`] is the complete program around the game: it reads the
//! configuration from a file, the environment and flags, writes a rotated log, runs a console, serves metrics and
//! health, and stops in an orderly way. A program that needs only the server itself starts a [`Dedicated`].
//!
//! ```no_run
//! use tickwire_core::message::{NetMessage, RegisterError};
//! use tickwire_server::{ClientId, Context, Game, GameError, Messages, NoSettings};
//!
//! #[derive(NetMessage)]
//! struct Ping {
//!     number: u32,
//! }
//!
//! /// Sends each message back to its sender.
//! struct Echo;
//!
//! impl Game for Echo {
//!     const NAME: &'static str = "echo";
//!     const APPLICATION: u64 = 0x6563_686f;
//!     type Settings = NoSettings;
//!
//!     fn messages(messages: &mut Messages<Self>) -> Result<(), RegisterError> {
//!         messages.receives(|_: &mut Self, server: &mut Context, from: ClientId, ping: &Ping| {
//!             drop(server.send(from, ping));
//!         })?;
//!         Ok(())
//!     }
//!
//!     fn start(&mut self, _: &mut Context, _: &NoSettings) -> Result<(), GameError> {
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     tickwire_server::main(Echo)
//! }
//! ```
//!
//! The guide `docs/guide/first-server.md` shows how to write a server with its own message type, and a client for it.
//! The guide `docs/guide/running-a-server.md` describes files, exit codes, services and containers.
#![forbid(unsafe_code)]

mod allowance;
mod banned;
mod bans;
mod budgets;
mod cli;
mod client;
mod clock_watch;
pub mod codes;
pub mod config;
pub mod console;
mod context;
mod environment;
mod error;
mod game;
mod logging;
mod mailbox;
mod messages;
mod metrics;
mod monitor;
mod network;
mod panics;
mod presence_log;
mod program;
mod pulse;
mod reload;
mod remote;
mod replicate;
mod replication;
mod schedule;
mod server;
mod signals;
mod stop;
mod suggest;
mod text_file;
mod turn;
mod watch;
pub mod world;
mod world_id;
mod world_schema;

#[doc(inline)]
pub use crate::banned::Banned;
#[doc(inline)]
pub use crate::client::{Client, ClientId};
#[doc(inline)]
pub use crate::config::{ConfigError, NoSettings, ServerConfig, Settings};
#[doc(inline)]
pub use crate::console::{Arguments, CommandError, Commands, Reply};
#[doc(inline)]
pub use crate::context::Context;
#[doc(inline)]
pub use crate::error::{GameError, ServerError};
#[doc(inline)]
pub use crate::game::{Game, SettingsChange};
#[doc(inline)]
pub use crate::messages::Messages;
#[doc(inline)]
pub use crate::metrics::{Counter, Gauge, METRICS_MAX, MetricError};
#[doc(inline)]
pub use crate::program::main;
#[doc(inline)]
pub use crate::remote::Remote;
#[doc(inline)]
pub use crate::schedule::{Due, Schedule};
#[doc(inline)]
pub use crate::server::{Dedicated, client_options, registry};
#[doc(inline)]
pub use crate::stop::Summary;
#[doc(inline)]
pub use crate::world_id::WORLD;
#[doc(inline)]
pub use crate::world_schema::{snapshot_config, world_schema};
