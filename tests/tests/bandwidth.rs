//! Bandwidth limits: the bytes that count, the order of connections, and the reports to games.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use common::{Net, Pass};
use tickwire_core::{Config, ConnectionId, Duration, Ecn, Instant, error::SendError};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(16_667);
const SERVER: usize = 0;
const CLIENT: usize = 1;
const RELIABLE_ORDERED: u8 = 0;
const UNRELIABLE: u8 = 3;
const LIMIT: u64 = 60_000;

/// Creates a server and a client that are connected. Returns the id of the connection at each end.
fn connected(change: impl Fn(&mut Config)) -> (Net, ConnectionId, ConnectionId) {
    let mut net = Net::pair(change);
    let client = net.connect();
    net.run_for(SECOND);
    let server = net.nodes[SERVER].connected().unwrap();
    (net, server, client)
}

/// Counts the bytes that `node` sends from now on.
fn watch(net: &mut Net, node: usize) -> Rc<RefCell<u64>> {
    let sum = Rc::new(RefCell::new(0));
    let count = Rc::clone(&sum);
    net.filter = Box::new(move |_: Instant, sender, bytes: &mut Vec<u8>| {
        if sender == node {
            *count.borrow_mut() += bytes.len() as u64;
        }
        Pass::Deliver
    });
    sum
}

/// Queues messages of 1,000 bytes until the queue is full.
fn fill(net: &mut Net, node: usize, connection: ConnectionId) {
    fill_with(net, node, connection, 1000);
}

