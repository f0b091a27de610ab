//! Attacks that others fell to, each against a whole endpoint. The numbers are the rows of the table in
//! `fuzz/README.md`, which says where the rest of each row is tested.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod heap;

use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::crypto::Provider;
use tickwire_core::drop::DropReason;
use tickwire_core::event::Violation;
use tickwire_core::fuzzing::{Claims, age};
use tickwire_core::limits::{
    BASE_DATAGRAM, HELD_FREE, HELD_PER_RECEIVED, MESSAGE_OVERHEAD, PAGE_LEAST, RECEIVE_WINDOW,
    RELIABLE_WINDOW, REPLAY_WINDOW, UNRELIABLE_REASSEMBLIES, UNRELIABLE_REASSEMBLY_BYTES,
};
use tickwire_core::wire::writers::{AckRanges, write_ack, write_resume};
use tickwire_core::wire::{Frame, Part};
use tickwire_core::{
    Access, ChannelId, CloseReason, Config, ConnectOptions, Delivery, Duration, Ecn, Endpoint, Event,
    Instant, TimeoutCause, VIOLATION_CODES,
};
use tickwire_fuzz::handshake;
use tickwire_fuzz::hostile::{Arena, MAX_MESSAGE, bytes_of, config, message_bytes, peer_at, written};
use tickwire_fuzz::watch::Watched;
use tickwire_sim::provider::{NonceLog, NullProvider, RecordingProvider};

use crate::heap::{held_now, peak_since};

/// Channels, as `tickwire_fuzz::channels::channels` lists them.
const ORDERED: u8 = 0;
const UNORDERED: u8 = 1;
const SEQUENCED: u8 = 2;
const UNRELIABLE: u8 = 3;
const COMPRESSED: u8 = 4;

fn fragment(channel: u8, id: u32, total: u64, offset: u64, data: &[u8]) -> Vec<u8> {
    message_bytes(channel, Some(id), Part::Fragment { total, offset }, data)
}

fn whole(channel: u8, id: u32, data: &[u8]) -> Vec<u8> {
    message_bytes(channel, Some(id), Part::Whole, data)
}

/// A server under attack.
fn server() -> Arena {
    Arena::with_client(&config(), None)
}

/// These packets close the connection for `violation`, and the peer is told which; at a server and at a client.
fn closes_for(violation: Violation, packets: &[Vec<u8>]) {
    for mut arena in [server(), Arena::with_server(&config(), None)] {
        for packet in packets {
            assert_eq!(arena.reason(), None, "closed too early");
            arena.send(packet);
            arena.settle();
        }
        assert_eq!(arena.reason(), Some(&CloseReason::Violation(violation)));
        assert!(arena.closed_with.is_some_and(|code| code >= VIOLATION_CODES));
    }
}

/// The connection still carries a message from its peer.
fn is_alive(arena: &mut Arena) {
    arena.settle();
    assert_eq!(arena.reason(), None);
    arena.send(&message_bytes(UNRELIABLE, None, Part::Whole, b"alive"));
    arena.settle();
    let arrived = |event: &Event| matches!(event, Event::Message { data, .. } if data == "alive");
    assert!(arena.events.iter().any(arrived), "the connection is dead");
}

fn drops(arena: &Arena, reason: DropReason) -> u64 {
    arena.tested.endpoint.drops().of(reason)
}

#[test]
fn row_01_a_fragment_beyond_its_end_closes_the_connection() {
    // No honest writer makes these, so they are spelled out: type, id, total, offset, length, data.
    closes_for(Violation::MalformedFrame, &[vec![0xc0, 0, 0, 0, 4, 4, 1, 9]]);
    closes_for(Violation::MalformedFrame, &[vec![0xc0, 0, 0, 0, 4, 3, 2, 9, 9]]);
}

#[test]
fn row_02_a_total_that_changes_midway_closes_the_connection() {
    let first = |channel| fragment(channel, 0, 1000, 0, &[1; 100]);
    for channel in [ORDERED, UNORDERED, SEQUENCED, UNRELIABLE] {
        for total in [200, 999, 1001] {
            closes_for(Violation::BadFragment, &[first(channel), fragment(channel, 0, total, 150, &[1; 50])]);
        }
    }
    closes_for(Violation::BadFragment, &[first(ORDERED), whole(ORDERED, 0, &[1; 100])]);
}

#[test]
fn row_03_a_huge_total_is_refused_and_a_legal_one_costs_what_was_received() {
    for total in [MAX_MESSAGE as u64 + 1, 1 << 32, u64::MAX - 1] {
        for channel in [ORDERED, SEQUENCED, UNRELIABLE] {
            closes_for(Violation::MessageTooLarge, &[fragment(channel, 0, total, 0, &[1])]);
        }
    }
    let mut arena = server();
    let before = held_now();
    for id in 0..100 {
        arena.send(&fragment(UNORDERED, id, MAX_MESSAGE as u64, 0, &[1]));
    }
    // 100 claims of 20,000 bytes each; 100 bytes came, each on the smallest page.
    assert!(arena.tested.endpoint.memory() <= 100 * (2 * MESSAGE_OVERHEAD + PAGE_LEAST as u64));
    assert!(held_now() - before < 64 << 10, "{}", held_now() - before);
    is_alive(&mut arena);
}

