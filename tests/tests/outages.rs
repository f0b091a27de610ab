//! Connections and messages after an outage: those that resume, their delay, and those that must not resume.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::{
    Access, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, ConnectionState, Duration, Event,
    Instant, Secrets,
};

const SECOND: Duration = Duration::from_secs(1);

fn restart_server(net: &mut Net, change: impl Fn(&mut Config)) {
    let mut config = Config::new(APPLICATION);
    config.access = Access::Open;
    change(&mut config);
    let (now, address) = (net.now, net.nodes[0].address.to_string());
    net.nodes[0] = Node::new(config, Secrets::new([1; 32]), 99, &address, now);
}

#[test]
fn a_bulk_transfer_continues_within_a_second_after_the_end_of_an_outage() {
    for dark in (1..10).map(|seconds| SECOND * seconds * 2) {
        let mut net = Net::pair(|config| config.channels[0].queue_messages = 10_000);
        let client = net.connect();
        net.run_for(SECOND);
        for _ in 0..200 {
            offer(&mut net, client);
            net.run_for(Duration::from_millis(10));
        }
        net.filter = Box::new(|_, _, _| Pass::Drop);
        for _ in 0..dark.as_millis() / 10 {
            offer(&mut net, client);
            net.run_for(Duration::from_millis(10));
        }
        let before = net.nodes[0].messages().len();
        assert!(before > 100, "{before}");
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        net.run_for(SECOND);
        assert!(net.nodes[0].messages().len() > before, "dark for {dark:?}");
    }
}

/// Sends messages until the queue is full.
fn offer(net: &mut Net, client: ConnectionId) {
    let now = net.now;
    while net.nodes[1].endpoint.send(now, client, ChannelId(0), vec![0; 1000]).is_ok() {}
}

/// Flow-control credit that was lost in an outage was resent with an unbounded backoff, while the sender could send
/// nothing without credit.
#[test]
fn flow_control_credit_lost_in_an_outage_arrives_within_a_second_after_the_outage() {
    for dark in (1..10).map(|seconds| SECOND * seconds * 2) {
        let mut net = Net::pair(|config| config.channels[0].queue_messages = 10_000);
        let client = net.connect();
        net.run_for(SECOND);
        net.nodes[0].is_listening = false;
        for _ in 0..20 {
            offer(&mut net, client);
            net.run_for(SECOND / 2);
        }
        assert_eq!(net.nodes[0].messages().len(), 0);
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.nodes[0].is_listening = true;
        net.run_for(dark);
        let before = net.nodes[0].messages().len();
        assert!(before > 1000, "{before}");
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        net.run_for(SECOND);
        assert!(net.nodes[0].messages().len() > before, "dark for {dark:?}");
    }
}

#[test]
fn a_closing_connection_is_not_replaced_when_its_session_is_lost() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_for(SECOND * 2);
    net.filter = Box::new(|_, _, _| Pass::Drop);
    net.send(1, client, 0, vec![1; 10]);
    let now = net.now;
    net.nodes[1].endpoint.close_after_delivery(now, client, 7, "gone", now + SECOND * 60);
    restart_server(&mut net, |_| {});
    net.run_for(SECOND);
    net.filter = Box::new(|_, _, _| Pass::Deliver);
    net.run_for(SECOND * 10);
    let lost = |event: &Event| matches!(event, Event::Closed { reason: CloseReason::SessionLost, .. });
    assert!(net.nodes[1].has(lost), "{:#?}", net.nodes[1].events);
    assert_eq!(net.nodes[1].connected(), Some(client), "no other one was made");
    assert_eq!(net.nodes[0].endpoint.connections().count(), 0);
}

#[test]
fn clients_of_a_restarted_server_keep_dialling_while_the_server_is_full() {
    let mut net = Net::pair(|_| {});
    for number in 2..=5u8 {
        let address = format!("10.0.1.{number}:4000");
        let config = Config::new(APPLICATION);
        net.nodes.push(Node::new(config, Secrets::new([2; 32]), number + 50, &address, Instant::ZERO));
    }
    let key = net.nodes[0].endpoint.public_key();
    let dial = |net: &mut Net, node: usize| {
        let (now, to) = (net.now, net.nodes[0].address);
        net.nodes[node].endpoint.connect(now, to, ConnectOptions::new(key)).unwrap()
    };
    for node in 1..=4 {
        dial(&mut net, node);
    }
    net.run_for(SECOND * 3);
    restart_server(&mut net, |config| config.max_connections = 4);
    for node in 1..=4 {
        let connection = net.nodes[node].connected().unwrap();
        net.send(node, connection, 0, vec![1; 10]);
    }
    let newcomer = dial(&mut net, 5);
    net.run_for(SECOND * 3);
    let server = &net.nodes[0].endpoint;
    let connected = server.connections().filter(|id| server.state(*id) == ConnectionState::Connected);
    assert_eq!(connected.count(), 4);
    // The newcomer leaves, if it got in, and whoever was turned away for it is back.
    let now = net.now;
    net.nodes[5].endpoint.close(now, newcomer, 0, "");
    net.run_for(SECOND * 5);
    for node in 1..=4 {
        let connection = net.nodes[node].connected().unwrap();
        let state = net.nodes[node].endpoint.state(connection);
        assert_eq!(state, ConnectionState::Connected, "node {node}: {:#?}", net.nodes[node].events);
    }
}

/// A peer with the lower key ignored the Hellos of the other peer while it dialled, even if it dialled a wrong address.
#[test]
fn two_peers_connect_if_only_one_peer_has_the_correct_address() {
    let mut net = Net::peers();
    for (node, to) in [(0, "10.9.9.9:1".parse().unwrap()), (1, net.nodes[0].address)] {
        let key = net.nodes[1 - node].endpoint.public_key();
        let options = ConnectOptions::peer([9; 32], key);
        net.nodes[node].endpoint.connect(Instant::ZERO, to, options).unwrap();
    }
    net.run_for(SECOND * 3);
    for node in &net.nodes {
        let connections: Vec<_> = node.endpoint.connections().collect();
        assert_eq!(connections.len(), 1);
        assert_eq!(node.endpoint.state(connections[0]), ConnectionState::Connected);
    }
}
