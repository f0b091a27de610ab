//! Complete sessions between two endpoints: the guarantees for an embedder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::drop::DropReason;
use tickwire_core::{
    Access, ChannelId, CloseReason, Config, ConnectOptions, ConnectionState, Delivery, Duration, Ecn, Event,
    Fate, Instant, MessageId, Secrets,
};

const SECOND: Duration = Duration::from_secs(1);

fn connected(net: &Net) -> bool {
    net.nodes[0].connected().is_some() && net.nodes[1].connected().is_some()
}

fn every(nth: u64) -> impl FnMut(Instant, usize, &mut Vec<u8>) -> Pass {
    let mut count = 0;
    move |_, _, _| {
        count += 1;
        if count % nth == 0 { Pass::Drop } else { Pass::Deliver }
    }
}

#[test]
fn reliable_messages_of_0_to_200_000_bytes_arrive_in_both_directions() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_until(SECOND, connected);
    let server = net.nodes[0].connected().unwrap();
    for channel in 0..4 {
        for size in [0, 1, 100, 1200, 5000, 200_000] {
            net.send(1, client, channel, vec![channel; size]);
            net.send(0, server, channel, vec![channel; size]);
        }
    }
    net.run_for(SECOND * 5);
    for node in &net.nodes {
        for channel in 0..2 {
            let sizes: Vec<usize> =
                node.messages().iter().filter(|(c, _)| c.0 == channel).map(|(_, m)| m.len()).collect();
            let mut sorted = sizes.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 100, 1200, 5000, 200_000], "channel {channel}");
        }
    }
}

#[test]
fn reliable_messages_arrive_through_loss_and_are_reported_as_delivered() {
    let mut net = Net::pair(|_| {});
    net.filter = Box::new(every(3));
    let client = net.connect();
    for number in 0..500u16 {
        net.send(1, client, 0, number.to_le_bytes().to_vec());
    }
    net.run_until(SECOND * 30, |net| net.nodes[0].messages().len() == 500);
    let numbers: Vec<u16> =
        net.nodes[0].messages().iter().map(|(_, m)| u16::from_le_bytes([m[0], m[1]])).collect();
    assert!(numbers.iter().copied().eq(0..500));
    net.run_for(SECOND * 2);
    let fate = net.nodes[1].endpoint.fate(client, ChannelId(0), MessageId(499));
    assert_eq!(fate, Some(Fate::Delivered));
}

#[test]
fn an_idle_connection_sends_at_most_45_datagrams_in_100_seconds() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_until(SECOND, connected);
    net.run_for(SECOND * 10);
    let before = net.datagrams;
    net.run_for(SECOND * 100);
    assert!(net.datagrams - before <= 45, "{} datagrams in 100 s", net.datagrams - before);
    assert_eq!(net.nodes[1].endpoint.state(client), ConnectionState::Connected);
}

#[test]
fn a_close_reaches_the_peer_with_its_reason() {
    let mut net = Net::pair(|_| {});
    net.filter = Box::new(every(3));
    let client = net.connect();
    net.run_until(SECOND * 3, connected);
    let now = net.now;
    net.nodes[1].endpoint.close(now, client, 7, "good night");
    net.run_for(SECOND * 10);
    let told = |event: &Event| matches!(event, Event::Closed { reason: CloseReason::Peer { code: 7, text }, .. } if text == "good night");
    assert!(net.nodes[0].has(told));
    assert!(
        net.nodes[1]
            .has(|event| matches!(event, Event::Closed { reason: CloseReason::Local { code: 7 }, .. }))
    );
    for node in &net.nodes {
        assert_eq!(node.endpoint.connections().count(), 0);
    }
}

#[test]
fn a_close_after_delivery_waits_for_messages_in_flight() {
    let mut net = Net::pair(|_| {});
    net.filter = Box::new(every(4));
    let client = net.connect();
    net.run_until(SECOND * 3, connected);
    net.send(1, client, 0, vec![5; 300_000]);
    let now = net.now;
    net.nodes[1].endpoint.close_after_delivery(now, client, 0, "", now + SECOND * 20);
    net.run_for(SECOND * 20);
    assert_eq!(net.nodes[0].messages().len(), 1);
    let clean = |event: &Event| matches!(event, Event::Closed { unconfirmed, .. } if unconfirmed.is_empty());
    assert!(net.nodes[1].has(clean));
}

