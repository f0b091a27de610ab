//! Clause 10: each call does bounded work, and the rest stays due.

use std::net::SocketAddr;

use tickwire_core::{ChannelId, ConnectionId, ConnectionState, Duration, Event, limits};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};

use super::check;
use crate::script::pairs;

/// Creates `count` connections on which a message expires at the same time.
fn forgetful(count: usize) -> Pair {
    let mut pair = pairs::connected(count, |config| config.channels = crate::script::world::channels());
    for &connection in &pair.connections[CLIENT] {
        pair.ends[CLIENT].send(pair.now, connection, ChannelId(4), vec![1; 10]).unwrap();
    }
    pair.now += Duration::from_millis(100);
    pair
}

/// Returns the number of connections that have handled the expiry.
fn noticed(pair: &Pair) -> usize {
    let expired = |connection: &&ConnectionId| {
        pair.ends[CLIENT].channel_stats(**connection, ChannelId(4)).unwrap().sent.expired > 0
    };
    pair.connections[CLIENT].iter().filter(expired).count()
}

#[test]
fn clause_10_work_beyond_the_bound_of_a_call_stays_due() {
    fn timeouts(count: u8, settled: bool) {
        let count = usize::from(count) * 2;
        let mut pair = forgetful(count);
        if settled {
            // Every timer is set before the first of them is due.
            pair.now = pair.now - Duration::from_millis(50);
            (0..=count / 64).for_each(|_| pair.ends[CLIENT].handle_timeout(pair.now));
            pair.now += Duration::from_millis(50);
        }
        // A socket that takes nothing: only the clock goes on.
        for round in 0.. {
            let before = noticed(&pair);
            assert!(before >= count.min(round * 16), "round {round}: {before}");
            if before == count {
                break;
            }
            pair.ends[CLIENT].handle_timeout(pair.now);
            assert!(noticed(&pair) - before <= limits::TIMERS_PER_CALL, "{}", noticed(&pair) - before);
            assert!(
                noticed(&pair) == count || pair.ends[CLIENT].poll_timeout().0 <= pair.now,
                "not due any more"
            );
        }
    }
    fn transmits(count: u8) {
        let count = usize::from(count) * 2;
        let mut pair = forgetful(count);
        let before = noticed(&pair);
        assert!(!pair.take_some(CLIENT, &mut Vec::new()), "what was stale was sent");
        assert!(noticed(&pair) - before <= limits::TIMERS_PER_CALL, "{} at once", noticed(&pair) - before);
        assert!(
            noticed(&pair) == count || pair.ends[CLIENT].poll_timeout().0 <= pair.now,
            "not due any more"
        );
    }
    fn datagrams(size: u16) {
        let mut pair = pairs::connected(1, |_| {});
        pair.send(CLIENT, 0, vec![1; 200_000]);
        let mut buffer = vec![0; usize::from(size) * 8 + 1200];
        let transmit = pair.ends[CLIENT].poll_transmit(pair.now, &mut buffer).unwrap();
        assert!(transmit.datagrams(&buffer).count() <= limits::DATAGRAMS_PER_TRANSMIT);
    }
    check(20, 100, timeouts as fn(u8, bool));
    check(20, 100, transmits as fn(u8));
    check(50, 100, datagrams as fn(u16));
}

#[test]
fn clause_10_each_call_of_handle_timeout_visits_at_most_64_connections() {
    let count = 300;
    // Whoever waited for what was held back would have probes to send.
    let mut pair = pairs::connected(count, |config| config.ack_delay = Duration::ZERO);
    for &connection in &pair.connections[CLIENT] {
        pair.ends[CLIENT].send(pair.now, connection, ChannelId(0), vec![1; 10]).unwrap();
    }
    for mut datagram in pair.take(CLIENT) {
        pair.give(SERVER, &mut datagram);
    }
    pair.events(SERVER);
    // Acknowledgements, upon which nothing is to be done but to set timers.
    let acks = pair.take(SERVER);
    assert_eq!(acks.len(), count);
    pair.now += Duration::from_micros(1);
    for mut ack in acks {
        pair.give(CLIENT, &mut ack);
    }
    pair.now += Duration::from_micros(1);
    let client = &mut pair.ends[CLIENT];
    for seen in (0..count).step_by(limits::CONNECTIONS_PER_POLL) {
        assert!(client.poll_timeout().0 <= pair.now, "no more than {seen} can have been seen to");
        client.handle_timeout(pair.now);
    }
    let due = client.poll_timeout();
    assert!(due.0 > pair.now, "{due:?}");
}

#[test]
fn clause_10_a_call_that_finds_no_output_checks_at_most_64_connections() {
    let count = 150;
    let mut pair = pairs::connected(count, |config| {
        config.idle_timeout = Duration::from_secs(1);
        config.heartbeat = Duration::from_millis(250);
        config.resume_window = Duration::from_secs(60);
    });
    fn exchange(pair: &mut Pair, is_dark: bool) {
        for _ in 0..30 {
            pair.now += Duration::from_millis(50);
            pair.ends.iter_mut().for_each(|end| end.handle_timeout(pair.now));
            for end in [CLIENT, SERVER, CLIENT, SERVER] {
                for mut datagram in pair.take(end) {
                    if !is_dark {
                        pair.give(1 - end, &mut datagram);
                    }
                }
            }
        }
    }
    exchange(&mut pair, true);
    let is_away = |event: &Event| matches!(event, Event::Interrupted { .. });
    assert_eq!(pair.events(SERVER).iter().filter(|event| is_away(event)).count(), count);
    // All come back, and are gone again before anybody was told.
    exchange(&mut pair, false);
    let server = pair.connections[SERVER][0];
    assert_eq!(pair.ends[SERVER].state(server), ConnectionState::Connected);
    exchange(&mut pair, true);
    // Behind them, one that has something to tell.
    let options = tickwire_core::ConnectOptions::new(pair.ends[CLIENT].public_key());
    let path = SocketAddr::from(([10, 0, 0, 9], 1));
    let last = pair.ends[SERVER].connect(pair.now, path, options).unwrap();
    pair.ends[SERVER].close(pair.now, last, 0, "");
    let server = &mut pair.ends[SERVER];
    for passed in (0..=count - limits::CONNECTIONS_PER_POLL).step_by(limits::CONNECTIONS_PER_POLL) {
        let event = server.poll_event();
        assert!(event.is_none(), "{event:?} behind more than {passed} others");
        assert!(server.poll_timeout().0 <= pair.now, "not due any more");
    }
    assert!(matches!(server.poll_event(), Some(Event::Closed { .. })));
}

#[test]
fn clause_10_each_call_expires_at_most_64_half_open_handshakes() {
    fn expire(count: u8) {
        let mut pair = pairs::new(|_| {});
        for _ in 0..count {
            pair.dial();
        }
        // Two round trips, but for the first Data.
        for _ in 0..2 {
            for mut datagram in pair.take(CLIENT) {
                pair.give(SERVER, &mut datagram);
            }
            for mut datagram in pair.take(SERVER) {
                pair.give(CLIENT, &mut datagram);
            }
        }
        let server = &mut pair.ends[SERVER];
        assert_eq!(server.half_open(), usize::from(count));
        let late = pair.now + Duration::from_secs(11);
        while server.half_open() > 0 {
            let before = server.half_open();
            assert!(server.poll_timeout().0 <= late);
            server.handle_timeout(late);
            let gone = before - server.half_open();
            assert!((1..=limits::TIMERS_PER_CALL).contains(&gone), "{gone}");
        }
    }
    check(10, 100, expire as fn(u8));
}
