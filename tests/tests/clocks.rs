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
    let key = server_ticket_key(&*provider, &MASTER, &provider.handshake().public_key(&SERVER));
    let mut node = Node::new(config, Secrets::new(SERVER).ticket_key(key), seed, "10.0.0.1:7777", now);
    if came == Came::AsPeer {
        node.endpoint.expect_peer(PSK, provider.handshake().public_key(&CLIENT)).unwrap();
    }
    node
}

/// A ticket of a backend, which expires at `expiry`.
fn ticket(expiry: u64, seed: u8) -> Ticket {
    let provider = default_provider();
    let public = provider.handshake().public_key(&SERVER);
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
        let connection = net.connect_with(options);
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

#[test]
fn a_client_that_sends_thousands_of_messages_when_it_wakes_is_back_within_a_second_too() {
    for (seconds, per_second) in [(21, 300), (21, 1000), (21, 4000), (2 * HOUR, 1000), (2 * HOUR, 4000)] {
        let night = Night::new(Came::Openly, seconds);
        let (mut net, client) = night.evening();
        // The window is wide open before the night.
        let send = |net: &mut Net, seconds: u64| {
            for _ in 0..100 * seconds {
                let at = net.nodes[1].local(net.now);
                for _ in 0..per_second / 100 {
                    let message = vec![1; 1000];
                    let _full = net.nodes[1].endpoint.send(at, client, ChannelId(3), message);
                }
                net.run_for(Duration::from_millis(10));
            }
        };
        send(&mut net, 5);
        net.nodes[1].is_up = false;
        net.run_for(Duration::from_secs(seconds));
        net.nodes[1].is_up = true;
        net.nodes[1].behind = Duration::from_secs(seconds);
        send(&mut net, 1);
        net.run_for(net.delay);
        let back = |event: &Event| {
            matches!(event, Event::Resumed { .. } | Event::Connected { replaces: Some(_), .. })
        };
        assert!(net.nodes[1].has(back), "slept {seconds} s, {per_second} messages a second");
    }
}

const DAY: i64 = 86_400;

/// Corrects the server's wall clock by so many seconds.
fn correct(net: &mut Net, seconds: i64) {
    let server = &mut net.nodes[0].endpoint;
    let offset = shifted(server.wall_offset(), seconds);
    server.set_wall_offset(net.now, offset).unwrap();
}

/// A server with tickets whose wall clock is off by so many seconds, and a client that has not dialled.
fn ticket_office(off: i64) -> Net {
    let server = server(Came::WithTicket, 1, Instant::ZERO, shifted(WALL, off));
    let client = Node::new(Config::new(APPLICATION), Secrets::new(CLIENT), 2, "10.0.0.2:4000", Instant::ZERO);
    Net::new(vec![server, client], Duration::from_millis(50))
}

/// What becomes of a client that dials with `ticket`, within a second. If it is let in it leaves again.
fn shown(net: &mut Net, ticket: &Ticket) -> Option<Event> {
    let before = net.nodes[1].events.len();
    let options = ConnectOptions::new(net.nodes[0].endpoint.public_key()).ticket(ticket.clone());
    let (now, to) = (net.now, net.nodes[0].address);
    net.nodes[1].endpoint.connect(now, to, options.timeout(SECOND)).unwrap();
    net.run_for(SECOND);
    let outcome = net.nodes[1].events.get(before).cloned();
    if let Some(Event::Connected { connection, .. }) = outcome {
        net.nodes[1].endpoint.close(net.now, connection, 0, "");
        net.run_for(SECOND);
    }
    outcome
}

fn is_in(outcome: Option<&Event>) -> bool {
    matches!(outcome, Some(Event::Connected { .. }))
}

fn is_expired(outcome: Option<&Event>) -> bool {
    matches!(outcome, Some(Event::Closed { reason: CloseReason::Refused(Refusal::Expired), .. }))
}

#[test]
fn tickets_are_judged_right_from_the_correction_of_a_wall_clock_on() {
    for off in OFF.into_iter().filter(|off| *off != 0) {
        let mut net = ticket_office(off);
        net.run_for(SECOND * 5);
        let wall = WALL + net.now.as_micros();
        let (fresh, stale) = (ticket(wall + 600_000_000, 1), ticket(wall - 60_000_000, 2));
        let wrong = if off > 0 { &fresh } else { &stale };
        let outcome = shown(&mut net, wrong);
        assert_eq!(is_in(outcome.as_ref()), off < 0, "off by {off} s: {outcome:?}");
        assert_eq!(is_expired(outcome.as_ref()), off > 0, "off by {off} s: {outcome:?}");
        correct(&mut net, -off);
        let outcome = shown(&mut net, &ticket(wall + 600_000_000, 3));
        assert!(is_in(outcome.as_ref()), "was off by {off} s: {outcome:?}");
        let outcome = shown(&mut net, &ticket(wall - 60_000_000, 4));
        assert!(is_expired(outcome.as_ref()), "was off by {off} s: {outcome:?}");
    }
}

#[test]
fn a_used_ticket_lets_nobody_in_again_however_the_wall_clock_is_set() {
    for wrong in [-DAY, -10_800, 3600, 10_800, DAY, 2 * DAY, 30 * DAY] {
        for hours in [0, 1, 30, 100] {
            let mut net = ticket_office(0);
            let ticket_of = |seed| ticket(WALL + 600_000_000, seed);
            let (used, other) = (ticket_of(1), ticket_of(2));
            assert!(is_in(shown(&mut net, &used).as_ref()));
            let wait = |net: &mut Net| {
                net.run_for(Duration::from_secs(hours * HOUR));
                // Tickets are forgotten when others are shown.
                shown(net, &other);
            };
            correct(&mut net, wrong);
            wait(&mut net);
            assert!(!is_in(shown(&mut net, &used).as_ref()), "set by {wrong} s for {hours} h");
            correct(&mut net, -wrong);
            assert!(!is_in(shown(&mut net, &used).as_ref()), "set by {wrong} s for {hours} h and back");
            correct(&mut net, -DAY);
            wait(&mut net);
            assert!(
                !is_in(shown(&mut net, &used).as_ref()),
                "set by {wrong} s for {hours} h, and a day back"
            );
        }
    }
}

#[test]
fn tickets_made_after_a_correction_are_good_though_others_were_used_by_the_wrong_clock() {
    let mut net = ticket_office(DAY);
    for seed in 1..20 {
        let wall = shifted(WALL, DAY) + net.now.as_micros();
        assert!(is_in(shown(&mut net, &ticket(wall + 600_000_000, seed)).as_ref()));
        net.run_for(SECOND * 1200);
    }
    correct(&mut net, -DAY);
    let wall = WALL + net.now.as_micros();
    assert!(is_in(shown(&mut net, &ticket(wall + 600_000_000, 20)).as_ref()));
}

#[test]
fn a_session_that_was_ended_stays_ended_however_the_wall_clock_is_set() {
    for wrong in [-DAY, 10_800, DAY] {
        let night = Night::new(Came::WithTicket, 5);
        let (mut net, client) = night.evening();
        let connection = net.nodes[0].connected().unwrap();
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.nodes[0].endpoint.close(net.now, connection, 1, "");
        net.run_for(SECOND * 25);
        correct(&mut net, wrong);
        net.run_for(SECOND);
        correct(&mut net, -wrong);
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        net.run_for(SECOND * 5);
        let ended = |event: &Event| {
            let refusal = CloseReason::Refused(Refusal::SessionEnded);
            matches!(event, Event::Closed { connection, reason, .. } if *connection == client && *reason == refusal)
        };
        assert!(net.nodes[1].has(ended), "set by {wrong} s: {:#?}", net.nodes[1].events);
    }
}

#[test]
fn a_session_is_resumed_whatever_its_server_s_wall_clock_was_set_to() {
    for wrong in [-DAY, -7200, 7200, DAY, 400 * DAY] {
        let night = Night::new(Came::WithTicket, 5);
        let (mut net, _) = night.evening();
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.run_for(SECOND * 30);
        correct(&mut net, wrong);
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        net.run_for(SECOND * 2);
        assert!(net.nodes[1].has(|event| matches!(event, Event::Resumed { .. })), "set by {wrong} s");
    }
}

#[test]
fn half_a_minute_after_a_correction_resume_tickets_are_good_by_the_right_clock() {
    for off in [-DAY, DAY] {
        let night = Night { off: [off, 0], ..Night::new(Came::WithTicket, 5) };
        let (mut net, before) = night.evening();
        correct(&mut net, -off);
        net.run_for(SECOND * 31);
        let sealed = net.now;
        // A restart: the ticket is all that is left.
        net.nodes[0] = server(Came::WithTicket, 3, net.now, WALL);
        if off > 0 {
            net.nodes[1].is_up = false;
            net.run_for(Duration::from_secs(3 * HOUR));
            net.nodes[1].is_up = true;
        }
        net.run_for(SECOND * 10);
        let back =
            |event: &Event| matches!(event, Event::Connected { replaces, .. } if *replaces == Some(before));
        assert_eq!(net.nodes[1].has(back), off < 0, "sealed at {sealed:?}: {:#?}", net.nodes[1].events);
        let refused = |event: &Event| is_expired(Some(event));
        assert_eq!(net.nodes[1].has(refused), off > 0, "{:#?}", net.nodes[1].events);
    }
}

#[test]
fn an_offset_out_of_range_is_refused_and_changes_nothing() {
    let mut net = ticket_office(0);
    let endpoint = &mut net.nodes[0].endpoint;
    let most = Instant::MAX.as_micros();
    for offset in [0, most + 1, u64::MAX] {
        assert!(endpoint.set_wall_offset(Instant::ZERO, offset).is_err(), "{offset}");
        assert_eq!(endpoint.wall_offset(), WALL);
    }
    for offset in [1, most] {
        endpoint.set_wall_offset(Instant::ZERO, offset).unwrap();
        assert_eq!(endpoint.wall_offset(), offset);
    }
    // Without tickets no time is needed.
    net.nodes[1].endpoint.set_wall_offset(Instant::ZERO, 0).unwrap();
}

#[test]
fn tickets_that_look_wrong_to_the_wall_clock_are_counted() {
    let mut net = ticket_office(DAY);
    for seed in 1..4 {
        assert!(is_expired(shown(&mut net, &ticket(WALL + 600_000_000, seed)).as_ref()));
    }
    let counts = net.nodes[0].endpoint.ticket_counts();
    assert_eq!(counts.expired, 3);
    assert_eq!(counts.expired_by.as_secs(), 86_400 - 600 + 2);
    assert_eq!(counts.from_the_future, 0);
    // A server that restarts with its clock set back finds tickets of the future.
    let night = Night { off: [DAY, 0], restarts: Some(-DAY), ..Night::new(Came::WithTicket, 21) };
    let (mut net, _) = night.evening();
    night.pass(&mut net);
    let counts = net.nodes[0].endpoint.ticket_counts();
    assert_eq!((counts.expired, counts.from_the_future), (0, 1));
    assert!(counts.ahead_by.abs_diff(Duration::from_secs(86_400)) < SECOND * 60, "{:?}", counts.ahead_by);
}

#[test]
fn fifty_clients_behind_one_address_are_back_within_a_second_of_a_restart_with_a_corrected_clock() {
    for hours in [-3, 3, 48] {
        let mut nodes = vec![server(Came::Openly, 1, Instant::ZERO, WALL)];
        for number in 0..50u8 {
            let mut config = Config::new(APPLICATION);
            (config.access, config.wall_offset) = (Access::Closed, WALL);
            let address = format!("10.0.0.2:{}", 4000 + u16::from(number));
            nodes.push(Node::new(config, Secrets::new(CLIENT), 100 + number, &address, Instant::ZERO));
        }
        let mut net = Net::new(nodes, Duration::from_millis(50));
        let (key, to) = (net.nodes[0].endpoint.public_key(), net.nodes[0].address);
        let dial =
            |node: &mut Node| node.endpoint.connect(Instant::ZERO, to, ConnectOptions::new(key)).unwrap();
        let clients: Vec<ConnectionId> = net.nodes[1..].iter_mut().map(dial).collect();
        net.run_for(SECOND * 30);
        net.nodes[0] = server(Came::Openly, 3, net.now, shifted(WALL, hours * 3600));
        for (number, client) in clients.iter().enumerate() {
            net.send(number + 1, *client, 0, vec![1; 10]);
        }
        net.run_for(net.delay + SECOND);
        let back =
            |node: &&Node| node.has(|event| matches!(event, Event::Connected { replaces: Some(_), .. }));
        assert_eq!(net.nodes.iter().filter(back).count(), 50, "set by {hours} h");
    }
}
