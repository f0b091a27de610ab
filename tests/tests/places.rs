//! Session slots: the clients that get a slot, the time for which a closing connection keeps its slot, and the replacement
//! of connections whose client is gone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::crypto::default_provider;
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Address, CloseReason, Config, ConnectOptions, ConnectionId, ConnectionState, Duration, Ecn,
    Endpoint, Event, Instant, LinkId, LinkProperties, Refusal, Secrets, Ticket, TicketContents, TicketMint,
    server_ticket_key,
};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const MASTER: [u8; 32] = [0x4d; 32];
const WALL: u64 = 1_700_000_000_000_000;
const HOUR_US: u64 = 3_600_000_000;

/// Creates a server, which `change` configures, and clients with different addresses.
fn net(access: Access, clients: u8, change: impl Fn(&mut Config)) -> Net {
    let provider = default_provider();
    let public = provider.handshake().public_key(&[1; 32]);
    let mut config = Config::new(APPLICATION);
    config.wall_offset = WALL;
    let mut client = config.clone();
    client.max_connections = 1;
    change(&mut config);
    config.access = access;
    let secrets = Secrets::new([1; 32]).ticket_key(server_ticket_key(&*provider, &MASTER, &public));
    let mut nodes = vec![Node::new(config, secrets, 1, "10.0.0.1:7777", Instant::ZERO)];
    for number in 1..=clients {
        let address = format!("10.0.1.{number}:4000");
        nodes.push(Node::new(client.clone(), Secrets::new([2; 32]), 100 + number, &address, Instant::ZERO));
    }
    Net::new(nodes, Duration::from_millis(50))
}

/// Creates a ticket of `identity`. Each `number` gives a different ticket.
fn ticket(identity: u8, number: u8) -> Ticket {
    let provider = default_provider();
    let public = provider.handshake().public_key(&[1; 32]);
    let key = server_ticket_key(&*provider, &MASTER, &public);
    let contents = TicketContents { identity: [identity; 16], expiry: WALL + HOUR_US, user_data: Vec::new() };
    let mut rng = Rng::from_seed([number; 32]);
    TicketMint::new(provider, &key).mint(&mut rng, APPLICATION, &public, contents).unwrap()
}

fn dial(net: &mut Net, node: usize, ticket: Option<Ticket>) -> ConnectionId {
    let mut options = ConnectOptions::new(net.nodes[0].endpoint.public_key());
    if let Some(ticket) = ticket {
        options = options.ticket(ticket);
    }
    let (now, to) = (net.now, net.nodes[0].address);
    net.nodes[node].endpoint.connect(now, to, options).unwrap()
}

fn ending(net: &Net, node: usize, of: ConnectionId) -> Option<CloseReason> {
    net.nodes[node].events.iter().find_map(|event| match event {
        Event::Closed { connection, reason, .. } if *connection == of => Some(reason.clone()),
        _ => None,
    })
}

/// Returns the number of connections that the server reported as connected and not as closed.
fn players(net: &Net) -> usize {
    let server = &net.nodes[0].endpoint;
    server.connections().filter(|id| server.state(*id) == ConnectionState::Connected).count()
}

/// Makes client 1 leave and return 20 times, `wait` after it closed. Returns the number of times that it was connected.
fn comings_back(loss: u64, wait: Duration, by_ticket: bool) -> usize {
    let access = if by_ticket { Access::Tickets } else { Access::Open };
    let mut net = net(access, 1, |config| {
        config.max_connections = 1;
        config.resume_window = Duration::ZERO;
    });
    let mut rng = Rng::from_seed([loss as u8; 32]);
    net.filter = Box::new(move |_, _, _| if rng.below(100) < loss { Pass::Drop } else { Pass::Deliver });
    let mut count = 0;
    for number in 0..20 {
        let now = net.now;
        let options = ConnectOptions::new(net.nodes[0].endpoint.public_key());
        let options = if by_ticket { options.ticket(ticket(7, number)) } else { options };
        let to = net.nodes[0].address;
        let Ok(client) = net.nodes[1].endpoint.connect(now, to, options) else {
            net.run_for(SECOND * 6);
            continue;
        };
        net.run_for(SECOND * 3);
        count += usize::from(net.nodes[1].endpoint.state(client) == ConnectionState::Connected);
        let now = net.now;
        net.nodes[1].endpoint.close(now, client, 0, "");
        net.run_for(wait);
    }
    count
}

#[test]
fn a_client_that_disconnects_and_reconnects_gets_the_only_session_slot_every_time() {
    for by_ticket in [false, true] {
        for wait in [0, 1, 20, 50, 60, 100, 150, 400] {
            let count = comings_back(0, MILLISECOND * wait, by_ticket);
            assert_eq!(count, 20, "{wait} ms after leaving, by ticket: {by_ticket}");
        }
    }
}