#[test]
fn a_connection_continues_after_the_address_of_its_client_changes() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_until(SECOND, connected);
    for round in 0..20u16 {
        net.nodes[1].address.set_port(5000 + round);
        net.send(1, client, 0, vec![1; 50]);
        let server = net.nodes[0].connected().unwrap();
        net.send(0, server, 0, vec![2; 50]);
        net.run_for(SECOND);
    }
    net.run_for(SECOND * 2);
    assert_eq!(net.nodes[0].messages().len(), 20);
    assert_eq!(net.nodes[1].messages().len(), 20);
    let moves = net.nodes[0].events.iter().filter(|event| matches!(event, Event::Moved { .. })).count();
    assert_eq!(moves, 20);
    assert!(!net.nodes[0].has(|event| matches!(event, Event::Interrupted { .. } | Event::Closed { .. })));
}

#[test]
fn a_session_resumes_after_a_blackout_longer_than_the_idle_timeout() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_until(SECOND, connected);
    let server = net.nodes[0].connected().unwrap();
    net.run_for(SECOND * 2);
    net.filter = Box::new(|_, _, _| Pass::Drop);
    for number in 0..50u8 {
        net.send(1, client, 0, vec![number; 3000]);
        net.send(0, server, 1, vec![number; 10]);
    }
    net.run_for(SECOND * 30);
    for node in &net.nodes {
        assert!(node.has(|event| matches!(event, Event::Interrupted { .. })));
    }
    net.filter = Box::new(|_, _, _| Pass::Deliver);
    net.run_until(SECOND * 2, |net| !net.nodes[0].messages().is_empty());
    net.run_for(SECOND * 3);
    assert_eq!(net.nodes[0].messages().len(), 50);
    assert_eq!(net.nodes[1].messages().len(), 50);
    for node in &net.nodes {
        assert!(node.has(|event| matches!(event, Event::Resumed { .. })));
        assert!(!node.has(|event| matches!(event, Event::Closed { .. })));
    }
}

#[test]
fn a_client_of_a_restarted_server_reports_session_lost_and_gets_a_new_connection() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_until(SECOND, connected);
    net.run_for(SECOND * 2);
    let mut config = Config::new(APPLICATION);
    config.access = Access::Open;
    let now = net.now;
    net.send(1, client, 0, vec![1; 100]);
    net.nodes[0] = Node::new(config, Secrets::new([1; 32]), 99, "10.0.0.1:7777", now);
    net.run_until(SECOND * 3, |net| net.nodes[0].connected().is_some());
    net.run_for(SECOND);
    let lost = |event: &Event| match event {
        Event::Closed { connection, reason: CloseReason::SessionLost, unconfirmed } => {
            *connection == client && unconfirmed.len() == 1 && unconfirmed[0].fate == Fate::Unknown
        }
        _ => false,
    };
    assert!(net.nodes[1].has(lost));
    assert!(
        net.nodes[1]
            .has(|event| matches!(event, Event::Connected { replaces: Some(old), .. } if *old == client))
    );
}

/// Swarm seed 972. A client that had put its resume ticket aside began a new session while the server still had the first
/// one.
#[test]
fn a_client_past_its_resume_window_resumes_the_session_that_the_server_kept() {
    for dark in 20..60u32 {
        let mut net = Net::pair(|config| config.idle_timeout = SECOND * 3);
        let mut config = Config::new(APPLICATION);
        (config.idle_timeout, config.resume_window) = (SECOND * 3, SECOND);
        net.nodes[1] = Node::new(config, Secrets::new([2; 32]), 2, "10.0.0.2:4000", Instant::ZERO);
        let first = net.connect();
        net.run_for(SECOND * 2);
        for dark in [Duration::from_millis(250) * dark, SECOND * 4] {
            net.filter = Box::new(|_, _, _| Pass::Drop);
            net.run_for(dark);
            net.filter = Box::new(|_, _, _| Pass::Deliver);
            net.run_for(SECOND * 15);
            net.send(1, first, 0, vec![1; 3000]);
            net.run_for(SECOND);
        }
        for node in &net.nodes {
            let closed = |event: &Event| matches!(event, Event::Closed { .. });
            assert!(!node.has(closed), "dark for {dark} quarters: {:#?}", node.events);
        }
        assert_eq!(net.nodes[0].messages().len(), 2, "dark for {dark} quarters: {:#?}", net.nodes[0].events);
    }
}

