//! Fragments with a false length, offset, end or content.

use tickwire_core::drop::DropReason;
use tickwire_core::event::Violation;
use tickwire_core::limits::{
    HELD_FREE, HELD_PER_RECEIVED, MESSAGE_OVERHEAD, PAGE_LEAST, RECEIVE_WINDOW, UNRELIABLE_REASSEMBLIES,
    UNRELIABLE_REASSEMBLY_BYTES,
};
use tickwire_core::wire::MessagePart;
use tickwire_core::{CloseReason, Duration};
use tickwire_fuzz::hostile::{Arena, MAX_MESSAGE, config, message_bytes, written};
use tickwire_tests::allocation::peak_during;

use super::{
    COMPRESSED, ORDERED, SEQUENCED, UNORDERED, UNRELIABLE, closes_for, drops, held_now, is_alive, server,
    whole,
};

fn fragment(channel: u8, id: u32, total: u64, offset: u64, data: &[u8]) -> Vec<u8> {
    message_bytes(channel, Some(id), MessagePart::Fragment { total, offset }, data)
}

// Row 1 of the table in fuzz/README.md.
#[test]
fn a_fragment_beyond_the_end_of_its_message_closes_the_connection() {
    // No honest writer makes these, so they are spelled out: type, id, total, offset, length, data.
    closes_for(Violation::MalformedFrame, &[vec![0xc0, 0, 0, 0, 4, 4, 1, 9]]);
    closes_for(Violation::MalformedFrame, &[vec![0xc0, 0, 0, 0, 4, 3, 2, 9, 9]]);
}

// Row 2 of the table in fuzz/README.md.
#[test]
fn a_message_length_that_changes_between_fragments_closes_the_connection() {
    let first = |channel| fragment(channel, 0, 1000, 0, &[1; 100]);
    for channel in [ORDERED, UNORDERED, SEQUENCED, UNRELIABLE] {
        for total in [200, 999, 1001] {
            closes_for(Violation::BadFragment, &[first(channel), fragment(channel, 0, total, 150, &[1; 50])]);
        }
    }
    closes_for(Violation::BadFragment, &[first(ORDERED), whole(ORDERED, 0, &[1; 100])]);
}

// Row 3 of the table in fuzz/README.md.
#[test]
fn a_message_length_above_the_limit_closes_the_connection() {
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

// Row 4 of the table in fuzz/README.md.
#[test]
fn incomplete_reliable_messages_hold_at_most_the_memory_of_the_flow_control_credit() {
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

// Row 6 of the table in fuzz/README.md.
#[test]
fn a_message_received_in_one_byte_fragments_with_gaps_takes_at_most_four_windows_of_memory() {
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

// Row 19 of the table in fuzz/README.md.
#[test]
fn fragment_offsets_that_overflow_close_the_connection() {
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

// Row 20 of the table in fuzz/README.md.
#[test]
fn empty_fragments_close_the_connection() {
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

// Row 37 of the table in fuzz/README.md.
#[test]
fn a_compressed_message_with_a_false_length_allocates_at_most_twice_the_message_limit() {
    let mut arena = server();
    let before = held_now();
    // A block of 1000 bytes that claims to hold the largest message, and does not.
    let claim = written(|writer| {
        writer.u8(1).unwrap();
        writer.varint(MAX_MESSAGE as u64).unwrap();
        writer.bytes(&[0xff; 1000]).unwrap();
    });
    let peak = peak_during(|| arena.send(&whole(COMPRESSED, 0, &claim)));
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
        let peak = peak_during(|| arena.send(&whole(COMPRESSED, 0, &block)));
        assert!(peak < 16 << 10, "{peak} for a claim of {claimed}");
        arena.settle();
        assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::InvalidMessages)));
    }
    assert!(held_now() - before < 1 << 20);
}

#[test]
fn a_reliable_sender_that_exceeds_its_flow_control_credit_is_disconnected() {
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
