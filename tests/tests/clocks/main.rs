//! Clients whose host slept, and wall clocks that are wrong or were corrected: the clients that return, their delay, and their
//! sessions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod corrections;
mod night;
mod sleep;

use std::cell::Cell;
use std::rc::Rc;

use self::night::Night;
use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::crypto::default_provider;
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, ConnectionState, Duration, Event,
    Instant, Refusal, Secrets, Ticket, TicketContents, TicketMint, server_ticket_key,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: u64 = 3600;
/// The correct wall time at the beginning of a test, in microseconds: ten minutes before a full hour, so that sleeps
/// cross the hour.
const WALL: u64 = (500_000 * HOUR + 3000) * 1_000_000;
const SLEEPS: [u64; 7] = [5, 21, 61, 300, 2 * HOUR, 26 * HOUR, 72 * HOUR];
/// The errors of wall clocks in the tests, in seconds.
const OFF: [i64; 8] = [-86_400, -10_800, -3600, 0, 3600, 7200, 10_800, 86_400];
/// The longest sleep after which a server still keeps the session, in seconds: idle timeout plus resume window.
const KEPT: u64 = 61;
/// The identity in the ticket.
const IDENTITY: [u8; 16] = [3; 16];
const PSK: [u8; 32] = [9; 32];
const MASTER: [u8; 32] = [7; 32];
const SERVER: [u8; 32] = [1; 32];
const CLIENT: [u8; 32] = [2; 32];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Came {
    Openly,
    AsPeer,
    WithTicket,
    /// With a ticket, to a server that also accepts clients without a ticket.
    WithTicketToOpen,
}

fn shifted(wall: u64, seconds: i64) -> u64 {
    wall.checked_add_signed(seconds * 1_000_000).unwrap()
}

fn server(came: Came, seed: u8, now: Instant, wall_offset: u64) -> Node {
    let mut config = Config::new(APPLICATION);
    config.wall_offset = wall_offset;
    config.access = match came {
        Came::Openly | Came::WithTicketToOpen => Access::Open,
        Came::AsPeer => Access::Peers,
        Came::WithTicket => Access::Tickets,
    };
    let provider = default_provider();
    let key = server_ticket_key(&*provider, &MASTER, &provider.handshake().public_key(&SERVER));
    let mut node = Node::new(config, Secrets::new(SERVER).ticket_key(key), seed, "10.0.0.1:7777", now);
    if came == Came::AsPeer {
        node.endpoint.expect_peer(PSK, provider.handshake().public_key(&CLIENT)).unwrap();
    }
    node
}

/// Creates a ticket of a backend that expires at `expiry`.
fn ticket(expiry: u64, seed: u8) -> Ticket {
    let provider = default_provider();
    let public = provider.handshake().public_key(&SERVER);
    let key = server_ticket_key(&*provider, &MASTER, &public);
    let contents = TicketContents { identity: IDENTITY, expiry, user_data: Vec::new() };
    let mut rng = Rng::from_seed([seed; 32]);
    TicketMint::new(provider, &key).mint(&mut rng, APPLICATION, &public, contents).unwrap()
}
