//! Accepted clients, refused clients, and the reasons that refused clients receive.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::crypto::default_provider;
use tickwire_core::rng::Rng;
use tickwire_core::schema::{Schema, SchemaEntry};
use tickwire_core::{
    Access, Admission, AdmissionRequest, Bytes, CloseReason, Config, ConnectOptions, ConnectionId,
    ConnectionState, Duration, Event, Instant, Refusal, Secrets, Ticket, TicketContents, TicketMint,
    server_ticket_key,
};

const SECOND: Duration = Duration::from_secs(1);
const MASTER: [u8; 32] = [0x4d; 32];
const HOUR_US: u64 = 3_600_000_000;
const WALL: u64 = 1_700_000_000_000_000;

fn server_secrets() -> Secrets {
    let provider = default_provider();
    let public = provider.handshake().public_key(&[1; 32]);
    Secrets::new([1; 32]).ticket_key(server_ticket_key(&*provider, &MASTER, &public))
}

fn mint(identity: u8, expiry: u64) -> Ticket {
    let provider = default_provider();
    let public = provider.handshake().public_key(&[1; 32]);
    let key = server_ticket_key(&*provider, &MASTER, &public);
    let contents =
        TicketContents { identity: [identity; 16], expiry, user_data: Bytes::from_static(b"red").to_vec() };
    let mut rng = Rng::from_seed([identity; 32]);
    TicketMint::new(provider, &key).mint(&mut rng, APPLICATION, &public, contents).unwrap()
}

/// Creates a server that requires tickets, and `clients` clients.
fn ticket_net(clients: u8, change: impl Fn(&mut Config)) -> Net {
    let mut config = Config::new(APPLICATION);
    config.wall_offset = WALL;
    change(&mut config);
    let client = config.clone();
    config.access = Access::Tickets;
    let mut nodes = vec![Node::new(config, server_secrets(), 1, "10.0.0.1:7777", Instant::ZERO)];
    for number in 0..clients {
        let address = format!("10.0.1.{number}:4000");
        nodes.push(Node::new(client.clone(), Secrets::new([2; 32]), 100 + number, &address, Instant::ZERO));
    }
    Net::new(nodes, Duration::from_millis(50))
}

fn connect(net: &mut Net, node: usize, ticket: Ticket) -> ConnectionId {
    let options = ConnectOptions::new(net.nodes[0].endpoint.public_key()).ticket(ticket);
    let (now, to) = (net.now, net.nodes[0].address);
    net.nodes[node].endpoint.connect(now, to, options).unwrap()
}

fn refusal(net: &Net, node: usize) -> Option<Refusal> {
    net.nodes[node].events.iter().find_map(|event| match event {
        Event::Closed { reason: CloseReason::Refused(refusal), .. } => Some(refusal.clone()),
        _ => None,
    })
}

#[test]
fn a_client_with_a_ticket_connects_in_one_round_trip_with_the_identity_of_the_ticket() {
    let mut net = ticket_net(1, |_| {});
    connect(&mut net, 1, mint(7, WALL + HOUR_US));
    net.run_until(SECOND, |net| net.nodes[1].connected().is_some());
    assert_eq!(net.now, Instant::ZERO + Duration::from_millis(100));
    net.run_until(SECOND, |net| net.nodes[0].connected().is_some());
    let server = net.nodes[0].connected().unwrap();
    let peer = net.nodes[0].endpoint.peer(server).unwrap();
    assert_eq!((peer.identity, &peer.user_data[..]), ([7; 16], &b"red"[..]));
}

#[test]
fn an_expired_ticket_is_refused_as_expired_by_the_core() {
    let mut net = ticket_net(1, |_| {});
    connect(&mut net, 1, mint(7, WALL - 1));
    net.run_for(SECOND);
    assert_eq!(refusal(&net, 1), Some(Refusal::Expired));
    assert_eq!(net.nodes[0].endpoint.connections().count(), 0);
}

#[test]
fn a_handshake_with_a_used_ticket_gets_no_answer() {
    let mut net = ticket_net(2, |_| {});
    connect(&mut net, 1, mint(7, WALL + HOUR_US));
    net.run_for(SECOND);
    connect(&mut net, 2, mint(7, WALL + HOUR_US));
    net.run_for(SECOND * 11);
    let silent =
        |event: &Event| matches!(event, Event::Closed { reason: CloseReason::ConnectTimedOut { .. }, .. });
    assert!(net.nodes[2].has(silent));
    assert_eq!(net.nodes[0].endpoint.connections().count(), 1);
}

