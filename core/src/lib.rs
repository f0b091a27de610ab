//! # tickwire-core
//!
//! A deterministic, sans-IO protocol core for real-time multiplayer games: handshake, encryption, heartbeat, reliability,
//! resumption. The caller passes datagrams and timestamps in, and polls datagrams and events. The core opens no socket, reads
//! no clock and draws no entropy. The same calls with the same seed give the same bytes on every target.
//!
//! This example drives two endpoints over a network that loses every fourth datagram:
//!
//! ```
//! use tickwire_core::{
//!     Access, ChannelId, Config, ConnectOptions, Duration, Ecn, Endpoint, Event, Instant, Secrets,
//! };
//!
//! // Real programs draw secrets and seeds from the system; a simulation chooses them.
//! let mut now = Instant::ZERO;
//! let mut config = Config::new(0x6d79_6761_6d65);
//! let client_config = config.clone();
//! config.access = Access::Open;
//! let mut server = Endpoint::new(config, Secrets::new([1; 32]), [2; 32], now).unwrap();
//! let mut client = Endpoint::new(client_config, Secrets::new([3; 32]), [4; 32], now).unwrap();
//! let server_at: std::net::SocketAddr = "10.0.0.1:7777".parse().unwrap();
//! let client_at: std::net::SocketAddr = "10.0.0.2:5000".parse().unwrap();
//!
//! let connection = client.connect(now, server_at, ConnectOptions::new(server.public_key())).unwrap();
//! for number in 0..10u8 {
//!     client.send(now, connection, ChannelId(0), vec![number; 2000]).unwrap();
//! }
//!
//! let mut received = Vec::new();
//! let mut sent = 0;
//! let mut buffer = [0; 2048];
//! while received.len() < 10 {
//!     // Each end sends all datagrams that are ready. Three of four arrive at once.
//!     for turn in 0..2 {
//!         let (from, to, from_at) = match turn {
//!             0 => (&mut client, &mut server, client_at),
//!             _ => (&mut server, &mut client, server_at),
//!         };
//!         while let Some(transmit) = from.poll_transmit(now, &mut buffer) {
//!             for datagram in transmit.datagrams(&buffer) {
//!                 sent += 1;
//!                 if sent % 4 != 0 {
//!                     to.handle_datagram(now, from_at, Ecn::NotCapable, &mut datagram.to_vec());
//!                 }
//!             }
//!         }
//!         while let Some(event) = to.poll_event() {
//!             if let Event::Message { data, .. } = event {
//!                 received.push(data[0]);
//!             }
//!         }
//!     }
//!     // A real program sleeps until the next timeout. The example advances its clock.
//!     now = client.poll_timeout().0.min(server.poll_timeout().0).max(now + Duration::from_millis(1));
//!     client.handle_timeout(now);
//!     server.handle_timeout(now);
//! }
//! assert_eq!(received, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
//! ```
//!
//! # The contract in one minute
//!
//! An [`Endpoint`] has four kinds of calls, which are allowed in any order, at any time:
//!
//! | kind | calls |
//! |---|---|
//! | commands | [`connect`](Endpoint::connect), [`send`](Endpoint::send), [`close`](Endpoint::close), … |
//! | inputs | [`handle_datagram`](Endpoint::handle_datagram), [`handle_timeout`](Endpoint::handle_timeout) |
//! | outputs | [`poll_transmit`](Endpoint::poll_transmit), [`poll_event`](Endpoint::poll_event), [`poll_timeout`](Endpoint::poll_timeout) |
//! | getters | [`state`](Endpoint::state), [`stats`](Endpoint::stats), [`peer_clock`](Endpoint::peer_clock), … |
//!
//! - **Seed**: 32 fresh bytes of the system's entropy at every start. Long-lived keys are [`Secrets`].
//! - **Time**: every [`Instant`] comes from the caller's monotonic clock, in microseconds. [`Config::wall_offset`] relates it to the
//!   wall clock, by which tickets expire.
//! - **Buffers**: receive into a buffer of [`limits::MAX_DATAGRAM`] bytes, and pass `poll_transmit` a buffer of at least
//!   [`limits::MIN_TRANSMIT_BUFFER`] bytes.
//! - **Don't-fragment**: over UDP no datagram has more than 1200 bytes, unless [`Config::dont_fragment`] states that the sockets
//!   forbid fragments. The endpoint then sends larger datagrams on paths that carry them.
//! - **ECN**: pass the ECN bits of received datagrams in, and send datagrams with [`Transmit::ecn`]. Pass [`Ecn::NotCapable`] if the
//!   platform cannot read the bits.
//!
//! [`drivers_contract`] lists all duties, each with the consequence of its neglect. [`ConnectionState`] shows the states of a
//! connection. [`message`] encodes structs as the bytes that channels carry.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
// The derive macros name this crate by its own name; so do they inside it.
extern crate self as tickwire_core;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod address;
pub mod bits;
mod channel;
pub mod config;
mod connection;
pub mod crypto;
pub mod drivers_contract;
pub mod drop;
mod endpoint;
pub mod error;
pub mod event;
mod fair;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod handshake;
pub mod limits;
pub mod message;
#[cfg(feature = "planted")]
pub mod planted;
#[cfg(not(feature = "planted"))]
mod planted;
#[cfg(test)]
mod protocol_examples;
pub mod rng;
pub mod schema;
mod shape;
pub mod snapshot;
mod source;
pub mod stats;
pub mod text;
pub mod tick;
pub mod time;
pub mod token_bucket;
pub mod wire;

#[doc(no_inline)]
pub use bytes::Bytes;

#[doc(inline)]
pub use crate::address::{Address, Ecn, LinkId, LinkProperties, Path};
#[doc(inline)]
pub use crate::config::{Access, ChannelConfig, Config, Delivery, Overflow, Route, Secrets, SnapshotConfig};
#[doc(inline)]
pub use crate::connection::{PeerClock, TimeoutCause, VIOLATION_CODES, congestion};
#[doc(inline)]
pub use crate::crypto::{PublicKey, Secret};
#[doc(inline)]
pub use crate::endpoint::{
    Admission, AdmissionRequest, Authenticator, ConnectOptions, ConnectionState, Endpoint, Transmit,
};
#[doc(inline)]
pub use crate::event::{
    ChannelId, CloseReason, ConnectionId, Event, Fate, MessageId, PeerInfo, Refusal, ResumeOverFailure,
    Unconfirmed, Violation,
};
#[doc(inline)]
pub use crate::handshake::{Ticket, TicketContents, TicketError, TicketMint, server_ticket_key};
#[doc(inline)]
pub use crate::text::{Escaped, PeerText};
#[doc(inline)]
pub use crate::time::{Duration, Instant};
