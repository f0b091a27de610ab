//! Scripts that broke a clause of the contract in the past.

use tickwire_core::{ChannelConfig, ChannelId, CloseReason, Delivery, Duration, Event};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};
use tickwire_tests::allocation;

use crate::script::op::{Fate, How, Op};
use crate::script::pairs;
use crate::script::provider;
use crate::script::world::{Manner, Setup, World};

/// The Hello could not be written because the link had no credit, and its timer stayed due.
#[test]
fn regression_poll_timeout_is_not_due_while_a_hello_waits_for_the_credit_of_its_link() {
    let mut world = World::new(Setup::new(provider::null(), 0));
    world.play(&[Op::Connect { node: 2, to: 1, how: How::Link }]);
    assert!(world.settle(2, 20).is_some());
}

/// The second close dropped the transport on which the CLOSE of the first close was to be sent.
#[test]
fn regression_a_connection_closed_twice_still_sends_its_close() {
    let mut pair = pairs::connected(1, |_| {});
    let client = pair.connections[CLIENT][0];
    for code in [1, 2] {
        pair.ends[CLIENT].close(pair.now, client, code, "");
    }
    for mut datagram in pair.take(CLIENT) {
        pair.give(SERVER, &mut datagram);
    }
    let events = pair.events(SERVER);
    let is_told =
        |event: &Event| matches!(event, Event::Closed { reason: CloseReason::Peer { code: 1, .. }, .. });
    assert!(events.iter().any(is_told), "{events:?}");
    pair.pass(Duration::from_secs(10));
    assert!(pair.ends.iter().all(|end| end.connections().count() == 0));
}

/// The deadline of an incomplete message was kept after `Closed`, and stayed due.
#[test]
fn regression_a_closed_connection_has_no_reassembly_timeout() {
    let script = [
        Op::Connect { node: 1, to: 2, how: How::Ticket },
        Op::Connect { node: 0, to: 2, how: How::Link },
        Op::Send { node: 1, connection: 118, channel: 0, size: 2340 },
        Op::Connect { node: 0, to: 1, how: How::Pinned },
        Op::Run { millis: 0 },
        Op::Fly { place: 124, fate: Fate::Cut(1046) },
        Op::Run { millis: 6 },
        Op::Close { node: 0, connection: 185, gently: false },
        Op::Advance { micros: 119_079_001 },
        Op::Run { millis: 920 },
    ];
    let manner = Manner::CauseOnly;
    let mut world = World::new(Setup { manner, ..Setup::new(provider::null(), 1) });
    world.play(&script);
    world.expect_kept(2);
}

/// A message that was queued before the connection was established expired, and the queue had space again.
#[test]
fn regression_send_ready_is_not_reported_before_connected() {
    let script = [
        Op::Connect { node: 1, to: 2, how: How::Link },
        Op::Fill { node: 1, connection: 0, channel: 4 },
        Op::Run { millis: 300 },
    ];
    let mut world = World::new(Setup::new(provider::null(), 0));
    world.play(&script);
    world.expect_kept(11);
}

/// A connection that ended before its turn to send left an entry in the list of turns.
#[test]
fn regression_send_turns_of_closed_connections_do_not_accumulate() {
    let mut pair = pairs::new(|_| {});
    let round = |pair: &mut Pair| {
        let connection = pair.dial();
        pair.ends[CLIENT].close(pair.now, connection, 0, "");
        pair.events(CLIENT);
    };
    (0..100).for_each(|_| round(&mut pair));
    let ((), allocated) = allocation::during(|| (0..5000).for_each(|_| round(&mut pair)));
    assert!(allocated.live < 10_000, "{allocated:?}");
    assert!(pair.take(CLIENT).is_empty());
}

/// A peer that completed no message for two minutes was treated as a violator, although no datagram reached it.
#[test]
fn regression_a_path_outage_during_a_message_does_not_end_the_session() {
    let mut pair = pairs::connected(1, |config| config.idle_timeout = Duration::from_secs(300));
    pair.send(CLIENT, 0, vec![1; 20_000]);
    let mut first = pair.take(CLIENT).remove(0);
    pair.give(SERVER, &mut first);
    for _ in 0..150 {
        pair.now += Duration::from_secs(1);
        for end in [CLIENT, SERVER] {
            pair.ends[end].handle_timeout(pair.now);
            pair.take(end);
        }
    }
    pair.pass(Duration::from_secs(10));
    assert_eq!(arrived(&pair, 0), 1);
}

/// A peer that sent messages of higher priority instead was treated as a violator too.
#[test]
fn regression_a_message_that_waits_behind_higher_priorities_does_not_end_the_session() {
    let mut pair = pairs::connected(1, |config| {
        config.connection_bandwidth = Some(2000);
        config.channels = vec![ChannelConfig::new(Delivery::ReliableOrdered); 9];
        config.channels[0].priority = 0;
        for channel in &mut config.channels[1..] {
            channel.priority = 7;
            channel.queue_messages = 2;
        }
    });
    let client = pair.connections[CLIENT][0];
    pair.send(CLIENT, 0, vec![1; 100_000]);
    pair.pass(Duration::from_secs(2));
    for _ in 0..200 {
        for channel in 1..9 {
            let _ = pair.ends[CLIENT].send(pair.now, client, ChannelId(channel), vec![2; 1130]);
        }
        pair.pass(Duration::from_secs(1));
    }
    assert_eq!(arrived(&pair, 0), 0, "it was not starved");
    pair.pass(Duration::from_secs(100));
    assert_eq!(arrived(&pair, 0), 1);
}

/// Returns the number of messages delivered to the server's application on a channel of its only connection.
fn arrived(pair: &Pair, channel: u8) -> u64 {
    let server = pair.connections[SERVER][0];
    pair.ends[SERVER].channel_stats(server, ChannelId(channel)).map_or(0, |stats| stats.received.messages)
}