#[test]
fn row_04_fragments_that_are_never_finished_are_few_and_expire_or_are_bounded_by_credit() {
    let mut arena = server();
    // A page has less than twice the bytes on it.
    let beginning = 2 * (1100 + MESSAGE_OVERHEAD);
    let before = held_now();
    for id in 0..1000 {
        arena.send(&fragment(UNRELIABLE, id, MAX_MESSAGE as u64, 0, &[1; 1100]));
        let most = UNRELIABLE_REASSEMBLY_BYTES.min(UNRELIABLE_REASSEMBLIES as u64 * beginning);
        let (held, heard) = (arena.tested.endpoint.memory(), arena.tested.heard_bytes());
        assert!(held <= most.min(HELD_PER_RECEIVED as u64 * heard), "{held} for {heard}");
    }
    // Of those that gave way nothing stays but numbers of packets.
    assert!(held_now() - before < 64 << 10, "{}", held_now() - before);
    arena.now += Duration::from_secs(6);
    arena.settle();
    assert_eq!(arena.tested.endpoint.memory(), 0);
    // Reliable ones stay, since an honest sender may be late: they use up credit.
    let before = held_now();
    let beginnings = RECEIVE_WINDOW / (MAX_MESSAGE as u64 + MESSAGE_OVERHEAD);
    for id in 0..beginnings {
        arena.send(&fragment(UNORDERED, id as u32, MAX_MESSAGE as u64, 0, &[1; 1100]));
    }
    let held = arena.tested.endpoint.memory();
    assert!(held <= RECEIVE_WINDOW.min(beginnings * beginning), "{held}");
    for _ in 0..130 {
        arena.now += Duration::from_secs(1);
        arena.send(&[1]);
        arena.settle();
    }
    assert_eq!((arena.reason(), arena.tested.endpoint.memory()), (None, held));
    assert!(held_now() - before <= 2 * RECEIVE_WINDOW as i64, "{}", held_now() - before);
    arena.send(&fragment(UNORDERED, beginnings as u32, MAX_MESSAGE as u64, 0, &[1; 1100]));
    arena.settle();
    assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::CreditExceeded)));
    assert_eq!(arena.tested.endpoint.memory(), 0);
}

