//! A networking stack for real-time multiplayer games.
//!
//! One deterministic state machine, [`Endpoint`], implements the whole protocol: handshake, encryption, heartbeat, reliability,
//! congestion control and resumption. The caller passes datagrams and timestamps to the endpoint, and polls it for datagrams and
//! events. The endpoint reads no clock and no entropy, so a run can be repeated from a seed. Drivers connect the endpoint to
//! sockets, clocks and entropy. This crate re-exports the core and its drivers.
//!
//! | feature | default | adds |
//! |---|---|---|
//! | | always | the core: [`Endpoint`], [`Config`], [`message`], [`congestion`] and the rest of this page |
//! | `native` | yes | `tickwire::native`: servers, clients and peers over UDP, each with a network thread |
//! | `server` | no | `tickwire::server`: the dedicated server around a game, with configuration, console, log and metrics |
//! | `sim` | no | `tickwire::sim`: seeded networks, clocks and faults, to test a game that uses the core |
//! | `ring` | yes | cryptography by ring, which needs a C compiler. Without this feature, the cryptography is pure Rust, and a message costs 1.5 to 2.2 times as many instructions |
//!
//! # A server and a client
//!
//! Both ends register the same message types. The client pins the server's public key, so no other server can impersonate this
//! server. Messages are encrypted. The example `hello` contains this program: `cargo run --example hello`.
//!
#![cfg_attr(feature = "native", doc = "```rust")]
#![cfg_attr(not(feature = "native"), doc = "```ignore")]
//! use tickwire::prelude::*;
//!
//! #[derive(NetMessage)]
//! struct Hello {
//!     name: BoundedString<40>,
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut registry = Registry::new();
//!     registry.register::<Hello>()?;
//!     let client_config = Config::new(0x6865_6c6f);
//!     let mut config = client_config.clone();
//!     config.access = Access::Open;
//!
//!     let options = Options::new(config).registry(registry.clone()).bind("127.0.0.1:0".parse()?);
//!     let server = Server::start(options)?;
//!     let (mut greeted, mut handlers) = (String::new(), server.handlers());
//!     handlers.on(|greeted: &mut String, _, _, hello: &Hello| *greeted = hello.name.to_string())?;
//!
//!     let client = Client::start(Options::new(client_config).registry(registry))?;
//!     client.connect(&server.local_address().into(), ConnectOptions::new(server.public_key())).wait()?;
//!     client.send_to_server(&Hello { name: BoundedString::truncated("world") })?;
//!     while greeted.is_empty() {
//!         server.update(&mut greeted, &mut handlers); // once per frame of a game
//!     }
//!     println!("hello {greeted}");
//!     Ok(())
//! }
//! ```
//!
//! # The core alone
//!
//! A program with its own event loop needs no driver. The program passes received datagrams to an [`Endpoint`], sends the datagrams
//! that [`Endpoint::poll_transmit`] writes, and sleeps until [`Endpoint::poll_timeout`]. In this example, a client and a server
//! exchange a message without a network:
//!
//! ```
//! use tickwire::{Access, ChannelId, Config, ConnectOptions, Ecn, Endpoint, Event, Instant, Secrets};
//!
//! // A real program draws secrets and seeds from the system.
//! let now = Instant::ZERO;
//! let mut open = Config::new(0x6865_6c6f);
//! open.access = Access::Open;
//! let mut server = Endpoint::new(open, Secrets::new([1; 32]), [2; 32], now)?;
//! let mut client = Endpoint::new(Config::new(0x6865_6c6f), Secrets::new([3; 32]), [4; 32], now)?;
//! let server_at: std::net::SocketAddr = "10.0.0.1:7777".parse()?;
//! let client_at: std::net::SocketAddr = "10.0.0.2:5000".parse()?;
//!
//! let connection = client.connect(now, server_at, ConnectOptions::new(server.public_key()))?;
//! client.send(now, connection, ChannelId(0), "hello")?;
//!
//! let mut buffer = [0; 1200];
//! let heard = 'heard: loop {
//!     while let Some(transmit) = client.poll_transmit(now, &mut buffer) {
//!         server.handle_datagram(now, client_at, Ecn::NotCapable, &mut buffer[..transmit.size]);
//!     }
//!     while let Some(transmit) = server.poll_transmit(now, &mut buffer) {
//!         client.handle_datagram(now, server_at, Ecn::NotCapable, &mut buffer[..transmit.size]);
//!     }
//!     while let Some(event) = server.poll_event() {
//!         if let Event::Message { data, .. } = event {
//!             break 'heard data;
//!         }
//!     }
//! };
//! assert_eq!(heard, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The example `pump` does the same over real sockets, with clocks and sleep: `cargo run --example pump`.
#![forbid(unsafe_code)]

pub mod message;
pub mod prelude;
pub mod snapshot;

#[doc(inline)]
pub use tickwire_core::*;
#[cfg(feature = "native")]
#[doc(inline)]
pub use tickwire_native as native;
#[cfg(feature = "server")]
#[doc(inline)]
pub use tickwire_server as server;
#[cfg(feature = "sim")]
#[doc(inline)]
pub use tickwire_sim as sim;

/// The example programs of the README, which documentation tests compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