#[test]
fn a_client_whose_close_is_lost_regains_the_only_session_slot_by_its_identity() {
    let count = comings_back(30, MILLISECOND * 10, true);
    assert_eq!(count, 20);
}

#[test]
fn kicked_clients_that_do_not_answer_hold_no_session_slot() {
    let mut net = net(Access::Open, 3, |config| config.max_connections = 1);
    for node in 1..=3 {
        let client = dial(&mut net, node, None);
        net.run_for(SECOND);
        assert_eq!(net.nodes[node].endpoint.state(client), ConnectionState::Connected, "client {node}");
        net.nodes[node].is_up = false;
        let (now, server) = (net.now, net.nodes[0].connected().unwrap());
        net.nodes[0].endpoint.close(now, server, 1, "out");
    }
    assert_eq!(players(&net), 0);
    assert!(net.nodes[0].endpoint.connections().count() > 1, "they are told for a while");
}

#[test]
fn a_server_limited_to_one_connection_keeps_at_most_65_connections_if_no_client_answers_its_close() {
    let mut net = net(Access::Open, 1, |config| config.max_connections = 1);
    // The server's CLOSE does not arrive, so each connection goes on saying good-bye.
    net.filter =
        Box::new(
            |_, node, bytes| {
                if node == 1 && bytes[0] >= 8 && bytes.len() < 45 { Pass::Drop } else { Pass::Deliver }
            },
        );
    for number in 0..200u16 {
        net.nodes[1].address.set_port(4000 + number);
        let client = dial(&mut net, 1, None);
        net.run_for(MILLISECOND * 260);
        let (now, server) = (net.now, net.nodes[0].connected().unwrap());
        net.nodes[0].endpoint.close(now, server, 1, "out");
        net.nodes[1].endpoint.close(now, client, 1, "");
        net.run_for(MILLISECOND);
        assert!(net.nodes[0].endpoint.connections().count() <= 65);
    }
}

#[test]
fn a_server_limited_to_one_connection_keeps_at_most_65_connections_with_unread_events() {
    let mut net = net(Access::Open, 1, |config| config.max_connections = 1);
    net.nodes[0].is_listening = false;
    let mut refused = 0;
    for number in 0..100u16 {
        net.nodes[1].address.set_port(4000 + number);
        let client = dial(&mut net, 1, None);
        net.run_for(MILLISECOND * 300);
        refused += usize::from(ending(&net, 1, client) == Some(CloseReason::Refused(Refusal::Full)));
        let now = net.now;
        net.nodes[1].endpoint.close(now, client, 1, "");
        net.run_for(SECOND);
        assert!(net.nodes[0].endpoint.connections().count() <= 65);
    }
    assert_eq!(refused, 35);
    net.nodes[0].is_listening = true;
    let client = dial(&mut net, 1, None);
    net.run_for(SECOND);
    assert_eq!(net.nodes[1].endpoint.state(client), ConnectionState::Connected, "once it has");
}

/// On a server where identity 7 has the last slot (of its address, or of all), the client's process crashes. A new
/// process of the same identity then dials once. Returns the time until the server reports the new connection.
fn return_of_the_crashed(per_source: bool, loss: u64) -> Duration {
    let mut net = net(Access::Tickets, 2, |config| {
        if per_source {
            config.max_connections_per_source = Some(1);
        } else {
            config.max_connections = 1;
        }
    });
    net.nodes[2].address = "10.0.1.1:4001".parse().unwrap();
    dial(&mut net, 1, Some(ticket(7, 0)));
    net.run_for(SECOND * 3);
    let ghost = net.nodes[0].connected().unwrap();
    net.nodes[1].is_up = false;
    let mut rng = Rng::from_seed([9; 32]);
    net.filter = Box::new(move |_, _, _| if rng.below(100) < loss { Pass::Drop } else { Pass::Deliver });
    let began = net.now;
    let client = dial(&mut net, 2, Some(ticket(7, 1)));
    net.run_until(SECOND * 60, |net| net.nodes[0].connected() != Some(ghost));
    let took = net.now - began;
    assert_eq!(ending(&net, 0, ghost), Some(CloseReason::Replaced));
    net.run_for(SECOND * 30);
    assert_eq!(ending(&net, 2, client), None);
    assert_eq!(net.nodes[2].endpoint.state(client), ConnectionState::Connected);
    assert_eq!(players(&net), 1);
    took
}

#[test]
fn a_crashed_client_regains_its_session_slot_in_a_full_server_within_three_seconds() {
    for per_source in [false, true] {
        for loss in [0, 10, 30] {
            let took = return_of_the_crashed(per_source, loss);
            assert!(took > SECOND * 2 && took < SECOND * 3, "{took:?} at {loss} % loss");
        }
    }
}

