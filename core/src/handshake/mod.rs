//! How two endpoints come to share keys: one round trip with a ticket, two without one or under load.
//!
//! Components take plain arguments and return values. [`client::Dialer`] is one attempt to connect,
//! [`server::Acceptor`] answers the attempts of others; neither knows what a connection is.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]
// Until the endpoint drives both ends, only the tests call them.
#![allow(dead_code, unused_imports)]

mod burn;
pub(crate) mod client;
mod control;
mod cookie;
mod half_open;
mod hello;
mod keys;
mod load;
mod parameters;
mod peer;
pub(crate) mod resume_ticket;
mod sealing;
pub(crate) mod server;
mod sources;
mod ticket;
mod welcome;

pub(crate) use control::{addressee, parse_unknown, unknown};
pub(crate) use parameters::Parameters;
pub(crate) use peer::{PeerHint, initiates};
pub use ticket::{Ticket, TicketContents, TicketError, TicketMint, server_ticket_key};
pub(crate) use welcome::Session;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
