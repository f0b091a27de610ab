//! The guarantees of closing a connection, for any events during the close.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use tickwire_core::{ChannelId, CloseReason, Config, ConnectionId, Duration, Endpoint, Event, Instant};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};

/// Creates a pair with a connected client. Returns the id of the client's connection.
fn connected() -> (Pair, ConnectionId) {
    let mut config = Config::new(1);
    config.idle_timeout = Duration::from_secs(3600);
    let mut pair = Pair::new(Instant::ZERO, &config);
    let connection = pair.dial();
    // The server is not asked for its events yet.
    while pair.exchange(CLIENT) | pair.exchange(SERVER) {}
    assert_eq!(pair.ends[SERVER].connections().count(), 1);
    (pair, connection)
}

fn closed(endpoint: &mut Endpoint) -> usize {
    std::iter::from_fn(|| endpoint.poll_event()).filter(|event| matches!(event, Event::Closed { .. })).count()
}

#[test]
fn closing_a_connection_twice_reports_one_close() {
    let (mut pair, connection) = connected();
    pair.ends[CLIENT].close(pair.now, connection, 7, "bye");
    pair.ends[CLIENT].close(pair.now, connection, 8, "bye again");
    assert_eq!(closed(&mut pair.ends[CLIENT]), 1);
    while pair.exchange(CLIENT) | pair.exchange(SERVER) {}
    let server_events: Vec<Event> = std::iter::from_fn(|| pair.ends[SERVER].poll_event()).collect();
    assert!(matches!(&server_events[..], [Event::Connected { .. }, Event::Closed { reason, .. }]
        if matches!(reason, CloseReason::Peer { code: 7, .. })));
    assert_eq!(pair.ends[CLIENT].connections().count(), 0);
}

#[test]
fn closing_a_connection_twice_while_the_peer_does_not_answer_leaves_no_connection() {
    let (mut pair, connection) = connected();
    pair.ends[CLIENT].close(pair.now, connection, 7, "bye");
    assert!(!pair.take(CLIENT).is_empty());
    pair.ends[CLIENT].close(pair.now, connection, 8, "bye again");
    assert_eq!(closed(&mut pair.ends[CLIENT]), 1);
    for _ in 0..100 {
        pair.now += Duration::from_secs(1);
        pair.ends[CLIENT].handle_timeout(pair.now);
        pair.take(CLIENT);
        assert_eq!(pair.ends[CLIENT].poll_event(), None);
    }
    assert_eq!(pair.ends[CLIENT].connections().count(), 0);
}

#[test]
fn a_closed_connection_with_an_rtt_above_a_minute_is_dropped_within_ten_seconds() {
    let (mut pair, connection) = connected();
    pair.ends[CLIENT].send(pair.now, connection, ChannelId(0), b"hello".to_vec()).unwrap();
    // Packets arrive at once, but what the server says is heard ten minutes later.
    pair.exchange(CLIENT);
    pair.ends[SERVER].handle_timeout(pair.now + Duration::from_millis(100));
    pair.now += Duration::from_secs(600);
    pair.exchange(SERVER);
    let stats = pair.ends[CLIENT].stats(connection).unwrap();
    assert!(stats.rtt > Duration::from_secs(60), "{:?}", stats.rtt);
    pair.ends[CLIENT].close(pair.now, connection, 7, "bye");
    assert_eq!(closed(&mut pair.ends[CLIENT]), 1);
    for _ in 0..10 {
        pair.take(CLIENT);
        pair.now += Duration::from_secs(1);
        pair.ends[CLIENT].handle_timeout(pair.now);
    }
    assert_eq!(pair.ends[CLIENT].connections().count(), 0);
}

#[test]
fn an_incomplete_message_is_freed_when_its_connection_closes() {
    let (mut pair, connection) = connected();
    pair.ends[CLIENT].send(pair.now, connection, ChannelId(0), vec![7; 3000]).unwrap();
    let mut taken = Vec::new();
    assert!(pair.take_some(CLIENT, &mut taken));
    pair.give(SERVER, &mut taken[0]);
    // From here on the server hears heartbeats, but nothing of the message, and is not heard.
    pair.harm = Box::new(|end, datagram| end == CLIENT && datagram.len() < 200);
    let mut server_closed = 0;
    for second in 0..300 {
        pair.now += Duration::from_secs(1);
        if second == 280 {
            assert_eq!(server_closed, 0);
            assert!(pair.ends[SERVER].memory() > 1000);
            let there = pair.ends[SERVER].connections().next().unwrap();
            pair.ends[SERVER].close(pair.now, there, 7, "bye");
        }
        for call in 0.. {
            assert!(call < 1000, "the server is due for ever");
            pair.ends[CLIENT].handle_timeout(pair.now);
            pair.ends[SERVER].handle_timeout(pair.now);
            pair.exchange(CLIENT);
            pair.exchange(SERVER);
            server_closed += closed(&mut pair.ends[SERVER]);
            if pair.ends[SERVER].poll_timeout().0 > pair.now {
                break;
            }
        }
    }
    assert_eq!(server_closed, 1);
    assert_eq!(pair.ends[SERVER].memory(), 0);
    assert_eq!(pair.ends[SERVER].connections().count(), 0);
}
