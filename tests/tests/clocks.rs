//! Clients that slept, and wall clocks that are wrong or were corrected: who comes back, how soon, and to what.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::crypto::default_provider;
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, ConnectionState, Duration, Event,
    Instant, Refusal, Secrets, Ticket, TicketContents, TicketMint, server_ticket_key,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: u64 = 3600;
/// The right wall time when a test begins, in microseconds: ten minutes to a full hour, which sleeps cross.
const WALL: u64 = (500_000 * HOUR + 3000) * 1_000_000;
const SLEEPS: [u64; 7] = [5, 21, 61, 300, 2 * HOUR, 26 * HOUR, 72 * HOUR];
/// How far a wall clock is off, in seconds.
const OFF: [i64; 8] = [-86_400, -10_800, -3600, 0, 3600, 7200, 10_800, 86_400];
/// The longest sleep, in seconds, after which a server still has the session: idle timeout and resume window.
const KEPT: u64 = 61;
const PSK: [u8; 32] = [9; 32];
const MASTER: [u8; 32] = [7; 32];
const SERVER: [u8; 32] = [1; 32];
const CLIENT: [u8; 32] = [2; 32];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Came {
    Openly,
    AsPeer,
    WithTicket,
}

/// A client that sleeps, and what clocks do meanwhile.
#[derive(Clone, Copy, Debug)]
struct Night {
    came: Came,
    seconds: u64,
    /// Whether the sleeper's monotonic clock goes on.
    goes_on: bool,
    /// By how many seconds the server's wall clock is corrected when it restarts; `None`: it runs on.
    restarts: Option<i64>,
    /// How far the wall clocks of server and client are off from the beginning, in seconds.
    off: [i64; 2],
}

fn shifted(wall: u64, seconds: i64) -> u64 {
    wall.checked_add_signed(seconds * 1_000_000).unwrap()
}

fn server(came: Came, seed: u8, now: Instant, wall_offset: u64) -> Node {
    let mut config = Config::new(APPLICATION);
    config.wall_offset = wall_offset;
    config.access = match came {
        Came::Openly => Access::Open,
        Came::AsPeer => Access::Peers,
        Came::WithTicket => Access::Tickets,
    };
    let provider = default_provider();
    let key = server_ticket_key(&*provider, &MASTER, &provider.public_key(&SERVER));
    let mut node = Node::new(config, Secrets::new(SERVER).ticket_key(key), seed, "10.0.0.1:7777", now);
    if came == Came::AsPeer {
        node.endpoint.expect_peer(PSK, provider.public_key(&CLIENT)).unwrap();
    }
    node
}

/// A ticket of a backend, which expires at `expiry`.
fn ticket(expiry: u64, seed: u8) -> Ticket {
    let provider = default_provider();
    let public = provider.public_key(&SERVER);
    let key = server_ticket_key(&*provider, &MASTER, &public);
    let contents = TicketContents { identity: [3; 16], expiry, user_data: Vec::new() };
    let mut rng = Rng::from_seed([seed; 32]);
    TicketMint::new(provider, &key).mint(&mut rng, APPLICATION, &public, contents).unwrap()
}

impl Night {
    const fn new(came: Came, seconds: u64) -> Self {
        Self { came, seconds, goes_on: false, restarts: None, off: [0, 0] }
    }

    /// A server and a client that is connected.
    fn evening(&self) -> (Net, ConnectionId) {
        let wall = self.off.map(|off| shifted(WALL, off));
        let mut config = Config::new(APPLICATION);
        config.wall_offset = wall[1];
        config.access = if self.came == Came::AsPeer { Access::Peers } else { Access::Closed };
        let client = Node::new(config, Secrets::new(CLIENT), 2, "10.0.0.2:4000", Instant::ZERO);
        let nodes = vec![server(self.came, 1, Instant::ZERO, wall[0]), client];
        let mut net = Net::new(nodes, Duration::from_millis(50));
        let key = net.nodes[0].endpoint.public_key();
        let options = match self.came {
            Came::Openly => ConnectOptions::new(key),
            Came::AsPeer => ConnectOptions::peer(PSK, key),
            Came::WithTicket => ConnectOptions::new(key).ticket(ticket(wall[0] + HOUR * 1_000_000, 1)),
        };
        let (now, to) = (net.now, net.nodes[0].address);
        let connection = net.nodes[1].endpoint.connect(now, to, options).unwrap();
        net.run_for(SECOND * 10);
        assert_eq!(net.nodes[1].endpoint.state(connection), ConnectionState::Connected, "{self:?}");
        (net, connection)
    }

