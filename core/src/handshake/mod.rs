//! The handshake, which gives two endpoints shared keys. The handshake takes one round trip with a ticket or
//! over a link, and two round trips if the server requires a cookie.
//!
//! Components take plain arguments and return values. `client::Dialer` is one attempt to connect, and `server::Acceptor`
//! answers the attempts of clients. Neither depends on the type of a connection.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]
// Until the endpoint drives both ends, only the tests call them.

mod accepting;
mod buckets;
mod burn;
mod client;
mod control;
mod cookie;
mod dialling;
mod half_open;
mod half_open_table;
mod hello;
mod keys;
mod known_parties;
mod load;
mod owner;
mod parameters;
mod peer;
mod resume_ticket;
#[cfg(feature = "fuzzing")]
mod rewrite;
mod sealing;
mod server;
mod size_queries;
mod sources;
mod ticket;
mod tokens;
mod welcome;

pub(crate) use accepting::{AcceptSetup, Admittance, Applicant, Confirmed, HandshakeArrival, Screened};
pub(crate) use client::Dialer;
pub(crate) use control::{addressee, echo_of, parse_unknown, unknown};
pub(crate) use dialling::{Accepted, Answer, Credential, DialSetup, ServerKey};
pub(crate) use half_open::{HALF_OPEN_LIFE, HalfOpenId, Resume};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use known_parties::Deserted;
pub(crate) use known_parties::KnownParties;
pub(crate) use owner::Owner;
pub(crate) use parameters::Parameters;
pub(crate) use peer::{PeerHint, identity as peer_identity, initiates};
pub(crate) use resume_ticket::{RENEW_US, RESUME_TICKET_LIFE, ResumeContents, resume_psk};
#[cfg(feature = "fuzzing")]
pub(crate) use rewrite::{rewrite, rewrite_parameters};
pub(crate) use server::Acceptor;
pub(crate) use sources::SourceBuckets;
pub use ticket::{Ticket, TicketContents, TicketError, TicketMint, server_ticket_key};
pub(crate) use welcome::SessionOutcome;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