#[test]
fn a_client_kicked_during_an_interruption_cannot_resume_with_its_ticket() {
    let mut net = ticket_net(1, |_| {});
    connect(&mut net, 1, mint(7, WALL + HOUR_US));
    net.run_for(SECOND * 2);
    let server = net.nodes[0].connected().unwrap();
    net.filter = Box::new(|_, _, _| Pass::Drop);
    let now = net.now;
    net.nodes[0].endpoint.close(now, server, 1, "kicked");
    net.run_for(SECOND * 30);
    assert!(net.nodes[1].has(|event| matches!(event, Event::Interrupted { .. })));
    net.filter = Box::new(|_, _, _| Pass::Deliver);
    net.run_for(SECOND * 60);
    assert_eq!(net.nodes[0].connected(), Some(server));
    assert_eq!(net.nodes[0].endpoint.connections().count(), 0);
    assert_eq!(refusal(&net, 1), Some(Refusal::SessionEnded));
}

/// Swarm seed 53. The first Data packet had used up the resume ticket, and the new ticket was lost with the Welcome of
/// a session that ended early.
#[test]
fn a_client_reconnects_after_a_new_session_ended_before_its_first_resume_ticket_arrived() {
    let mut net = ticket_net(1, |config| config.resume_window = SECOND * 5);
    connect(&mut net, 1, mint(7, WALL + HOUR_US));
    net.run_for(SECOND * 2);
    for _ in 0..3 {
        let lost = net.nodes[1].connected();
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.run_for(SECOND * 30);
        // Handshakes pass, and what the client sends; nothing of the server's that might be a resume ticket.
        net.filter = Box::new(|_, node, bytes| match (node, bytes[0]) {
            (0, 8..=15) => Pass::Drop,
            _ => Pass::Deliver,
        });
        net.run_until(SECOND * 3, |net| net.nodes[1].connected() != lost);
        net.run_for(SECOND);
    }
    net.filter = Box::new(|_, _, _| Pass::Drop);
    net.run_for(SECOND * 30);
    net.filter = Box::new(|_, _, _| Pass::Deliver);
    net.run_for(SECOND * 5);
    let client = net.nodes[1].connected().unwrap();
    assert_eq!(net.nodes[1].endpoint.state(client), ConnectionState::Connected);
    assert_eq!(net.nodes[0].endpoint.connections().count(), 1);
}

#[test]
fn connecting_to_a_full_server_is_refused_with_the_reason_full() {
    let mut net = ticket_net(2, |config| config.max_connections = 1);
    connect(&mut net, 1, mint(7, WALL + HOUR_US));
    net.run_for(SECOND);
    connect(&mut net, 2, mint(8, WALL + HOUR_US));
    net.run_for(SECOND);
    assert_eq!(refusal(&net, 2), Some(Refusal::Full));
}

#[test]
fn one_address_takes_no_more_session_slots_than_max_connections_per_source() {
    let mut net = ticket_net(3, |config| config.max_connections_per_source = Some(2));
    for node in 1..=3 {
        net.nodes[node].address = format!("10.9.9.9:{}", 4000 + node).parse().unwrap();
        connect(&mut net, node, mint(node as u8, WALL + HOUR_US));
    }
    net.run_for(SECOND);
    let refused = (1..=3).filter(|node| refusal(&net, *node) == Some(Refusal::TooManyFromAddress)).count();
    assert_eq!((refused, net.nodes[0].endpoint.connections().count()), (1, 2));
}

#[test]
fn an_authenticator_can_refuse_a_client_and_can_replace_the_identity_of_a_client() {
    let mut net = ticket_net(2, |_| {});
    net.nodes[0].endpoint.set_authenticator(|request: &AdmissionRequest<'_>| {
        match request.peer.identity[0] {
            7 => Admission::Refuse(Refusal::Banned),
            _ => {
                let mut peer = request.peer.clone();
                peer.identity = [9; 16];
                Admission::AcceptAs(peer)
            }
        }
    });
    connect(&mut net, 1, mint(7, WALL + HOUR_US));
    connect(&mut net, 2, mint(8, WALL + HOUR_US));
    net.run_for(SECOND);
    assert_eq!(refusal(&net, 1), Some(Refusal::Banned));
    let server = net.nodes[0].connected().unwrap();
    assert_eq!(net.nodes[0].endpoint.peer(server).unwrap().identity, [9; 16]);
}