    /// The client sleeps; then a second passes from its first datagram that reaches the server.
    fn pass(&self, net: &mut Net) {
        let half = Duration::from_millis(self.seconds * 500);
        net.nodes[1].is_up = false;
        net.run_for(half);
        if let Some(correction) = self.restarts {
            net.nodes[0] = server(self.came, 3, net.now, shifted(WALL, self.off[0] + correction));
        }
        net.run_for(half);
        net.nodes[1].is_up = true;
        if !self.goes_on {
            net.nodes[1].behind = half * 2;
        }
        let first = Rc::new(Cell::new(false));
        let seen = Rc::clone(&first);
        net.filter = Box::new(move |_, node, _| {
            seen.set(seen.get() || node == 1);
            Pass::Deliver
        });
        net.run_until(SECOND * 6, |_| first.get());
        net.run_for(net.delay + SECOND);
    }

    /// Whether the server still has the session when the client wakes.
    const fn is_kept(&self) -> bool {
        self.restarts.is_none() && self.seconds <= KEPT
    }

    /// The client came without a ticket: it is in again.
    fn ends_well(&self) {
        let (mut net, before) = self.evening();
        self.pass(&mut net);
        let client = net.nodes[1].connected().unwrap();
        if self.is_kept() {
            assert_eq!(client, before, "the session was kept: {self:?}");
            let closed = |event: &Event| matches!(event, Event::Closed { .. });
            assert!(!net.nodes.iter().any(|node| node.has(closed)), "{self:?}");
        } else {
            assert_ne!(client, before, "{self:?}: {:#?}", net.nodes[1].events);
            let takes_over = |event: &Event| matches!(event, Event::Connected { replaces, .. } if *replaces == Some(before));
            assert!(net.nodes[1].has(takes_over), "{self:?}");
        }
        let server = net.nodes[0].connected().unwrap();
        for (node, connection) in [(0, server), (1, client)] {
            let state = net.nodes[node].endpoint.state(connection);
            assert_eq!(state, ConnectionState::Connected, "node {node}, {self:?}");
            net.send(node, connection, 0, vec![1; 10]);
        }
        net.run_for(SECOND);
        for node in &net.nodes {
            assert_eq!(node.messages(), [(ChannelId(0), vec![1; 10])], "{self:?}");
        }
    }

    /// Every combination of sleep and clocks, with the wall clock that is off at `end`.
    fn all(came: Came, end: usize) -> impl Iterator<Item = Self> {
        let nights = SLEEPS.into_iter().flat_map(|seconds| OFF.map(|off| (seconds, off)));
        nights.flat_map(move |(seconds, off)| {
            let mut offs = [0; 2];
            offs[end] = off;
            let night = Self { off: offs, ..Self::new(came, seconds) };
            let corrected = if end == 0 { -off } else { off };
            let restarted = Self { restarts: Some(corrected), ..night };
            [night, restarted]
                .into_iter()
                .flat_map(|night| [false, true].map(|goes_on| Self { goes_on, ..night }))
        })
    }
}

#[test]
fn a_client_without_a_ticket_is_back_within_a_second_whatever_the_wall_clock_of_its_server_did() {
    Night::all(Came::Openly, 0).for_each(|night| night.ends_well());
}

#[test]
fn a_client_without_a_ticket_is_back_within_a_second_whatever_its_own_wall_clock_shows() {
    Night::all(Came::Openly, 1).for_each(|night| night.ends_well());
}

#[test]
fn a_peer_is_back_within_a_second_whatever_wall_clocks_did() {
    Night::all(Came::AsPeer, 0).for_each(|night| night.ends_well());
}

#[test]
fn a_client_that_came_with_a_ticket_resumes_comes_back_or_hears_at_once_that_it_expired() {
    for night in Night::all(Came::WithTicket, 0) {
        let age = i64::try_from(night.seconds).unwrap() + night.restarts.unwrap_or(0);
        if night.is_kept() || age < 7200 {
            night.ends_well();
            continue;
        }
        let (mut net, before) = night.evening();
        night.pass(&mut net);
        let refused = |event: &Event| {
            let refusal = CloseReason::Refused(Refusal::Expired);
            matches!(event, Event::Closed { connection, reason, .. } if *connection == before && *reason == refusal)
        };
        assert!(net.nodes[1].has(refused), "{night:?}: {:#?}", net.nodes[1].events);
    }
}

#[test]
fn a_client_that_was_cut_off_before_it_slept_still_has_its_time_to_reconnect_when_it_wakes() {
    for goes_on in [false, true] {
        let night = Night { goes_on, ..Night::new(Came::Openly, 2 * HOUR) };
        let (mut net, _) = night.evening();
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.run_for(SECOND * 40);
        assert!(net.nodes[1].has(|event| matches!(event, Event::Interrupted { .. })));
        night.pass(&mut net);
        let back = |event: &Event| matches!(event, Event::Connected { replaces: Some(_), .. });
        assert!(net.nodes[1].has(back), "{night:?}: {:#?}", net.nodes[1].events);
    }
}
