//! # tickwire-native
//!
//! The driver of `tickwire-core` for Linux and Windows (tested under wine): UDP sockets, the network thread, and the methods of
//! servers, clients and peers.
//!
//! A [`Server`], [`Client`] or [`Peer`] owns one socket and one thread. The thread sleeps until the socket, a deadline
//! or the game wakes it. Two bounded queues connect the thread to the game. A program with its own event loop can use the core without
//! this crate, as the example `pump` of the crate `tickwire` does.
//!
//! A server generates a new key at each start, unless [`Options::key_file`] stores the key, or [`Options::secrets`]
//! sets the key.
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
//! let server = Server::start(options)?;
//! // Handlers get the game (this server has none), the network, the sender and the message.
//! let mut echo = server.handlers::<()>();
//! echo.on(|(), network, from, chat: &Chat| drop(network.send(from, chat)))?;
//!
//! let options = Options::new(Config::new(0x6d79_6761_6d65)).registry(registry);
//! let client = Client::start(options)?;
//! let to = server.local_address().into();
//! client.connect(&to, ConnectOptions::new(server.public_key())).wait()?;
//! client.send_to_server(&Chat { text: BoundedString::truncated("hello") })?;
//!
//! let mut lines: Vec<String> = Vec::new();
//! let mut handlers = client.handlers::<Vec<String>>();
//! handlers.on(|lines, _, _, chat: &Chat| lines.push(chat.text.as_str().to_owned()))?;
//! while lines.is_empty() {
//!     // Once per frame, each end calls its handlers with its state.
//!     server.update(&mut (), &mut echo);
//!     client.update(&mut lines, &mut handlers);
//!     std::thread::sleep(Duration::from_millis(1));
//! }
//! assert_eq!(lines, ["hello"]);
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
mod guard;
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
mod shared_worlds;
mod shares;
mod sleep;
mod stats;
// File helpers that the dedicated server shares with this crate. Not part of the API.
#[doc(hidden)]
pub mod text_file;
mod udp_socket;
#[doc(hidden)]
pub mod unwritable;
mod verbs;
mod wall;
mod world_tally;

#[doc(inline)]
pub use crate::address::{Host, NetworkAddress, ParseAddressError};
#[doc(inline)]
pub use crate::attempt::Attempt;
#[doc(inline)]
pub use crate::capabilities::{Capabilities, capabilities, local_addresses};
#[doc(inline)]
pub use crate::client::Client;
#[doc(inline)]
pub use crate::ending::Ending;
#[doc(inline)]
pub use crate::error::{
    CommandError, ConnectError, ReplicationError, SendError, StartError, Unreached, UnreachedCause,
};
#[doc(inline)]
pub use crate::handle::{Broadcast, Handle, Hold, INVALID_MESSAGES};
#[doc(inline)]
pub use crate::handlers::{HandlerId, Handlers, Update};
#[doc(inline)]
pub use crate::key_file::KeyFileError;
#[doc(inline)]
pub use crate::options::{Bind, Options};
#[doc(inline)]
pub use crate::peer::Peer;
#[doc(inline)]
pub use crate::resolve::{Resolution, Resolver, resolve};
#[doc(inline)]
pub use crate::server::Server;
#[doc(inline)]
pub use crate::stats::{ClockReport, ConnectionInfo, NetworkStats, WorldTotals};