#[test]
fn row_05_a_length_that_lies_closes_the_connection() {
    for frame in [
        vec![0x80, 0, 0, 0, 5, 1, 2, 3, 4],
        vec![0xe3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        vec![0xc0, 0, 0, 0, 100, 0, 100, 1],
        vec![2, 0, 0, 200, b'a'],
        vec![6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x10, 1],
        // Texts and tickets are shorter than that.
        [&[2, 0, 0, 0x81, 4][..], &[b'a'; 257]].concat(),
    ] {
        closes_for(Violation::MalformedFrame, &[frame]);
    }
}

#[test]
fn row_06_a_message_full_of_gaps_holds_bounded_memory() {
    let mut config = config();
    config.max_message = 1 << 20;
    let mut arena = Arena::with_client(&config, None);
    let before = held_now();
    let mut frames = Vec::new();
    let mut sent = 0;
    // One byte in two of a mebibyte, each a piece of its own, 100 to a packet.
    for offset in (0..1u64 << 20).step_by(2) {
        frames.extend(fragment(ORDERED, 0, 1 << 20, offset, &[1]));
        if frames.len() > 1100 {
            sent += frames.len();
            arena.send(&std::mem::take(&mut frames));
            let (held, heard) = (arena.tested.endpoint.memory(), arena.tested.heard_bytes());
            let most = HELD_PER_RECEIVED as u64 * heard + HELD_FREE as u64;
            assert!(held <= most, "{held} for {heard}");
        }
    }
    let window = 2 * ((1u64 << 20) + MESSAGE_OVERHEAD);
    let memory = arena.tested.endpoint.memory();
    assert!(memory <= 4 * window + 2000, "{memory}");
    // What the core counts is what the heap holds, within a factor of two.
    assert!(held_now() - before <= 2 * 4 * window as i64, "{} for {sent}", held_now() - before);
    assert!(drops(&arena, DropReason::NoRoom) > 0, "beyond the bound, packets are not taken");
    arena.tested.endpoint.close(arena.now, arena.connection, 1, "");
    arena.settle();
    assert_eq!(arena.tested.endpoint.memory(), 0);
    assert!(held_now() - before < 256 << 10, "something is left: {}", held_now() - before);
}

#[test]
fn row_07_a_range_as_wide_as_all_numbers_visits_what_is_in_flight_only() {
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

#[test]
fn row_08_an_acknowledgement_of_what_was_never_sent_closes_the_connection() {
    for ahead in [1, 2, 1000, 32_000] {
        let mut ranges = AckRanges::default();
        ranges.insert(ahead);
        let ack = written(|writer| write_ack(&ranges, Duration::ZERO, Instant::ZERO, None, writer).unwrap());
        closes_for(Violation::AcknowledgedUnsent, &[ack]);
    }
}

#[test]
fn row_09_a_flood_of_acknowledgements_costs_little_and_too_many_ranges_close_the_connection() {
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

#[test]
fn row_10_packet_numbers_at_the_end_of_all_numbers_overflow_nothing() {
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

/// A client and a server that are connected.
struct Two {
    now: Instant,
    ends: [Watched; 2],
    connections: [tickwire_core::ConnectionId; 2],
    messages: Vec<Vec<u8>>,
}

impl Two {
    fn new(config: &Config) -> Self {
        let now = Instant::ZERO;
        let secrets = handshake::secrets(&*config.provider);
        let end = |seed| {
            let endpoint = Endpoint::new(config.clone(), secrets.clone(), [seed; 32], now).unwrap();
            Watched::new(endpoint, config.max_message)
        };
        let mut ends = [end(1), end(2)];
        let options = ConnectOptions::new(ends[0].endpoint.public_key());
        let client = ends[1].connect(now, place(0), options).unwrap();
        let mut two = Self { now, ends, connections: [client; 2], messages: Vec::new() };
        (0..20).for_each(|_| two.step());
        two.connections[0] = two.ends[0].endpoint.connections().next().unwrap();
        two
    }

    fn step(&mut self) {
        for end in [1, 0] {
            let output = self.ends[end].settle(self.now);
            for (_, datagram) in output.datagrams {
                self.ends[1 - end].hear(self.now, place(end), &datagram);
            }
            self.messages.extend(output.events.into_iter().filter_map(|event| match event {
                Event::Message { data, .. } => Some(data.to_vec()),
                Event::Closed { reason, .. } => panic!("{reason:?}"),
                _ => None,
            }));
        }
        self.now += Duration::from_millis(20);
    }

    fn send(&mut self, end: usize, channel: u8, message: Vec<u8>) {
        let connection = self.connections[end];
        self.ends[end].endpoint.send(self.now, connection, ChannelId(channel), message).unwrap();
    }
}

fn place(end: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + end as u8], 7777))
}

#[test]
fn row_11_packet_numbers_cross_every_edge_of_their_short_forms() {
    // One, two, three and four bytes, and the 16 bits of acknowledgements, three times over.
    let edges = [1 << 8, 1 << 16, 2 << 16, 3 << 16, 1 << 24, 1 << 32, 2 << 32, 3 << 32, 1 << 62];
    for edge in edges {
        let mut two = Two::new(&config());
        (0..200).for_each(|_| two.step());
        let start = edge - 30;
        assert!(age(&mut two.ends[0].endpoint, two.connections[0], start, start - 1));
        assert!(age(&mut two.ends[1].endpoint, two.connections[1], start, start - 1));
        for serial in 0..100u8 {
            two.send(usize::from(serial & 1), ORDERED, vec![serial; 10]);
            two.step();
        }
        (0..20).for_each(|_| two.step());
        let mut serials: Vec<u8> = two.messages.iter().map(|message| message[0]).collect();
        serials.sort_unstable();
        assert!(serials.into_iter().eq(0..100), "around {edge}");
    }
}

#[test]
fn row_12_clocks_at_their_ends_saturate() {
    let mut two = Two::new(&config());
    for now in [Instant::MAX, Instant::ZERO, Instant::MAX - Duration::from_micros(1), Instant::MAX] {
        for end in 0..2 {
            let connection = two.connections[end];
            let watched = &mut two.ends[end];
            let _ = watched.endpoint.send(now, connection, ChannelId(ORDERED), vec![1; 3000]);
            watched.endpoint.handle_timeout(now);
            let output = watched.settle(now);
            for (_, datagram) in output.datagrams {
                two.ends[1 - end].hear(now, place(end), &datagram);
            }
        }
    }
    let at_the_end = two.ends.each_ref().map(|end| end.endpoint.poll_timeout());
    assert!(at_the_end.iter().all(|(at, cause)| *at == Instant::MAX && *cause == TimeoutCause::Nothing));
    // An endpoint that begins at the end of time.
    let config = config();
    let secrets = handshake::secrets(&*config.provider);
    let mut late = Endpoint::new(config, secrets, [1; 32], Instant::MAX).unwrap();
    let key = late.public_key();
    late.connect(Instant::ZERO, place(0), ConnectOptions::new(key)).unwrap();
    let mut late = Watched::new(late, MAX_MESSAGE);
    late.vouch(place(0));
    late.settle(Instant::MAX);
}

#[test]
fn row_13_round_trips_and_delays_as_long_as_numbers_go_overflow_nothing() {
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
fn row_14_every_datagram_of_a_handshake_may_be_cut_or_changed_anywhere() {
    for datagram in tickwire_fuzz::traffic::datagrams().iter().filter(|datagram| datagram[0] < 8) {
        for length in 0..datagram.len().min(200) {
            handshake::handshake_messages(&datagram[..length]);
        }
        for bit in 0..8 * datagram.len().min(200) {
            let mut changed = datagram.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            handshake::handshake_messages(&changed);
        }
    }
}

#[test]
fn row_15_an_empty_datagram_is_ignored() {
    let mut arena = server();
    arena.tested.hear(arena.now, peer_at(0), &[]);
    assert_eq!(drops(&arena, DropReason::TooShort), 1);
    arena.send(&[]);
    is_alive(&mut arena);
}

#[test]
fn row_16_an_oversized_datagram_is_ignored() {
    let mut arena = server();
    for length in [1201, 1472, 9000, 65_507, 65_535, 65_536, 100_000] {
        for first in 0..16 {
            let mut datagram = vec![0; length];
            datagram[0] = first;
            arena.tested.endpoint.handle_datagram(arena.now, peer_at(9), Ecn::NotCapable, &mut datagram);
        }
    }
    arena.tested.vouch(peer_at(9));
    assert_eq!(arena.tested.endpoint.drops().total(), 7 * 16);
    // A large one that is authentic is read.
    arena.send(&[0; 60_000]);
    is_alive(&mut arena);
}

#[test]
fn row_17_unknown_types_are_ignored_outside_and_close_the_connection_inside() {
    let mut arena = server();
    for first in (0..4).chain(16..=255) {
        let datagram = [first; 40];
        arena.tested.hear(arena.now, peer_at(0), &datagram);
    }
    for second in 4..=255 {
        arena.tested.hear(arena.now, peer_at(0), &[[7, second].as_slice(), &[0; 40]].concat());
    }
    assert_eq!(drops(&arena, DropReason::UnknownType), 4 + 240 + 252);
    is_alive(&mut arena);
    for kind in (0x09..0x20).chain(0x41..0x50).chain(0x51..0x80) {
        closes_for(Violation::MalformedFrame, &[vec![kind; 20]]);
    }
}

#[test]
fn row_18_every_beginning_of_every_datagram_is_ignored() {
    let mut arena = server();
    let packet = arena.peer.packet(&whole(ORDERED, 0, b"once"));
    for length in 0..packet.len() {
        arena.tested.hear(arena.now, peer_at(0), &packet[..length]);
    }
    for datagram in tickwire_fuzz::traffic::datagrams().iter().take(60) {
        for length in 0..datagram.len().min(80) {
            arena.tested.hear(arena.now, peer_at(0), &datagram[..length]);
        }
    }
    arena.settle();
    assert!(!arena.events.iter().any(|event| matches!(event, Event::Message { .. })));
    is_alive(&mut arena);
}

#[test]
fn row_19_offsets_that_overflow_close_the_connection() {
    for (total, offset) in [(u64::MAX, u64::MAX), (u64::MAX, u64::MAX - 1), (100, u64::MAX), (100, 1 << 63)] {
        let frame = written(|writer| {
            writer.bytes(&[0xc0, 0, 0, 0]).unwrap();
            writer.varint(total).unwrap();
            writer.varint(offset).unwrap();
            writer.sized(&[1, 2]).unwrap();
        });
        closes_for(Violation::MalformedFrame, &[frame]);
    }
}

#[test]
fn row_20_empty_pieces_are_refused_and_empty_messages_are_bounded() {
    closes_for(Violation::MalformedFrame, &[vec![0xc0, 0, 0, 0, 4, 2, 0]]);
    closes_for(Violation::MalformedFrame, &[vec![0xc3, 0, 0, 0, 0, 0, 0]]);
    // 500 empty messages in a packet cost their overhead; nobody takes them.
    let mut arena = server();
    let frames = [0xe3, 0].repeat(500);
    for _ in 0..2000 {
        arena.send(&frames);
        arena.settle_slowly(0);
    }
    assert!(arena.tested.endpoint.memory() <= 1 << 20);
    // Reliable ones run out of credit.
    let mut id = 0u32;
    while drops(&arena, DropReason::Violation) == 0 && id < 100_000 {
        // Each goes on where the one before ended.
        arena.send(&[whole(UNORDERED, id, b""), [0xa0 | UNORDERED, 0].repeat(199)].concat());
        id += 200;
        arena.settle_slowly(0);
    }
    assert!(u64::from(id) <= (2 << 20) / MESSAGE_OVERHEAD + 200, "{id}");
    arena.settle();
    assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::CreditExceeded)));
}

