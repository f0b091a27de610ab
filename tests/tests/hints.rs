//! The hints in a connect timeout, and the addresses at which an interrupted connection looks for its server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::net::SocketAddr;

use common::{Net, Node, Pass};
use tickwire_core::{
    Address, CloseReason, Config, ConnectOptions, ConnectionId, ConnectionState, Duration, Event, Instant,
    Secrets,
};

/// Returns the reason why an attempt of node 1 that pins `key` ended.
fn end_of_attempt(net: &mut Net, key: [u8; 32]) -> CloseReason {
    let (now, to) = (net.now, net.nodes[0].address);
    net.nodes[1].endpoint.connect(now, to, ConnectOptions::new(key)).unwrap();
    net.run_for(Duration::from_secs(11));
    let end = net.nodes[1].events.iter().find_map(|event| match event {
        Event::Closed { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    end.unwrap()
}

#[test]
fn a_connect_timeout_reports_the_key_of_a_server_that_does_not_have_the_pinned_key() {
    let mut net = Net::pair(|_| {});
    let server_key = net.nodes[0].endpoint.public_key();
    let pinned = net.nodes[1].endpoint.public_key();
    let told =
        CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false, key_hint: Some(server_key) };
    assert_eq!(end_of_attempt(&mut net, *pinned), told);
}

#[test]
fn a_connect_timeout_without_a_different_server_key_gives_no_key_hint() {
    for is_there in [true, false] {
        let mut net = Net::pair(|_| {});
        net.filter = Box::new(move |_, _, bytes| {
            // Hellos and Welcomes get lost; questions and their answers do not.
            if is_there && bytes.first() == Some(&7) { Pass::Deliver } else { Pass::Drop }
        });
        let server_key = net.nodes[0].endpoint.public_key();
        let told = CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false, key_hint: None };
        assert_eq!(end_of_attempt(&mut net, *server_key), told);
    }
}

fn has_resumed(net: &Net, connection: ConnectionId) -> bool {
    net.nodes[1].has(|event| matches!(event, Event::Resumed { connection: id, .. } if *id == connection))
}

#[test]
fn an_interrupted_connection_dials_a_new_address_immediately_after_a_redirect() {
    let mut net = Net::pair(|_| {});
    let connection = net.connect();
    net.run_for(Duration::from_secs(2));
    net.nodes[0].is_up = false;
    net.run_until(Duration::from_secs(60), |net| {
        net.nodes[1].has(|event| matches!(event, Event::Interrupted { .. }))
    });
    // An attempt at the old address is under way, and would be for ten seconds.
    net.run_for(Duration::from_millis(300));
    let moved: SocketAddr = "[2001:db8::9]:7777".parse().unwrap();
    net.nodes[0].address = moved;
    net.nodes[0].is_up = true;
    let now = net.now;
    net.nodes[1].endpoint.redirect(now, connection, moved);
    net.run_until(Duration::from_secs(1), |net| has_resumed(net, connection));
    assert_eq!(net.nodes[1].endpoint.state(connection), ConnectionState::Connected);
    assert_eq!(net.nodes[1].endpoint.address(connection), Some(Address::from(moved)));
}

#[test]
fn clients_with_the_same_link_local_address_on_two_interfaces_both_connect() {
    let mut net = Net::pair(|config| config.max_connections_per_source = Some(1));
    net.nodes[1].address = "[fe80::1%2]:4000".parse().unwrap();
    let config = Config::new(common::APPLICATION);
    net.nodes.push(Node::new(config, Secrets::new([3; 32]), 3, "[fe80::1%3]:4000", Instant::ZERO));
    let key = net.nodes[0].endpoint.public_key();
    let (now, to) = (net.now, net.nodes[0].address);
    for client in [1, 2] {
        net.nodes[client].endpoint.connect(now, to, ConnectOptions::new(key)).unwrap();
    }
    net.run_for(Duration::from_secs(3));
    let mut found: Vec<_> = net.nodes[0]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Connected { address, .. } => Some(address.to_string()),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, ["[fe80::1%2]:4000", "[fe80::1%3]:4000"], "neither is in the other's place");
}
