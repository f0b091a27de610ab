//! Acknowledgements of too much, of nothing, too many, too late or never.

use tickwire_core::event::Violation;
use tickwire_core::fuzzing::{Claims, age};
use tickwire_core::wire::Frame;
use tickwire_core::wire::writers::{AckRanges, write_ack};
use tickwire_core::{ChannelId, Duration, Event, Instant};
use tickwire_fuzz::hostile::{Arena, bytes_of, config, written};

use super::{UNORDERED, UNRELIABLE, closes_for, held_now, is_alive, server};

// Row 7 of the table in fuzz/README.md.
#[test]
fn processing_an_ack_range_over_all_packet_numbers_visits_only_packets_in_flight() {
    let mut arena = server();
    arena.send(&arena.honest_ack());
    arena.settle();
    let sent = 1 << 40;
    assert!(age(&mut arena.tested.endpoint, arena.connection, sent, 1000));
    arena.peer.skip_to(sent - 1, 1001);
    let connection = arena.connection;
    arena.tested.endpoint.send(arena.now, connection, ChannelId(UNORDERED), b"mine".to_vec()).unwrap();
    arena.settle();
    // All of 2^40 at once, and in 32 ranges of billions; a visit to each number would take for ever.
    let mut wide = AckRanges::default();
    wide.insert(sent);
    let one = written(|writer| {
        writer.u8(0x20).unwrap();
        writer.u16(sent as u16).unwrap();
        writer.varint(0).unwrap();
        writer.u24(0).unwrap();
        writer.varint(sent).unwrap();
    });
    let many = written(|writer| {
        writer.u8(0x2f).unwrap();
        writer.varint(16).unwrap();
        writer.u16(sent as u16).unwrap();
        writer.varint(0).unwrap();
        writer.u24(0).unwrap();
        writer.varint(1 << 32).unwrap();
        for _ in 0..31 {
            writer.varint(0).unwrap();
            writer.varint(1 << 32).unwrap();
        }
    });
    for _ in 0..100 {
        arena.send(&one);
        arena.send(&many);
    }
    assert_eq!(arena.tested.endpoint.stats(connection).unwrap().bytes_in_flight, 0);
    is_alive(&mut arena);
}

// Row 8 of the table in fuzz/README.md.
#[test]
fn an_ack_of_an_unsent_packet_closes_the_connection() {
    for ahead in [1, 2, 1000, 32_000] {
        let mut ranges = AckRanges::default();
        ranges.insert(ahead);
        let ack = written(|writer| write_ack(&ranges, Duration::ZERO, Instant::ZERO, None, writer).unwrap());
        closes_for(Violation::AcknowledgedUnsent, &[ack]);
    }
}

// Row 9 of the table in fuzz/README.md.
#[test]
fn an_ack_of_33_ranges_closes_the_connection() {
    let mut arena = server();
    for _ in 0..200 {
        let connection = arena.connection;
        let _ = arena.tested.endpoint.send(arena.now, connection, ChannelId(UNRELIABLE), vec![1; 1000]);
        arena.settle();
        arena.now += Duration::from_millis(50);
        let ack = arena.honest_ack();
        arena.send(&ack);
    }
    // Every other packet, as often as fits a packet, a thousand packets long.
    let mut ranges = AckRanges::default();
    (0..100).step_by(2).for_each(|number| ranges.insert(number));
    let ack = written(|writer| write_ack(&ranges, Duration::ZERO, Instant::ZERO, None, writer).unwrap());
    let flood = ack.repeat(1100 / ack.len());
    (0..1000).for_each(|_| arena.send(&flood));
    is_alive(&mut arena);
    // 32 further ranges: 33.
    let many = [&[0x2f, 17, 0, 0, 0, 0, 0, 0][..], &[0; 65]].concat();
    closes_for(Violation::MalformedFrame, &[many]);
}

// Row 13 of the table in fuzz/README.md.
#[test]
fn the_longest_rtts_and_ack_delays_cause_no_overflow() {
    let claims = Claims { credit: 1 << 62, ack_delay_us: 10_000_000, max_datagram: u16::MAX };
    for jump in [1, 1 << 20, 1 << 40, 1 << 61] {
        let mut arena = Arena::with_client(&config(), Some(claims));
        for round in 0..20u64 {
            let connection = arena.connection;
            let _ = arena.tested.endpoint.send(arena.now, connection, ChannelId(UNORDERED), vec![1; 5000]);
            arena.settle_slowly(100);
            arena.now += Duration::from_micros(jump);
            let delay = if round % 2 == 0 { 0 } else { u64::MAX >> 5 };
            let ranges = arena.received.clone();
            let delay = Duration::from_micros(delay);
            arena.send(&written(|writer| write_ack(&ranges, delay, Instant::MAX, None, writer).unwrap()));
        }
        // Whatever became of the connection, the endpoint is well.
        arena.settle();
    }
}

#[test]
fn an_ack_that_arrives_after_the_closed_event_causes_no_receipt() {
    let mut arena = server();
    let connection = arena.connection;
    arena.tested.endpoint.send(arena.now, connection, ChannelId(UNORDERED), vec![1; 10]).unwrap();
    arena.settle();
    let ack = arena.honest_ack();
    // A frame of no known type ends the connection; what the peer acknowledges later is not heard.
    arena.send(&[0x70]);
    arena.settle();
    arena.send(&ack);
    arena.settle();
    let [.., Event::Closed { unconfirmed, .. }] = &arena.events[..] else { panic!("{:?}", arena.events) };
    assert_eq!(unconfirmed.len(), 1);
    // A receipt that `Closed` waits for comes before it.
    let mut arena = server();
    let connection = arena.connection;
    arena.tested.endpoint.send(arena.now, connection, ChannelId(UNORDERED), vec![1; 10]).unwrap();
    arena.settle();
    arena.tested.endpoint.close(arena.now, connection, 1, "bye");
    arena.settle();
    assert_eq!(arena.reason(), None);
    arena.send(&[arena.honest_ack(), bytes_of(&Frame::Close { code: 1, text: &[] })].concat());
    arena.settle();
    let [.., Event::Delivered { .. }, Event::Closed { unconfirmed, .. }] = &arena.events[..] else {
        panic!("{:?}", arena.events)
    };
    assert!(unconfirmed.is_empty());
}

#[test]
fn the_record_of_sent_packets_stops_growing_if_the_peer_never_sends_an_ack() {
    let mut config = config();
    config.idle_timeout = Duration::from_secs(3000);
    let mut arena = Arena::with_client(&config, None);
    let step = |arena: &mut Arena| {
        for _ in 0..3 {
            arena.send(&[1]);
        }
        arena.settle();
    };
    for _ in 0..9000 {
        step(&mut arena);
    }
    let before = held_now();
    for _ in 0..9000 {
        step(&mut arena);
    }
    // The arena itself remembers each packet number once.
    assert!(held_now() - before < 9000 * 64, "{}", held_now() - before);
    is_alive(&mut arena);
}