/// Creates a server with one slot, which client 1 has, and makes client 2 dial. Returns the reason why each client's
/// connection ended, if it ended.
fn second_of_a_full_server(access: Access, identities: [u8; 2], delay: Duration) -> [Option<CloseReason>; 2] {
    let mut net = net(access, 2, |config| config.max_connections = 1);
    net.delay = delay;
    let ticket =
        |place: u8| (access == Access::Tickets).then(|| ticket(identities[usize::from(place)], place));
    let first = dial(&mut net, 1, ticket(0));
    net.run_for(SECOND * 10);
    let second = dial(&mut net, 2, ticket(1));
    net.run_for(SECOND * 10);
    [ending(&net, 1, first), ending(&net, 2, second)]
}

#[test]
fn at_a_full_server_a_second_connection_of_an_identity_is_refused_while_the_first_connection_answers() {
    let full = [None, Some(CloseReason::Refused(Refusal::Full))];
    for delay in [10, 50, 300, 700] {
        let endings = second_of_a_full_server(Access::Tickets, [7, 7], MILLISECOND * delay);
        assert_eq!(endings, full, "{delay} ms one way");
    }
    for (access, identities) in [(Access::Tickets, [7, 8]), (Access::Tickets, [0, 0]), (Access::Open, [0, 0])]
    {
        assert_eq!(second_of_a_full_server(access, identities, MILLISECOND * 50), full, "{access:?}");
    }
}

#[test]
fn at_a_full_server_a_connection_that_does_not_answer_is_not_replaced_by_a_different_identity() {
    for (access, identities) in [(Access::Tickets, [7, 8]), (Access::Tickets, [0, 0]), (Access::Open, [0, 0])]
    {
        let mut net = net(access, 2, |config| config.max_connections = 1);
        let ticket =
            |place: u8| (access == Access::Tickets).then(|| ticket(identities[usize::from(place)], place));
        dial(&mut net, 1, ticket(0));
        net.run_for(SECOND * 3);
        let ghost = net.nodes[0].connected().unwrap();
        net.nodes[1].is_up = false;
        let second = dial(&mut net, 2, ticket(1));
        net.run_for(SECOND * 10);
        assert_eq!(ending(&net, 2, second), Some(CloseReason::Refused(Refusal::Full)), "{access:?}");
        assert_eq!(ending(&net, 0, ghost), None);
    }
}

#[test]
fn a_hello_without_a_first_data_packet_ends_no_connection_of_its_identity() {
    let mut net = net(Access::Tickets, 2, |config| config.max_connections = 1);
    dial(&mut net, 1, Some(ticket(7, 0)));
    net.run_for(SECOND * 3);
    let ghost = net.nodes[0].connected().unwrap();
    net.nodes[1].is_up = false;
    net.filter =
        Box::new(|_, node, bytes| if node == 2 && bytes[0] >= 8 { Pass::Drop } else { Pass::Deliver });
    dial(&mut net, 2, Some(ticket(7, 1)));
    net.run_for(SECOND * 8);
    assert_eq!(ending(&net, 0, ghost), None);
}

#[test]
fn two_connections_of_one_identity_stay_open_while_session_slots_are_free() {
    let mut net = net(Access::Tickets, 2, |config| config.max_connections = 2);
    for node in 1..=2 {
        dial(&mut net, node, Some(ticket(7, node as u8)));
        net.run_for(SECOND * 10);
    }
    assert_eq!(players(&net), 2);
}

#[test]
fn at_a_full_server_a_connection_that_does_not_answer_is_replaced_by_a_new_one_of_its_identity() {
    for ghost in [1, 2] {
        let mut net = net(Access::Tickets, 3, |config| config.max_connections = 2);
        let mut clients = Vec::new();
        for node in 1..=2 {
            clients.push(dial(&mut net, node, Some(ticket(7, node as u8))));
            net.run_for(SECOND * 3);
        }
        net.nodes[ghost].is_up = false;
        let third = dial(&mut net, 3, Some(ticket(7, 3)));
        net.run_for(SECOND * 4);
        let other = 3 - ghost;
        assert_eq!(net.nodes[3].endpoint.state(third), ConnectionState::Connected);
        assert_eq!(net.nodes[other].endpoint.state(clients[other - 1]), ConnectionState::Connected);
        assert_eq!(players(&net), 2);
    }
}