#[test]
fn row_21_no_nonce_is_used_again_after_a_restart() {
    let log = NonceLog::default();
    let provider = Arc::new(RecordingProvider::new(Arc::new(NullProvider), log.clone()));
    for incarnation in 0..5 {
        let mut config = config();
        config.provider = provider.clone();
        let now = Instant::ZERO;
        let secrets = handshake::secrets(&*provider);
        // Long-lived secrets and clock are the same; the seed is fresh, as the contract asks. The client's is not.
        let mut server = Endpoint::new(config.clone(), secrets.clone(), [incarnation; 32], now).unwrap();
        let mut client = Endpoint::new(config, secrets, [200 + incarnation % 2; 32], now).unwrap();
        let connection = client.connect(now, place(0), ConnectOptions::new(server.public_key())).unwrap();
        client.send(now, connection, ChannelId(ORDERED), vec![incarnation; 5000]).unwrap();
        let mut buffer = [0; 8192];
        for _ in 0..10 {
            while let Some(transmit) = client.poll_transmit(now, &mut buffer) {
                for datagram in transmit.datagrams(&buffer) {
                    server.handle_datagram(now, place(1), Ecn::NotCapable, &mut datagram.to_vec());
                }
            }
            while let Some(transmit) = server.poll_transmit(now, &mut buffer) {
                for datagram in transmit.datagrams(&buffer) {
                    client.handle_datagram(now, place(0), Ecn::NotCapable, &mut datagram.to_vec());
                }
            }
        }
        assert_eq!(server.connections().count(), 1);
    }
    assert!(log.counts().sealed >= 30, "{:?}", log.counts());
    assert_eq!(log.counts().repeated, 0);
}

