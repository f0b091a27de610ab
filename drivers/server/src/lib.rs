//! # tickwire-server
//!
//! The headless dedicated server, as a library that takes a game and as a binary with a small world built in.
//!
//! A game implements [`Game`]; [`main`] is the whole program around it: configuration with comments, environment and
//! flags, a log file that rolls, a console, metrics and health, a key that clients pin, an orderly end. Who wants less
//! than a program starts a [`Dedicated`] by himself.
//!
//! [`guide`] goes from nothing to a running server with a message type of its own.
#![forbid(unsafe_code)]

mod bans;
mod cli;
mod client;
pub mod codes;
pub mod config;
pub mod console;
mod context;
mod error;
mod game;
pub mod keys;
mod logging;
mod messages;
mod monitor;
mod program;
mod pulse;
mod reload;
mod remote;
mod schedule;
mod server;
mod signals;
mod stop;
mod suggest;
mod turn;
mod watch;
pub mod world;

pub use crate::bans::Banned;
pub use crate::client::{Client, ClientId};
pub use crate::config::{ConfigError, NoSettings, ServerConfig, Settings};
pub use crate::console::{Arguments, CommandError, Commands, Reply};
pub use crate::context::Context;
pub use crate::error::{GameError, ServerError};
pub use crate::game::{Game, SettingsChange};
pub use crate::messages::Messages;
pub use crate::program::main;
pub use crate::remote::Remote;
pub use crate::schedule::{Due, Schedule};
pub use crate::server::{Dedicated, registry};
pub use crate::stop::Summary;
