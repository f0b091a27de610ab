//! An endpoint sends no more bytes to an unvalidated address than it received from this address.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::net::SocketAddr;

use common::Net;
use tickwire_core::{Address, ConnectionState, Duration, Event};

const SECOND: Duration = Duration::from_secs(1);

/// Creates a client that has received its cookie. Its first Data packet will have the source address `from`.
fn about_to_confirm(from: SocketAddr) -> Net {
    let mut net = Net::pair(|_| {});
    net.connect();
    net.run_for(Duration::from_millis(175));
    assert!(net.nodes[1].connected().is_none());
    net.nodes[1].claims = Some(from);
    net.run_until(SECOND, |net| net.nodes[1].connected().is_some());
    net
}

fn bytes(net: &Net, from: SocketAddr, to: SocketAddr) -> usize {
    net.bytes.get(&(from, to)).copied().unwrap_or(0)
}

#[test]
fn an_address_forged_in_a_first_data_packet_receives_no_more_bytes_than_it_sent() {
    let victim = "10.9.9.9:9".parse().unwrap();
    let mut net = about_to_confirm(victim);
    let client = net.nodes[1].connected().unwrap();
    let server = net.nodes[0].address;
    net.run_until(SECOND, |net| net.nodes[0].connected().is_some());
    let accepted = net.nodes[0].connected().unwrap();
    for round in 0..40 {
        net.send(0, accepted, round % 4, vec![5; 20_000]);
        net.send(1, client, 0, vec![6; 30]);
        net.run_for(SECOND / 10);
        let (sent, received) = (bytes(&net, server, victim), bytes(&net, victim, server));
        assert!(sent <= received, "{sent} bytes sent, {received} came");
    }
    assert!(bytes(&net, server, victim) > 0);
    let now = net.now;
    net.nodes[0].endpoint.close(now, accepted, 1, "a reason that is longer than what may be sent there");
    net.run_for(SECOND * 20);
    assert!(bytes(&net, server, victim) <= bytes(&net, victim, server));
    assert_eq!(net.nodes[0].endpoint.state(accepted), ConnectionState::Disconnected);
}

#[test]
fn a_client_whose_address_changes_before_its_first_data_packet_connects() {
    let after: SocketAddr = "10.0.0.2:4001".parse().unwrap();
    let mut net = about_to_confirm(after);
    net.nodes[1].address = after;
    net.nodes[1].claims = None;
    let client = net.nodes[1].connected().unwrap();
    net.run_until(SECOND, |net| net.nodes[0].connected().is_some());
    let accepted = net.nodes[0].connected().unwrap();
    net.send(0, accepted, 0, vec![5; 200_000]);
    net.send(1, client, 0, vec![6; 200_000]);
    net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.messages().len() == 1));
    // The handshake proved the address before, so the connection begins there and moves.
    let is_elsewhere =
        |event: &Event| matches!(event, Event::Moved { address, .. } if *address != Address::from(after));
    assert!(!net.nodes[0].has(|event| matches!(event, Event::Interrupted { .. }) || is_elsewhere(event)));
    assert_eq!(net.nodes[0].endpoint.address(accepted), Some(Address::from(after)));
}