#[test]
fn a_client_beyond_the_limit_of_its_address_is_refused_with_too_many_from_address() {
    let mut net = net(Access::Open, 3, |config| config.max_connections_per_source = Some(1));
    for node in 1..=3 {
        net.nodes[node].address = format!("10.9.9.9:{}", 4000 + node).parse().unwrap();
    }
    // Two are welcomed at once, and one of them comes too late.
    let early = [dial(&mut net, 1, None), dial(&mut net, 2, None)];
    net.run_for(SECOND);
    let late = dial(&mut net, 3, None);
    net.run_for(SECOND);
    let crowded = Some(CloseReason::Refused(Refusal::TooManyFromAddress));
    assert_eq!(ending(&net, 3, late), crowded);
    let endings = [ending(&net, 1, early[0]), ending(&net, 2, early[1])];
    assert!(endings.contains(&None) && endings.contains(&crowded), "{endings:?}");
}

#[test]
fn one_address_takes_by_default_at_most_half_of_all_session_slots_rounded_up() {
    for (places, share) in [(1, 1), (2, 1), (5, 3), (8, 4)] {
        let mut net = net(Access::Open, 9, |config| config.max_connections = places);
        for node in 1..=9 {
            net.nodes[node].address = format!("10.9.9.9:{}", 4000 + node).parse().unwrap();
            dial(&mut net, node, None);
        }
        net.run_for(SECOND);
        assert_eq!(players(&net), share, "of {places}");
    }
}

/// A server with one slot, and two clients of one identity that connect over links. Link `n` leads to the client `owners[n]`.
struct Switchboard {
    now: Instant,
    ends: Vec<Endpoint>,
    events: Vec<Vec<Event>>,
    owners: Vec<usize>,
}

impl Switchboard {
    fn new() -> Self {
        let net = net(Access::Tickets, 2, |config| config.max_connections = 1);
        let ends: Vec<Endpoint> = net.nodes.into_iter().map(|node| node.endpoint).collect();
        let events = ends.iter().map(|_| Vec::new()).collect();
        Self { now: Instant::ZERO, ends, events, owners: Vec::new() }
    }

    /// Opens another link between the server and `client`.
    fn open(&mut self, client: usize) -> LinkId {
        let link = LinkId(self.owners.len() as u64);
        self.owners.push(client);
        let properties = LinkProperties {
            reliable: false,
            ordered: false,
            congestion_controlled: false,
            max_datagram: 1200,
        };
        for end in [0, client] {
            self.ends[end].open_link(self.now, link, properties, None).unwrap();
        }
        link
    }

    fn dial(&mut self, client: usize, number: u8) -> ConnectionId {
        let link = self.open(client);
        let options = ConnectOptions::new(self.ends[0].public_key()).ticket(ticket(7, number));
        self.ends[client].connect(self.now, link, options).unwrap()
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        let mut buffer = [0; 8192];
        while self.now < end {
            let now = self.now;
            for from in 0..self.ends.len() {
                self.ends[from].handle_timeout(now);
                while let Some(transmit) = self.ends[from].poll_transmit(now, &mut buffer) {
                    let Address::Link(link) = transmit.path.remote else { continue };
                    let to = if from == 0 { self.owners[link.0 as usize] } else { 0 };
                    for datagram in transmit.datagrams(&buffer) {
                        let mut bytes = datagram.to_vec();
                        self.ends[to].handle_datagram(now, link, Ecn::NotCapable, &mut bytes);
                    }
                }
                while let Some(event) = self.ends[from].poll_event() {
                    self.events[from].push(event);
                }
            }
            self.now += MILLISECOND * 5;
        }
    }
}

/// Breaks the link of a client at the server. Another process of the same identity dials immediately, and the client opens
/// another link `after` that time. Returns whether the client keeps its connection, and the time until the other process is
/// connected, if it is connected at all.
fn changes_links(after: Duration) -> (bool, Option<Duration>) {
    let mut board = Switchboard::new();
    let first = board.dial(1, 0);
    board.run_for(SECOND * 3);
    let now = board.now;
    board.ends[0].close_link(now, LinkId(0));
    board.dial(2, 1);
    let mut in_after = None;
    while board.now < now + SECOND * 10 {
        board.run_for(MILLISECOND * 25);
        if board.now >= now + after && board.owners.len() == 2 {
            board.ends[1].close_link(board.now, LinkId(0));
            let link = board.open(1);
            board.ends[1].redirect(board.now, first, link);
        }
        let told = board.events[0].iter().filter(|event| matches!(event, Event::Connected { .. })).count();
        if told > 1 && in_after.is_none() {
            in_after = Some(board.now - now);
        }
    }
    (board.ends[1].state(first) == ConnectionState::Connected, in_after)
}

#[test]
fn a_client_whose_link_broke_keeps_its_session_slot_for_two_seconds() {
    for millis in [100, 500, 1000, 1700] {
        assert_eq!(changes_links(MILLISECOND * millis), (true, None), "back after {millis} ms");
    }
    let (_, other) = changes_links(SECOND * 20);
    assert!(other.is_some_and(|wait| wait > SECOND * 2 && wait < SECOND * 3), "{other:?}");
}