#[test]
fn a_forged_unknown_connection_reply_does_not_replace_a_connection() {
    let mut net = Net::pair(|config| config.heartbeat = Duration::from_millis(20));
    let last = Rc::new(RefCell::new(Vec::new()));
    let tap = Rc::clone(&last);
    net.filter = Box::new(move |_, node, bytes| {
        match (node, bytes[0]) {
            (1, 8..=15) => tap.borrow_mut().clone_from(bytes),
            // Without a resume ticket the client asks for a new connection, and gets one.
            (0, 8..=15) if bytes.len() > 100 => return Pass::Drop,
            _ => {}
        }
        Pass::Deliver
    });
    let client = net.connect();
    net.run_until(SECOND, connected);
    for _ in 0..20 {
        net.run_for(Duration::from_millis(100));
        let mut unknown = vec![7, 0];
        unknown.extend_from_slice(&last.borrow()[1..4]);
        unknown.extend(last.borrow().iter().rev().take(8).rev());
        let (now, from) = (net.now, net.nodes[0].address);
        net.nodes[1].endpoint.handle_datagram(now, from, Ecn::NotCapable, &mut unknown);
    }
    net.run_for(SECOND);
    assert_eq!(net.nodes[1].endpoint.drops().of(DropReason::UnknownConnection), 0, "it was believed");
    assert!(!net.nodes[1].has(|event| matches!(event, Event::Closed { .. })));
    assert_eq!(net.nodes[1].connected(), Some(client));
}

#[test]
fn all_messages_arrive_while_keys_rotate_under_loss() {
    let mut net = Net::pair(|config| config.rotate_after = 64);
    net.filter = Box::new(every(7));
    let client = net.connect();
    net.run_until(SECOND * 3, connected);
    for number in 0..3000u16 {
        net.send(1, client, 0, number.to_le_bytes().to_vec());
        net.run_for(Duration::from_millis(10));
    }
    net.run_for(SECOND * 2);
    assert_eq!(net.nodes[0].messages().len(), 3000);
}

#[test]
fn a_full_channel_reports_send_ready_when_its_queue_has_space() {
    let mut net = Net::pair(|config| {
        config.channels = vec![tickwire_core::ChannelConfig::new(Delivery::ReliableOrdered)];
        config.channels[0].queue_messages = 10;
    });
    let client = net.connect();
    let now = net.now;
    let endpoint = &mut net.nodes[1].endpoint;
    let refused = (0..11).find_map(|_| endpoint.send(now, client, ChannelId(0), vec![9; 10]).err());
    assert!(matches!(refused, Some(tickwire_core::error::SendError::Full(bytes)) if bytes.len() == 10));
    net.run_for(SECOND);
    assert!(net.nodes[1].has(|event| matches!(event, Event::SendReady { .. })));
}

#[test]
fn a_close_after_delivery_requested_while_connecting_delivers_all_messages() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.send(1, client, 0, vec![5; 5000]);
    let now = net.now;
    net.nodes[1].endpoint.close_after_delivery(now, client, 3, "done", now + SECOND * 20);
    net.run_for(SECOND * 5);
    assert_eq!(net.nodes[0].messages().len(), 1);
    assert!(
        net.nodes[1]
            .has(|event| matches!(event, Event::Closed { reason: CloseReason::Local { code: 3 }, .. }))
    );
}

#[test]
fn heartbeats_keep_an_idle_connection_uninterrupted_at_the_end_with_the_shorter_idle_timeout() {
    let mut net = Net::pair(|_| {});
    let mut config = Config::new(APPLICATION);
    config.access = Access::Open;
    config.idle_timeout = SECOND * 3;
    net.nodes[0] = Node::new(config, Secrets::new([1; 32]), 1, "10.0.0.1:7777", Instant::ZERO);
    net.connect();
    net.run_for(SECOND * 60);
    assert!(!net.nodes[0].has(|event| matches!(event, Event::Interrupted { .. })));
}

#[test]
fn the_first_pto_probe_that_arrives_after_an_outage_carries_the_lost_message() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_until(SECOND, connected);
    net.run_for(SECOND);
    net.send(1, client, 0, vec![7; 900]);
    let until = net.now + Duration::from_millis(3400);
    net.filter =
        Box::new(move |now, node, _| if node == 1 && now < until { Pass::Drop } else { Pass::Deliver });
    net.run_until(SECOND * 10, |net| !net.nodes[0].messages().is_empty());
    // The first probe that gets through brings the message: no round trip for a bare PING before it.
    assert!(
        net.now <= until + Duration::from_millis(500 + 50 + 10),
        "{:?} after the path came back",
        net.now - until
    );
}