#[test]
fn row_22_what_is_not_authentic_moves_nothing() {
    let mut arena = server();
    let genuine = arena.peer.seal(5, 1, &whole(ORDERED, 0, b"genuine"));
    let stats = arena.tested.endpoint.stats(arena.connection).unwrap();
    let due = arena.tested.endpoint.poll_timeout();
    // Any number, any phase, from here and from elsewhere: none of them opens.
    for change in 0..=255u8 {
        let mut forged = genuine.clone();
        forged[0] = 8 | change & 7;
        forged[4] = change;
        forged.last_mut().into_iter().for_each(|byte| *byte ^= 0x55);
        arena.tested.hear(arena.now, peer_at(change & 1), &forged);
    }
    // One of them claims the number of the packet that was there already.
    assert_eq!(drops(&arena, DropReason::NotAuthentic) + drops(&arena, DropReason::Replayed), 256);
    let after = arena.tested.endpoint.stats(arena.connection).unwrap();
    assert_eq!(format!("{after:?}"), format!("{stats:?}"));
    assert_eq!(arena.tested.endpoint.address(arena.connection), Some(peer_at(0).into()));
    // Only the answers to whoever may have met an earlier life of this server wait to be sent.
    while arena.tested.endpoint.poll_transmit(arena.now, &mut [0; 2048]).is_some() {}
    assert_eq!(arena.tested.endpoint.poll_timeout(), due);
    // One byte of its number is enough still: the highest number did not move.
    arena.tested.hear(arena.now, peer_at(0), &genuine);
    arena.settle();
    assert!(
        arena.events.iter().any(|event| matches!(event, Event::Message { data, .. } if data == "genuine"))
    );
}

