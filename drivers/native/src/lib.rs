//! # tickwire-native
//!
//! The driver of `tickwire-core` for Linux, Windows and macOS: UDP sockets, the network thread, and the verbs of
//! servers, clients and peers.
//!
//! A [`Server`], [`Client`] or [`Peer`] owns one socket and one thread. The thread sleeps until the socket, a deadline
//! or the game wants it; two bounded queues join it to the game. A program with an event loop of its own can use the core without
//! this crate, as the example `pump` of the crate `tickwire` does.
//!
//! A server's key is new after each start, unless [`Options::key_file`] keeps it.
//!
//! ```
//! use std::time::Duration;
//! use tickwire_core::message::{BoundedString, NetMessage, Registry};
//! use tickwire_core::{Access, Config, ConnectOptions};
//! use tickwire_native::{Client, Options, Server};
//!
//! #[derive(NetMessage)]
//! struct Chat {
//!     text: BoundedString<200>,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut registry = Registry::new();
//! registry.register::<Chat>()?;
//!
//! let mut config = Config::new(0x6d79_6761_6d65);
//! config.access = Access::Open;
//! let options = Options::new(config).registry(registry.clone()).bind("127.0.0.1:0".parse()?);
//! let mut server = Server::start(options)?;
//! let echo = server.handle();
//! server.on::<Chat, _>(move |from, chat| drop(echo.send(from, chat)))?;
//!
//! let options = Options::new(Config::new(0x6d79_6761_6d65)).registry(registry);
//! let mut client = Client::start(options)?;
//! let to = server.local_address().into();
//! client.connect(&to, ConnectOptions::new(server.public_key())).wait()?;
//! client.send_to_server(&Chat { text: BoundedString::truncated("hello") })?;
//!
//! let (said, heard) = std::sync::mpsc::channel();
//! client.on::<Chat, _>(move |_, chat| drop(said.send(chat.text.as_str().to_owned())))?;
//! let heard = loop {
//!     // Once per frame, each end calls what it subscribed to.
//!     server.update();
//!     client.update();
//!     if let Ok(text) = heard.recv_timeout(Duration::from_millis(1)) {
//!         break text;
//!     }
//! };
//! assert_eq!(heard, "hello");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod address;
mod answer;
mod attempt;
mod backlog;
mod capabilities;
mod client;
mod clock;
mod coalescing;
mod command;
mod command_queue;
mod dial;
mod ending;
mod error;
mod event_queue;
mod handle;
mod handlers;
pub mod key_file;
mod network_thread;
mod node;
mod options;
mod peer;
mod policy;
mod receive_errors;
mod resolve;
mod rt;
mod server;
mod shared;
mod shares;
mod sleep;
mod stats;
// What the dedicated server does with files as this crate does. Not part of the API.
#[doc(hidden)]
pub mod text_file;
mod udp_socket;
#[doc(hidden)]
pub mod unwritable;
mod verbs;
mod wall;

pub use crate::address::{Host, NetworkAddress, ParseAddressError};
pub use crate::attempt::Attempt;
pub use crate::capabilities::{Capabilities, capabilities, local_addresses};
pub use crate::client::Client;
pub use crate::ending::Ending;
pub use crate::error::{CommandError, ConnectError, SendError, StartError, Unreached, UnreachedCause};
pub use crate::handle::{Broadcast, Handle, Hold, INVALID_MESSAGES};
pub use crate::handlers::{HandlerId, Update};
pub use crate::key_file::KeyFileError;
pub use crate::options::{Bind, Options};
pub use crate::peer::Peer;
pub use crate::resolve::{Resolution, Resolver, resolve};
pub use crate::server::Server;
pub use crate::stats::{ClockReport, ConnectionInfo, NetworkStats};