/// Queues messages of `size` bytes until the queue is full.
fn fill_with(net: &mut Net, node: usize, connection: ConnectionId, size: usize) {
    let now = net.now;
    loop {
        let channel = tickwire_core::ChannelId(RELIABLE_ORDERED);
        match net.nodes[node].endpoint.send(now, connection, channel, vec![7; size]) {
            Ok(_) => {}
            Err(SendError::Full(_)) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn regression_messages_arrive_from_a_client_whose_acks_alone_exceed_its_rate_limit() {
    let (mut net, server, client) = connected(|_| {});
    let now = net.now;
    net.nodes[CLIENT].endpoint.set_connection_bandwidth(now, client, Some(1000));
    let acknowledged = watch(&mut net, CLIENT);
    for second in 1..=20u64 {
        for _ in 0..60 {
            for _ in 0..40 {
                net.send(SERVER, server, UNRELIABLE, vec![7; 900]);
            }
            net.run_for(TICK);
        }
        let heard = net.nodes[SERVER].messages().len();
        net.send(CLIENT, client, RELIABLE_ORDERED, vec![second as u8; 20]);
        net.run_until(SECOND, |net| net.nodes[SERVER].messages().len() > heard);
    }
    assert!(*acknowledged.borrow() > 20 * 1500, "{} bytes", acknowledged.borrow());
}

/// Returns the bytes per second that the server sends to its only client in ten seconds. Messages of `size` bytes always wait
/// in the queue.
fn rate_of(size: usize, limit: impl Fn(&mut Config)) -> u64 {
    let (mut net, server, _) = connected(limit);
    let sent = watch(&mut net, SERVER);
    for _ in 0..600 {
        fill_with(&mut net, SERVER, server, size);
        net.run_for(TICK);
    }
    *sent.borrow() / 10
}

#[test]
fn the_send_rate_is_within_five_percent_of_the_rate_limit_for_any_message_size() {
    for size in [40, 400, 900, 1300, 20_000, 300_000] {
        for limit in [LIMIT, 400_000] {
            let of_one = rate_of(size, |config| config.connection_bandwidth = Some(limit));
            let of_all = rate_of(size, |config| config.bandwidth = Some(limit));
            let within = limit * 95 / 100..=limit * 105 / 100;
            assert!(within.contains(&of_one), "{size} bytes: {of_one} of {limit} on one connection");
            assert!(within.contains(&of_all), "{size} bytes: {of_all} of {limit} on all together");
        }
    }
}

#[test]
fn repeated_address_changes_do_not_raise_the_send_rate_above_its_limit() {
    let (mut net, server, client) = connected(|config| config.connection_bandwidth = Some(LIMIT));
    let sent = watch(&mut net, SERVER);
    for second in 0..20 {
        net.nodes[CLIENT].address.set_port(5000 + second);
        for _ in 0..60 {
            fill(&mut net, SERVER, server);
            net.send(CLIENT, client, UNRELIABLE, vec![1]);
            net.run_for(TICK);
        }
    }
    let rate = *sent.borrow() / 20;
    assert!(rate <= LIMIT * 103 / 100, "{rate}");
}

#[test]
fn a_rate_limit_that_is_set_again_every_tick_is_not_exceeded() {
    for is_for_all in [false, true] {
        let (mut net, server, _) = connected(|_| {});
        let sent = watch(&mut net, SERVER);
        for _ in 0..600 {
            let (now, endpoint) = (net.now, &mut net.nodes[SERVER].endpoint);
            if is_for_all {
                endpoint.set_bandwidth(now, Some(LIMIT));
            } else {
                endpoint.set_connection_bandwidth(now, server, Some(LIMIT));
            }
            fill(&mut net, SERVER, server);
            net.run_for(TICK);
        }
        let rate = *sent.borrow() / 10;
        assert!((LIMIT * 95 / 100..=LIMIT * 103 / 100).contains(&rate), "{rate}");

        let limit = |net: &mut Net, most| {
            let (now, endpoint) = (net.now, &mut net.nodes[SERVER].endpoint);
            if is_for_all {
                endpoint.set_bandwidth(now, most);
            } else {
                endpoint.set_connection_bandwidth(now, server, most);
            }
        };
        limit(&mut net, Some(1000));
        net.run_for(SECOND * 5);
        let before = *sent.borrow();
        limit(&mut net, Some(LIMIT));
        net.run_for(SECOND / 2);
        let first = *sent.borrow() - before;
        assert!(first >= LIMIT * 4 / 10, "{first} bytes in the first half second");
    }
}

#[test]
fn the_send_budget_of_the_only_connection_is_seven_eighths_of_the_endpoints_rate_limit() {
    let (mut net, server, _) = connected(|config| config.bandwidth = Some(LIMIT));
    let grant = |net: &Net| net.nodes[SERVER].endpoint.grant(server, SECOND);
    assert_eq!(grant(&net), LIMIT * 7 / 8);
    // Who sends what is granted waits for nothing.
    let mut worst = 0;
    for _ in 0..600 {
        let granted = net.nodes[SERVER].endpoint.grant(server, TICK);
        net.send(SERVER, server, UNRELIABLE, vec![7; granted.max(1) as usize]);
        net.run_for(TICK);
        worst = worst.max(net.nodes[SERVER].endpoint.stats(server).unwrap().queued_bytes);
    }
    assert!(worst <= 1200, "{worst}");
    assert!(net.nodes[CLIENT].messages().len() >= 590);
    let now = net.now;
    net.nodes[SERVER].endpoint.set_bandwidth(now, None);
    assert!(grant(&net) > LIMIT, "{}", grant(&net));
}

/// The server answers every request for a cookie, and a client can send requests from any address.
#[test]
fn a_flood_of_hellos_takes_at_most_an_eighth_of_the_servers_bandwidth() {
    let (mut net, server, _) = connected(|config| config.bandwidth = Some(LIMIT));
    let hello = Rc::new(RefCell::new(Vec::new()));
    let caught = Rc::clone(&hello);
    net.filter = Box::new(move |_, sender, bytes: &mut Vec<u8>| {
        if sender == CLIENT && bytes.len() == 1200 && caught.borrow().is_empty() {
            caught.borrow_mut().clone_from(bytes);
            return Pass::Drop;
        }
        Pass::Deliver
    });
    net.connect();
    net.run_for(SECOND / 10);
    assert_eq!(hello.borrow().len(), 1200);
    let before = net.nodes[CLIENT].messages().iter().map(|(_, message)| message.len()).sum::<usize>();
    let mut from: SocketAddr = "10.9.0.1:1".parse().unwrap();
    for tick in 0..600u32 {
        fill(&mut net, SERVER, server);
        for flood in 0..50 {
            from.set_port(1 + ((tick * 50 + flood) % 60_000) as u16);
            let (now, endpoint) = (net.now, &mut net.nodes[SERVER].endpoint);
            endpoint.handle_datagram(now, from, Ecn::NotCapable, &mut hello.borrow().clone());
        }
        net.run_for(TICK);
    }
    let after = net.nodes[CLIENT].messages().iter().map(|(_, message)| message.len()).sum::<usize>();
    let rate = (after - before) as u64 / 10;
    assert!(rate >= LIMIT * 8 / 10, "{rate}");
    let replied: usize =
        net.bytes.iter().filter(|((_, to), _)| to.ip() == from.ip()).map(|(_, bytes)| bytes).sum();
    assert!(replied as u64 <= LIMIT * 10 / 8, "{replied}");
    assert!(replied >= 10_000, "{replied}: strangers are answered too");
}
