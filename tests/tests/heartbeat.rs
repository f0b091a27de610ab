//! Idle connections: the heartbeats of each end, their intervals, and lost heartbeats.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::{Access, CloseReason, Config, Duration, Event, Instant, Secrets};

const SECOND: Duration = Duration::from_secs(1);
const SERVER: usize = 0;
const CLIENT: usize = 1;

/// The datagrams of all nodes: the sending time, the index of the node, and the size in bytes.
type Log = Rc<RefCell<Vec<(Instant, usize, usize)>>>;

/// Creates a client and a server without messages to send, and the log of their datagrams from now on.
fn idle(change: impl Fn(&mut Config)) -> (Net, Log) {
    let mut net = Net::pair(change);
    net.connect();
    net.run_for(SECOND * 30);
    let log = Log::default();
    watch(&mut net, &log, |_, _| Pass::Deliver);
    (net, log)
}

fn watch(net: &mut Net, log: &Log, mut judge: impl FnMut(Instant, usize) -> Pass + 'static) {
    let log = Rc::clone(log);
    net.filter = Box::new(move |now, node, bytes| {
        log.borrow_mut().push((now, node, bytes.len()));
        judge(now, node)
    });
}

fn sent(log: &Log, node: usize) -> Vec<Instant> {
    log.borrow().iter().filter(|entry| entry.1 == node).map(|entry| entry.0).collect()
}

fn is_unharmed(net: &Net) -> bool {
    let harm = |event: &Event| matches!(event, Event::Interrupted { .. } | Event::Closed { .. });
    net.nodes.iter().all(|node| !node.has(harm))
}

#[test]
fn an_idle_server_sends_a_heartbeat_every_ten_seconds_and_an_idle_client_every_five_seconds() {
    let (mut net, log) = idle(|_| {});
    net.run_for(SECOND * 200);
    let (client, server) = (sent(&log, CLIENT), sent(&log, SERVER));
    assert!((39..=41).contains(&client.len()), "{client:?}");
    assert!((19..=21).contains(&server.len()), "{server:?}");
    let longest = client.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest < Duration::from_millis(5300), "{longest:?}");
    assert!(is_unharmed(&net));
}

#[test]
fn every_client_heartbeat_has_48_bytes() {
    let (mut net, log) = idle(|_| {});
    net.run_for(SECOND * 60);
    let log = log.borrow();
    let sizes: Vec<usize> = log.iter().filter(|entry| entry.1 == CLIENT).map(|entry| entry.2).collect();
    assert!(sizes.len() >= 11 && sizes.iter().all(|size| *size == 48), "{sizes:?}");
}

#[test]
fn a_client_heartbeat_requests_an_ack_before_half_of_the_idle_timeout_has_passed() {
    for (client, server) in [(20, 20), (6, 20), (20, 6), (15, 15), (12, 9)] {
        let (mut net, log) = idle(|_| {});
        let mut config = Config::new(APPLICATION);
        (config.access, config.idle_timeout) = (Access::Open, SECOND * server);
        net.nodes[SERVER] = Node::new(config, Secrets::new([1; 32]), 1, "10.0.0.1:7777", net.now);
        let mut config = Config::new(APPLICATION);
        (config.access, config.idle_timeout) = (Access::Closed, SECOND * client);
        net.nodes[CLIENT] = Node::new(config, Secrets::new([2; 32]), 2, "10.0.0.2:4000", net.now);
        net.connect();
        net.run_for(SECOND * 120);
        assert!(is_unharmed(&net));
        // What the server sends are answers: each heartbeat that asks is sent a way before one.
        let gaps = sent(&log, SERVER);
        let gaps: Vec<Duration> = gaps.windows(2).map(|pair| pair[1] - pair[0]).skip(8).collect();
        let longest = *gaps.iter().max().unwrap();
        let most = SECOND * client / 2 + Duration::from_millis(150);
        assert!(longest <= most, "{longest:?} of {client} s, {server} s at the server");
    }
}

#[test]
fn one_lost_heartbeat_or_heartbeat_ack_interrupts_no_connection() {
    for node in [CLIENT, SERVER] {
        for lost in 0..12 {
            let (mut net, log) = idle(|_| {});
            let mut count = 0;
            watch(&mut net, &log, move |_, sender| {
                count += u32::from(sender == node);
                if sender == node && count == lost + 1 { Pass::Drop } else { Pass::Deliver }
            });
            net.run_for(SECOND * 90);
            assert!(is_unharmed(&net), "{node} {lost}");
            // A loss costs a few datagrams, and no more.
            assert!(log.borrow().len() <= 32, "{node} {lost}: {}", log.borrow().len());
        }
    }
}

#[test]
fn a_blackout_of_two_fifths_of_the_idle_timeout_never_interrupts_a_connection() {
    for idle_s in [3, 6, 9, 12, 15, 20] {
        for begins in 0..40 {
            let (mut net, log) = idle(|config| config.idle_timeout = SECOND * idle_s);
            // Within two heartbeats.
            let waits = Duration::from_micros(12_500) * idle_s * begins;
            net.run_for(waits);
            let end = net.now + SECOND * idle_s * 2 / 5;
            watch(&mut net, &log, move |now, _| if now < end { Pass::Drop } else { Pass::Deliver });
            net.run_for(SECOND * idle_s * 2);
            assert!(is_unharmed(&net), "{idle_s} s, begun after {waits:?}");
        }
    }
}