#[test]
fn a_client_with_different_message_types_receives_the_schema_difference() {
    let entry = |name: &str, hash| SchemaEntry { name: name.into(), hash };
    let mut net = ticket_net(1, |config| {
        config.schema = Schema::new(vec![entry("chat", 1), entry("move", 2)]);
    });
    let mut config = Config::new(APPLICATION);
    config.schema = Schema::new(vec![entry("chat", 1), entry("move", 3), entry("jump", 4)]);
    net.nodes[1] = Node::new(config, Secrets::new([2; 32]), 5, "10.0.1.0:4000", Instant::ZERO);
    connect(&mut net, 1, mint(7, WALL + HOUR_US));
    net.run_for(SECOND);
    let Some(Refusal::Schema(difference)) = refusal(&net, 1) else {
        panic!("not refused: {:?}", net.nodes[1].events)
    };
    assert_eq!(difference.different, ["move"]);
    assert_eq!(difference.missing_there, ["jump"]);
}

#[test]
fn a_client_with_a_different_application_id_gets_no_answer() {
    let mut net = ticket_net(1, |_| {});
    let config = Config::new(APPLICATION + 1);
    net.nodes[1] = Node::new(config, Secrets::new([2; 32]), 5, "10.0.1.0:4000", Instant::ZERO);
    let options = ConnectOptions::new(net.nodes[0].endpoint.public_key());
    let (now, to) = (net.now, net.nodes[0].address);
    net.nodes[1].endpoint.connect(now, to, options).unwrap();
    net.run_for(SECOND * 11);
    assert!(
        net.nodes[1]
            .has(|event| matches!(event, Event::Closed { reason: CloseReason::ConnectTimedOut { .. }, .. }))
    );
    assert_eq!(net.nodes[0].endpoint.half_open(), 0);
}

#[test]
fn without_a_pinned_server_key_a_client_connects_to_an_open_server_in_three_rtts() {
    let mut net = Net::pair(|_| {});
    let (now, to) = (net.now, net.nodes[0].address);
    net.nodes[1].endpoint.connect(now, to, ConnectOptions::danger_any_key()).unwrap();
    net.run_until(SECOND, |net| net.nodes[1].connected().is_some());
    assert_eq!(net.now, Instant::ZERO + Duration::from_millis(300));
}

/// Creates two peers that know each other from signalling.
fn peers() -> Net {
    let mut config = Config::new(APPLICATION);
    config.access = Access::Peers;
    let nodes = vec![
        Node::new(config.clone(), Secrets::new([1; 32]), 1, "10.0.0.1:7777", Instant::ZERO),
        Node::new(config, Secrets::new([2; 32]), 2, "10.0.0.2:4000", Instant::ZERO),
    ];
    Net::new(nodes, Duration::from_millis(50))
}

fn dial_peer(net: &mut Net, from: usize, to: usize) -> ConnectionId {
    let keys = [0, 1].map(|node: usize| net.nodes[node].endpoint.public_key());
    let options = ConnectOptions::peer([0x5e; 32], keys[to]);
    let (now, address) = (net.now, net.nodes[to].address);
    net.nodes[from].endpoint.connect(now, address, options).unwrap()
}

#[test]
fn peers_whose_hellos_cross_have_one_connection() {
    let mut net = peers();
    let first = dial_peer(&mut net, 0, 1);
    let second = dial_peer(&mut net, 1, 0);
    net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.connected().is_some()));
    net.run_for(SECOND * 12);
    for (node, connection) in net.nodes.iter().zip([first, second]) {
        assert_eq!(node.endpoint.connections().collect::<Vec<_>>(), [connection]);
        assert_eq!(node.endpoint.state(connection), ConnectionState::Connected);
        assert_eq!(node.events.iter().filter(|event| matches!(event, Event::Connected { .. })).count(), 1);
    }
    net.send(0, first, 0, vec![1; 10]);
    net.send(1, second, 0, vec![2; 10]);
    net.run_for(SECOND);
    assert_eq!((net.nodes[0].messages().len(), net.nodes[1].messages().len()), (1, 1));
}

#[test]
fn a_peer_that_the_other_peer_does_not_expect_gets_no_answer() {
    let mut net = peers();
    dial_peer(&mut net, 0, 1);
    net.run_for(SECOND * 11);
    assert!(
        net.nodes[0]
            .has(|event| matches!(event, Event::Closed { reason: CloseReason::ConnectTimedOut { .. }, .. }))
    );
    let theirs = net.nodes[0].endpoint.public_key();
    net.nodes[1].endpoint.expect_peer([0x5e; 32], theirs).unwrap();
    dial_peer(&mut net, 0, 1);
    net.run_until(SECOND, |net| net.nodes[0].connected().is_some());
}