#[test]
fn row_23_replays_inside_and_outside_the_window_are_dropped() {
    let mut arena = server();
    let frame = message_bytes(UNRELIABLE, None, Part::Whole, b"once");
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

/// Hellos of clients that hold tickets, or none, with their own padding.
fn hello(config: &Config, ticket: Option<u8>, server_key: [u8; 32], seed: u8) -> Vec<u8> {
    let secrets = handshake::secrets(&*config.provider);
    let mut client = Endpoint::new(config.clone(), secrets, [seed; 32], Instant::ZERO).unwrap();
    let mut options = ConnectOptions::new(server_key);
    if let Some(serial) = ticket {
        let life = Duration::from_secs(60);
        options = options.ticket(handshake::ticket(Arc::clone(&config.provider), serial, life));
    }
    client.connect(Instant::ZERO, place(0), options).unwrap();
    let mut buffer = [0; 2048];
    let transmit = client.poll_transmit(Instant::ZERO, &mut buffer).unwrap();
    buffer[..transmit.size].to_vec()
}

fn listening(access: Access, change: impl FnOnce(&mut Config)) -> (Config, Watched) {
    let provider: Arc<dyn Provider> = Arc::new(NullProvider);
    let mut config = handshake::config(provider, access);
    change(&mut config);
    let secrets = handshake::secrets(&*config.provider);
    let endpoint = Endpoint::new(config.clone(), secrets, [1; 32], Instant::ZERO).unwrap();
    (config, Watched::new(endpoint, 1 << 20))
}

fn source(index: u32) -> SocketAddr {
    let [a, b, c, d] = (0x0b00_0000 + index).to_be_bytes();
    SocketAddr::from(([a, b, c, d], 5000))
}

#[test]
fn row_24_a_ticket_works_once_and_copies_meet_silence() {
    let (config, mut server) = listening(Access::Tickets, |_| {});
    let key = server.endpoint.public_key();
    let hello = hello(&config, Some(1), key, 7);
    let now = Instant::ZERO;
    // A thief sends a copy from elsewhere: it gets the same Welcome, which it cannot read.
    server.hear(now, source(1), &hello);
    server.hear(now, source(2), &hello);
    let first = server.settle(now).datagrams;
    assert_eq!(first.len(), 2);
    assert_eq!(first[0].1, first[1].1);
    assert_eq!(server.endpoint.half_open(), 1);
    assert_eq!(server.endpoint.connections().count(), 0);
    // Without Data nothing comes of it, and once it is forgotten the ticket still works: it was not burnt.
    let later = now + Duration::from_secs(11);
    server.settle(later);
    assert_eq!(server.endpoint.half_open(), 0);
    server.hear(later, source(1), &hello);
    assert_eq!(server.settle(later).datagrams.len(), 1);
}

#[test]
fn row_26_hellos_without_a_ticket_leave_nothing_behind() {
    let (config, mut server) = listening(Access::Tickets, |_| {});
    let key = server.endpoint.public_key();
    let mut hello = hello(&config, None, key, 7);
    let now = Instant::ZERO;
    for index in 0..1000 {
        server.endpoint.handle_datagram(now, source(index), Ecn::NotCapable, &mut hello);
    }
    let before = held_now();
    for index in 0..20_000 {
        server.endpoint.handle_datagram(now, source(index), Ecn::NotCapable, &mut hello);
    }
    assert_eq!(held_now() - before, 0);
    assert_eq!(server.endpoint.half_open(), 0);
    assert!(server.settle(now).datagrams.is_empty());
    // In open access, a Retry each; nothing is kept either.
    let (config, mut server) = listening(Access::Open, |_| {});
    let mut hello = self::hello(&config, None, server.endpoint.public_key(), 7);
    let mut buffer = [0; 2048];
    let mut flood = |server: &mut Watched, from: u32, to: u32| {
        for index in from..to {
            server.endpoint.handle_datagram(now, source(index), Ecn::NotCapable, &mut hello);
            let transmit = server.endpoint.poll_transmit(now, &mut buffer).unwrap();
            assert!(transmit.size < BASE_DATAGRAM / 40);
        }
    };
    flood(&mut server, 0, 1000);
    let before = held_now();
    flood(&mut server, 0, 20_000);
    assert_eq!(held_now() - before, 0);
    assert_eq!((server.endpoint.half_open(), server.endpoint.connections().count()), (0, 0));
}

#[test]
fn row_27_silent_clients_take_no_place() {
    let (config, mut server) = listening(Access::Tickets, |config| config.max_connections = 1);
    let key = server.endpoint.public_key();
    let now = Instant::ZERO;
    for serial in 1..60 {
        server.hear(now, source(serial.into()), &hello(&config, Some(serial), key, serial));
    }
    server.settle(now);
    assert_eq!(server.endpoint.half_open(), 59);
    assert_eq!(server.endpoint.connections().count(), 0);
    server.settle(now + Duration::from_secs(11));
    assert_eq!(server.endpoint.half_open(), 0);
    let (_, mut open) = listening(Access::Open, |config| config.max_connections = 1);
    let peer = tickwire_core::fuzzing::HostilePeer::dial(
        now,
        &handshake::config(Arc::new(NullProvider), Access::Open),
        None,
        tickwire_core::fuzzing::Proof::Open,
        &mut open.endpoint,
        source(1),
        [9; 32],
    );
    assert!(peer.is_some());
    assert_eq!((open.endpoint.half_open(), open.endpoint.connections().count()), (1, 0));
}

#[test]
fn row_28_no_answer_is_larger_than_its_cause() {
    for access in [Access::Open, Access::Tickets, Access::Closed] {
        // `Watched` keeps the account of every address, over all that arrives.
        let (_, mut server) = listening(access, |config| config.cookie_threshold = 2);
        for (index, datagram) in (0..).zip(tickwire_fuzz::traffic::datagrams().iter().take(200)) {
            for length in [datagram.len(), BASE_DATAGRAM, 13, 14, 45, 46] {
                let mut datagram = datagram.clone();
                datagram.resize(length, 0);
                server.hear(Instant::ZERO, source(index), &datagram);
                server.settle(Instant::ZERO);
            }
        }
    }
}

#[test]
fn row_29_forged_closes_and_resets_end_nothing_and_answers_shrink() {
    let mut arena = server();
    let mut forged = arena.peer.packet(&bytes_of(&Frame::Close { code: 1, text: b"bye" }));
    forged.last_mut().into_iter().for_each(|byte| *byte ^= 1);
    arena.tested.hear(arena.now, peer_at(0), &forged);
    is_alive(&mut arena);
    // An Unknown that echoes nothing that was sent, to a client: no second handshake.
    let mut arena = Arena::with_server(&config(), None);
    let id = arena.peer.remote_id().to_le_bytes();
    for tail in 0..=255 {
        arena.tested.hear(arena.now, peer_at(0), &[&[7, 0][..], &id[..3], &[tail; 8]].concat());
        arena.tested.hear(arena.now, peer_at(0), &[&[7, 0, 1, 0, 0][..], &[tail; 8]].concat());
    }
    let output = arena.tested.settle(arena.now);
    assert!(output.datagrams.iter().all(|(_, datagram)| datagram[0] >= 8), "it dials again");
    assert_eq!(arena.reason(), None);
    // Data for nobody is answered with less, and that with nothing: no two ends answer each other for ever.
    let (_, mut one) = listening(Access::Open, |_| {});
    let (_, mut other) = listening(Access::Open, |_| {});
    let (mut size, mut answers) = (40, 0);
    let mut datagram = vec![9; size];
    for turn in 0..10 {
        let server = if turn % 2 == 0 { &mut one } else { &mut other };
        server.hear(Instant::ZERO, source(1), &datagram);
        let Some((_, answer)) = server.settle(Instant::ZERO).datagrams.pop() else { break };
        assert!(answer.len() < size);
        (size, datagram, answers) = (answer.len(), answer, answers + 1);
    }
    assert_eq!(answers, 1);
    // And not without end, neither for one source nor for all of them.
    for (sources, most) in [(1, 50), (4000, 2000)] {
        let (_, mut server) = listening(Access::Open, |_| {});
        let mut sent = 0;
        for index in 0..4000 {
            server.hear(Instant::ZERO, source(index % sources), &[9; 40]);
            sent += server.settle(Instant::ZERO).datagrams.len();
        }
        assert_eq!(sent.min(most), sent, "answers in no time to {sources} sources");
        assert!(sent > most / 2);
        assert_eq!(server.endpoint.drops().total(), 4000);
    }
}

#[test]
fn row_30_a_new_address_is_challenged_before_anything_else_goes_there() {
    let mut arena = server();
    let connection = arena.connection;
    arena.tested.endpoint.send(arena.now, connection, ChannelId(ORDERED), vec![1; 15_000]).unwrap();
    // A packet that somebody on the path sends on from elsewhere, before the genuine one arrives.
    let packet = arena.peer.packet(&[1]);
    arena.tested.hear(arena.now, peer_at(66), &packet);
    let output = arena.tested.settle(arena.now);
    let there: Vec<_> = output.datagrams.iter().filter(|(to, _)| *to == peer_at(66).into()).collect();
    let said: usize = there.iter().map(|(_, datagram)| datagram.len()).sum();
    assert!(said <= packet.len(), "{said} bytes for {}", packet.len());
    assert_eq!(arena.tested.endpoint.address(connection), Some(peer_at(0).into()));
    assert!(output.datagrams.len() > there.len(), "the old address is served");
    // A guessed answer moves nobody; the genuine peer's next packet ends the challenge.
    arena.send_as(arena.peer.next, 4, peer_at(66), &bytes_of(&Frame::Response([0; 8])));
    arena.settle();
    assert_eq!(arena.tested.endpoint.address(connection), Some(peer_at(0).into()));
    assert!(!arena.events.iter().any(|event| matches!(event, Event::Moved { .. })));
    is_alive(&mut arena);
}

#[test]
fn row_31_no_datagram_but_one_probe_to_an_unmeasured_path_is_larger_than_1200_bytes() {
    let claims = Claims { credit: 1 << 40, ack_delay_us: 0, max_datagram: u16::MAX };
    let mut arena = Arena::with_client(&config(), Some(claims));
    for least in [false, true] {
        let connection = arena.connection;
        arena.tested.endpoint.send(arena.now, connection, ChannelId(ORDERED), vec![1; 20_000]).unwrap();
        let output = arena.tested.settle(arena.now);
        let mut sizes: Vec<usize> = output.datagrams.iter().map(|(_, datagram)| datagram.len()).collect();
        sizes.sort_unstable();
        if !least {
            // The probe carries nothing, and asks for as much as Ethernet takes.
            assert_eq!(sizes.pop(), Some(1472));
        }
        assert_eq!(sizes.pop(), Some(if least { 700 } else { BASE_DATAGRAM }));
        // A peer that takes less gets less.
        arena = Arena::with_client(&config(), Some(Claims { max_datagram: 700, ..claims }));
    }
}

#[test]
fn row_37_a_compressed_message_that_lies_costs_nothing() {
    let mut arena = server();
    let before = held_now();
    // A block of 1000 bytes that claims to hold the largest message, and does not.
    let claim = written(|writer| {
        writer.u8(1).unwrap();
        writer.varint(MAX_MESSAGE as u64).unwrap();
        writer.bytes(&[0xff; 1000]).unwrap();
    });
    let peak = peak_since(|| arena.send(&whole(COMPRESSED, 0, &claim)));
    assert!(peak < 2 * MAX_MESSAGE as i64, "{peak}");
    arena.settle();
    assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::InvalidMessages)));
    // More than any message may have, or than a block of its size can hold: refused unseen.
    for claimed in [MAX_MESSAGE as u64 + 1, 1 << 30, u64::MAX] {
        let mut arena = server();
        let block = written(|writer| {
            writer.u8(1).unwrap();
            writer.varint(claimed).unwrap();
            writer.bytes(&[0xff; 100]).unwrap();
        });
        let peak = peak_since(|| arena.send(&whole(COMPRESSED, 0, &block)));
        assert!(peak < 16 << 10, "{peak} for a claim of {claimed}");
        arena.settle();
        assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::InvalidMessages)));
    }
    assert!(held_now() - before < 1 << 20);
}