#[test]
fn an_idle_server_skips_every_second_heartbeat_unless_two_intervals_exceed_fifteen_seconds() {
    for (heartbeat, most) in [(2, 4), (7, 14), (8, 8), (20, 20)] {
        let (mut net, log) = idle(|config| {
            config.heartbeat = SECOND * heartbeat;
            config.idle_timeout = SECOND * 90;
        });
        net.run_for(SECOND * 300);
        let longest = sent(&log, SERVER).windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        let (least, most) = (SECOND * most, SECOND * most + Duration::from_millis(500));
        assert!((least..most).contains(&longest), "{heartbeat} s: {longest:?}");
    }
}

#[test]
fn the_first_heartbeat_after_a_message_requests_an_ack() {
    for sender in [CLIENT, SERVER] {
        for waits in 0..12 {
            let (mut net, log) = idle(|_| {});
            net.run_for(SECOND * waits);
            let connection = net.nodes[sender].connected().unwrap();
            net.send(sender, connection, 0, vec![1; 10]);
            net.run_for(SECOND);
            log.borrow_mut().clear();
            net.run_for(Duration::from_millis(4500));
            assert_eq!((sent(&log, CLIENT).len(), sent(&log, SERVER).len()), (1, 1), "{sender} {waits}");
        }
    }
}

#[test]
fn a_client_detects_a_restarted_server_at_its_next_heartbeat_with_or_without_an_ack_request() {
    let mut waited = Vec::new();
    for waits in 0..10 {
        let (mut net, _) = idle(|_| {});
        net.run_for(SECOND * waits);
        let mut config = Config::new(APPLICATION);
        config.access = Access::Open;
        let restarted_at = net.now;
        net.nodes[SERVER] = Node::new(config, Secrets::new([1; 32]), 99, "10.0.0.1:7777", restarted_at);
        net.run_until(SECOND * 6, |net| {
            net.nodes[CLIENT]
                .has(|event| matches!(event, Event::Closed { reason: CloseReason::SessionLost, .. }))
        });
        waited.push(net.now - restarted_at);
    }
    assert!(waited.iter().all(|waited| *waited < Duration::from_millis(5600)), "{waited:?}");
}

#[test]
fn the_server_uses_the_new_address_of_an_idle_client_after_a_heartbeat_with_or_without_an_ack_request() {
    let (mut net, log) = idle(|_| {});
    for round in 0..20u16 {
        net.nodes[CLIENT].address.set_port(5000 + round);
        log.borrow_mut().clear();
        net.run_for(Duration::from_millis(5400));
        let moved = net.nodes[SERVER].events.iter().filter(|event| matches!(event, Event::Moved { .. }));
        assert_eq!(moved.count(), usize::from(round) + 1);
    }
    net.run_for(SECOND * 60);
    assert!(is_unharmed(&net));
}

#[test]
fn the_clock_error_of_an_idle_peer_is_at_most_half_an_rtt_plus_a_millisecond_per_second_of_silence() {
    let (mut net, _) = idle(|_| {});
    let client = net.nodes[CLIENT].connected().unwrap();
    let mut worst = Duration::ZERO;
    for _ in 0..300 {
        net.run_for(Duration::from_millis(370));
        let clock = net.nodes[CLIENT].endpoint.peer_clock(client).unwrap();
        // Both ends' clocks show the same.
        let (shown, error) = (clock.at(net.now), clock.error(net.now));
        let off = shown.saturating_since(net.now).max(net.now.saturating_since(shown));
        assert!(off <= error, "{off:?} {error:?}");
        worst = worst.max(error);
    }
    assert!(worst <= Duration::from_millis(50 + 11), "{worst:?}");
}

#[test]
fn a_heartbeat_is_not_resent_before_the_permitted_delay_of_its_ack_has_passed() {
    for is_message in [false, true] {
        let (mut net, log) = idle(|_| {});
        // Until the round trip is known well.
        net.run_for(SECOND * 200);
        let client = net.nodes[CLIENT].connected().unwrap();
        let late = tickwire_core::limits::UPKEEP_DELAY * 9 / 10;
        watch(
            &mut net,
            &log,
            move |_, sender| if sender == SERVER { Pass::Late(late) } else { Pass::Deliver },
        );
        log.borrow_mut().clear();
        if is_message {
            net.send(CLIENT, client, 0, vec![1; 10]);
        } else {
            net.run_until(SECOND * 11, |_| !sent(&log, SERVER).is_empty());
            let asked = sent(&log, CLIENT);
            log.borrow_mut().retain(|entry| entry.0 == asked[asked.len() - 1]);
        }
        net.run_for(SECOND);
        assert_eq!(sent(&log, CLIENT).len(), if is_message { 2 } else { 1 });
        assert!(is_unharmed(&net));
    }
}
