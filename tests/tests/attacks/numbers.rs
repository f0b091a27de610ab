//! Packet numbers and clocks at their limits, reused nonces, and replays.

use std::sync::Arc;

use tickwire_core::drop::DropReason;
use tickwire_core::fuzzing::age;
use tickwire_core::limits::REPLAY_WINDOW;
use tickwire_core::wire::MessagePart;
use tickwire_core::{ChannelId, Config, ConnectOptions, Duration, Endpoint, Event, Instant, TimeoutCause};
use tickwire_fuzz::handshake;
use tickwire_fuzz::hostile::{MAX_MESSAGE, config, message_bytes, peer_at};
use tickwire_fuzz::watch::Watched;
use tickwire_sim::pair::{CLIENT, Pair, SERVER, address};
use tickwire_sim::provider::{NonceLog, NullProvider, RecordingProvider};

use super::{ORDERED, UNRELIABLE, drops, is_alive, server};

/// Creates a client and a server that are connected.
fn pair(config: &Config) -> Pair {
    let mut pair = Pair::new(Instant::ZERO, config);
    pair.record();
    pair.connect(1);
    pair
}

fn step(pair: &mut Pair) {
    pair.pass(Duration::from_millis(20));
}

// Row 10 of the table in fuzz/README.md.
#[test]
fn the_largest_packet_numbers_cause_no_overflow() {
    let mut arena = server();
    arena.send(&arena.honest_ack());
    arena.settle();
    assert!(age(&mut arena.tested.endpoint, arena.connection, 10, u64::MAX - 3));
    arena.peer.skip_to(9, u64::MAX - 2);
    for number in [u64::MAX - 2, u64::MAX, u64::MAX - 1] {
        arena.send_as(number, 4, peer_at(0), &[1]);
        arena.settle();
    }
    assert_eq!(arena.reason(), None);
    let before = drops(&arena, DropReason::Replayed);
    for number in [u64::MAX, u64::MAX - 1, u64::MAX - 2, u64::MAX - 3, u64::MAX - REPLAY_WINDOW] {
        arena.send_as(number, 4, peer_at(0), &[1]);
    }
    assert_eq!(drops(&arena, DropReason::Replayed), before + 5);
    // Unauthenticated, whatever number it claims.
    let mut forged = arena.peer.seal(u64::MAX, 4, &[1]);
    for number in 0..=255 {
        forged[4..8].fill(number);
        forged.last_mut().into_iter().for_each(|byte| *byte ^= 1);
        arena.tested.hear(arena.now, peer_at(0), &forged);
    }
    assert_eq!(arena.reason(), None);
    // Ours, too, must not wrap: they end before.
    assert!(arena.tested.endpoint.poll_timeout().0 <= Instant::MAX);
}

// Row 11 of the table in fuzz/README.md.
#[test]
fn messages_arrive_once_while_packet_numbers_cross_the_limits_of_their_truncated_encodings() {
    // One, two, three and four bytes, and the 16 bits of acknowledgements, three times over.
    let edges = [1 << 8, 1 << 16, 2 << 16, 3 << 16, 1 << 24, 1 << 32, 2 << 32, 3 << 32, 1 << 62];
    for edge in edges {
        let mut pair = pair(&config());
        (0..200).for_each(|_| step(&mut pair));
        let start = edge - 30;
        for end in [SERVER, CLIENT] {
            assert!(age(&mut pair.ends[end], pair.connections[end][0], start, start - 1));
        }
        for serial in 0..100u8 {
            pair.send(usize::from(serial & 1), ORDERED, vec![serial; 10]);
            step(&mut pair);
        }
        (0..20).for_each(|_| step(&mut pair));
        assert_eq!(pair.connections.each_ref().map(Vec::len), [1, 1]);
        let serial = |event: &Event| match event {
            Event::Message { data, .. } => Some(data[0]),
            Event::Closed { reason, .. } => panic!("{reason:?}"),
            _ => None,
        };
        let mut serials: Vec<u8> = pair.told.iter().flatten().filter_map(serial).collect();
        serials.sort_unstable();
        assert!(serials.into_iter().eq(0..100), "around {edge}");
    }
}

// Row 12 of the table in fuzz/README.md.
#[test]
fn a_driver_clock_at_either_end_of_its_range_causes_no_panic() {
    let mut pair = pair(&config());
    for now in [Instant::MAX, Instant::ZERO, Instant::MAX - Duration::from_micros(1), Instant::MAX] {
        pair.now = now;
        for end in [SERVER, CLIENT] {
            let connection = pair.connections[end][0];
            let _ = pair.ends[end].send(now, connection, ChannelId(ORDERED), vec![1; 3000]);
            pair.ends[end].handle_timeout(now);
            pair.flush();
        }
    }
    let at_the_end = pair.ends.each_ref().map(Endpoint::poll_timeout);
    assert!(at_the_end.iter().all(|(at, cause)| *at == Instant::MAX && *cause == TimeoutCause::Nothing));
    // An endpoint that begins at the end of time.
    let config = config();
    let secrets = handshake::secrets(&*config.provider);
    let mut late = Endpoint::new(config, secrets, [1; 32], Instant::MAX).unwrap();
    let key = late.public_key();
    late.connect(Instant::ZERO, address(SERVER), ConnectOptions::new(key)).unwrap();
    let mut late = Watched::new(late, MAX_MESSAGE);
    late.vouch(address(SERVER));
    late.settle(Instant::MAX);
}

// Row 21 of the table in fuzz/README.md.
#[test]
fn no_nonce_is_used_again_under_the_same_key_after_a_restart() {
    let log = NonceLog::default();
    let provider = Arc::new(RecordingProvider::new(Arc::new(NullProvider), log.clone()));
    for incarnation in 0..5 {
        let mut config = config();
        config.provider = provider.clone();
        let now = Instant::ZERO;
        let secrets = handshake::secrets(&*provider);
        // Long-lived secrets and clock are the same; the seed is fresh, as the contract asks. The client's is not.
        let seeds = [incarnation, 200 + incarnation % 2];
        let ends = seeds.map(|seed| Endpoint::new(config.clone(), secrets.clone(), [seed; 32], now).unwrap());
        let mut pair = Pair::of(now, ends);
        let connection = pair.dial();
        let message = vec![incarnation; 5000];
        pair.ends[CLIENT].send(now, connection, ChannelId(ORDERED), message).unwrap();
        pair.flush();
        assert_eq!(pair.ends[SERVER].connections().count(), 1);
    }
    assert!(log.counts().sealed >= 30, "{:?}", log.counts());
    assert_eq!(log.counts().repeated, 0);
}

// Row 23 of the table in fuzz/README.md.
#[test]
fn replayed_packets_inside_and_outside_the_replay_window_are_dropped() {
    let mut arena = server();
    let frame = message_bytes(UNRELIABLE, None, MessagePart::Whole, b"once");
    let packets: Vec<Vec<u8>> = (0..3000).map(|_| arena.peer.packet(&frame)).collect();
    for _ in 0..3 {
        for packet in &packets {
            arena.tested.hear(arena.now, peer_at(0), packet);
            arena.settle();
        }
    }
    let messages = arena.events.iter().filter(|event| matches!(event, Event::Message { .. })).count();
    assert_eq!(messages, 3000);
    assert_eq!(drops(&arena, DropReason::Replayed), 6000);
    is_alive(&mut arena);
}