fn dial_peer(net: &mut Net, node: usize) {
    let (key, to, now) = (net.nodes[1 - node].endpoint.public_key(), net.nodes[1 - node].address, net.now);
    net.nodes[node].endpoint.expect_peer([9; 32], key).unwrap();
    let options = ConnectOptions::peer([9; 32], key);
    net.nodes[node].endpoint.connect(now, to, options).unwrap();
}

#[test]
fn peers_that_dial_each_other_have_one_connection_despite_random_packet_loss() {
    for seed in 0..2000u64 {
        let mut net = Net::peers();
        let mut draws = tickwire_core::rng::Rng::from_seed([(seed % 251) as u8; 32]);
        for _ in 0..seed / 251 {
            let _ = draws.next_u64();
        }
        let lossy_until = Instant::ZERO + SECOND;
        let gap = Duration::from_millis(draws.next_u64() % 200);
        let first = (draws.next_u64() % 2) as usize;
        net.filter = Box::new(move |now, _, _| {
            if now < lossy_until && draws.next_u64().is_multiple_of(3) { Pass::Drop } else { Pass::Deliver }
        });
        dial_peer(&mut net, first);
        net.run_for(gap);
        dial_peer(&mut net, 1 - first);
        for node in 0..2 {
            let connection = net.nodes[node].endpoint.connections().next().unwrap();
            net.send(node, connection, 0, vec![node as u8; 3000]);
        }
        net.run_for(SECOND * 30);
        for node in 0..2 {
            // What could be doubled is not sent again on the connection that remains, but its fate is told.
            let told = net.nodes[node].events.iter().filter_map(|event| match event {
                Event::Closed { unconfirmed, .. } => Some(unconfirmed.len()),
                _ => None,
            });
            let arrived = net.nodes[1 - node].messages().len();
            assert!(
                arrived <= 1 && arrived + told.sum::<usize>() >= 1,
                "seed {seed}: {:#?}",
                net.nodes[node].events
            );
        }
        for node in &net.nodes {
            let connections: Vec<_> = node.endpoint.connections().collect();
            assert_eq!(connections.len(), 1, "seed {seed}: {:#?}", node.events);
            assert_eq!(node.endpoint.state(connections[0]), ConnectionState::Connected, "seed {seed}");
        }
    }
}

/// Interrupts a client until `early` before its server discards the session. From then on, handshakes arrive, and the
/// client's Data packets arrive from one second later on. Returns the client's events after the interruption.
fn comes_back_late(early: Duration, resume_window: Duration) -> Vec<Event> {
    let cut_off = || {
        let mut net = Net::pair(|config| config.resume_window = resume_window);
        net.connect();
        net.run_for(SECOND * 3);
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net
    };
    let mut net = cut_off();
    net.run_until(SECOND * 120, |net| net.nodes[0].has(|event| matches!(event, Event::Closed { .. })));
    let end = net.now;
    let mut net = cut_off();
    net.filter = Box::new(move |now, _, bytes| {
        let opens_at = if bytes[0] >= 8 { end + SECOND } else { end - early };
        if now < opens_at { Pass::Drop } else { Pass::Deliver }
    });
    net.run_for(SECOND * 120);
    let events = std::mem::take(&mut net.nodes[1].events);
    let interrupted = events.iter().position(|event| matches!(event, Event::Interrupted { .. })).unwrap();
    events[interrupted + 1..].to_vec()
}

#[test]
fn a_client_accepted_shortly_before_its_resume_window_ends_resumes_or_gets_a_new_session() {
    let mut resumed = 0;
    for (seconds, window) in (1..9).flat_map(|seconds| [(seconds, 60), (seconds, 10)]) {
        let events = comes_back_late(SECOND * seconds, SECOND * window);
        let is_resumed = matches!(events.as_slice(), [Event::Resumed { .. }]);
        resumed += usize::from(is_resumed);
        let is_new = matches!(events.first(), Some(Event::Closed { .. } | Event::Connected { .. }));
        assert!(is_resumed || is_new, "{seconds} s before the end of {window} s: {events:#?}");
    }
    assert!(resumed >= 6, "{resumed}");
}