#[test]
fn row_39_connection_ids_that_an_attacker_chooses_find_one_slot_or_none() {
    let (_, mut server) = listening(Access::Open, |_| {});
    let unknown = |server: &Watched| server.endpoint.drops().of(DropReason::UnknownConnection);
    for id in (0..1u32 << 24).step_by(997) {
        let [a, b, c, _] = id.to_le_bytes();
        let mut datagram = [8, a, b, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];
        server.endpoint.handle_datagram(Instant::ZERO, source(id), Ecn::NotCapable, &mut datagram);
    }
    assert_eq!(unknown(&server), (1u64 << 24).div_ceil(997));
    assert_eq!(server.endpoint.memory(), 0);
}

#[test]
fn a_reliable_sender_beyond_its_credit_is_cut_off() {
    let mut arena = server();
    let mut id = 0;
    while drops(&arena, DropReason::Violation) == 0 && id < 1000 {
        arena.send(&fragment(UNORDERED, id, MAX_MESSAGE as u64, 0, &[1]));
        arena.settle_slowly(0);
        id += 1;
    }
    arena.settle();
    assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::CreditExceeded)));
    assert!(u64::from(id) <= (2 << 20) / MAX_MESSAGE as u64 + 1);
}

#[test]
fn frames_that_their_channel_does_not_know_close_the_connection() {
    closes_for(Violation::BadChannel, &[whole(6, 0, b"x")]);
    closes_for(Violation::BadChannel, &[message_bytes(ORDERED, None, Part::Whole, b"x")]);
    closes_for(Violation::BadChannel, &[message_bytes(SEQUENCED, None, Part::Whole, b"x")]);
    closes_for(Violation::BadChannel, &[whole(UNRELIABLE, 0, b"x")]);
    // A message number beyond the window is begun without credit, whatever it costs. The last one of the window is no fault.
    for channel in [ORDERED, UNORDERED] {
        for beyond in [RELIABLE_WINDOW, RELIABLE_WINDOW + 1, (1 << 23) - 1] {
            closes_for(Violation::CreditExceeded, &[whole(channel, beyond, b"x")]);
        }
        let mut arena = server();
        let before = held_now();
        arena.send(&whole(channel, RELIABLE_WINDOW - 1, b"x"));
        is_alive(&mut arena);
        // The 16,383 numbers before it take less than 8 KiB.
        assert!(held_now() - before < 8 << 10, "{}", held_now() - before);
    }
}

#[test]
fn an_acknowledgement_after_closed_was_told_makes_no_receipt() {
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
fn resume_state_that_nobody_asked_for_or_that_contradicts_closes_the_connection() {
    let resume = |floor| {
        written(|writer| {
            let ranges = std::iter::empty();
            write_resume(writer, ChannelId(ORDERED), floor, ranges).unwrap();
        })
    };
    closes_for(Violation::BadResume, &[resume(0)]);
    // A session that is resumed: the peer claims messages that were never sent.
    let mut arena = server();
    arena.send(&arena.honest_ack());
    arena.settle();
    assert!(arena.resume(9), "no way back in");
    arena.settle();
    let resumed = |event: &Event| matches!(event, Event::Resumed { .. });
    assert!(arena.events.iter().any(resumed));
    arena.send(&resume(7));
    arena.settle();
    assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::BadResume)));
}

#[test]
fn a_close_whose_text_is_no_text_is_shown_all_the_same() {
    let mut arena = server();
    arena.send(&bytes_of(&Frame::Close { code: 0xfffd, text: &[0xff, 0xc0, b'x', 0xed, 0xa0, 0x80] }));
    arena.settle();
    let Some(CloseReason::Peer { code: 0xfffd, text }) = arena.reason() else {
        panic!("{:?}", arena.reason())
    };
    assert!(text.raw().contains('x') && text.raw().contains('\u{fffd}'));
}

#[test]
fn a_peer_that_never_acknowledges_but_goes_on_asking_makes_the_record_grow_no_further() {
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

#[test]
fn a_second_violation_while_closing_changes_nothing() {
    let mut arena = server();
    let packets = [arena.peer.packet(&[0x70]), arena.peer.packet(&[0x71]), arena.peer.packet(&[0x72])];
    for packet in packets {
        arena.tested.hear(arena.now, peer_at(0), &packet);
    }
    arena.settle();
    assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::MalformedFrame)));
    assert_eq!(arena.closed_with, Some(VIOLATION_CODES));
    for _ in 0..20 {
        arena.now += Duration::from_secs(1);
        arena.send(&[0x70]);
        arena.settle();
    }
    arena.tested.expect_nothing_left();
}

#[test]
fn the_channels_here_are_what_their_names_say() {
    let deliveries: Vec<Delivery> = config().channels.iter().map(|channel| channel.delivery).collect();
    let expected = [
        (ORDERED, Delivery::ReliableOrdered),
        (UNORDERED, Delivery::ReliableUnordered),
        (SEQUENCED, Delivery::Sequenced),
    ];
    assert!(expected.iter().all(|(place, delivery)| deliveries[usize::from(*place)] == *delivery));
    assert_eq!(deliveries[usize::from(UNRELIABLE)], Delivery::Unreliable);
    assert!(config().channels[usize::from(COMPRESSED)].compress);
}
