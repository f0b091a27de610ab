//! Frames with invalid lengths, types, channels and states.

use tickwire_core::drop::DropReason;
use tickwire_core::event::Violation;
use tickwire_core::limits::RELIABLE_WINDOW;
use tickwire_core::wire::writers::write_resume;
use tickwire_core::wire::{Frame, MessagePart, SnapshotFrame};
use tickwire_core::{ChannelId, CloseReason, Duration, Event, VIOLATION_CODES};
use tickwire_fuzz::hostile::{Arena, bytes_of, config, message_bytes, peer_at, written};
use tickwire_fuzz::snapshot_frame::honest_frames;

use super::{
    ORDERED, SEQUENCED, UNORDERED, UNRELIABLE, closes_for, drops, held_now, is_alive, server, whole,
};

// Row 5 of the table in fuzz/README.md.
#[test]
fn a_frame_with_a_false_length_closes_the_connection() {
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

// Row 17 of the table in fuzz/README.md.
#[test]
fn an_unknown_frame_type_closes_the_connection_and_an_unknown_packet_type_is_dropped() {
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
    for kind in (0x0c..0x20).chain(0x41..0x50).chain(0x51..0x80) {
        closes_for(Violation::MalformedFrame, &[vec![kind; 20]]);
    }
}

// A client shows a server nothing. The refused frame is well formed, so only the direction is wrong.
#[test]
fn a_snapshot_frame_to_a_server_closes_the_connection() {
    let frames = honest_frames();
    let snapshot = |bytes| bytes_of(&Frame::Snapshot(SnapshotFrame { view: 0, bytes }));
    let mut arena = server();
    arena.send(&snapshot(&frames[0]));
    arena.settle();
    assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::BadSnapshot)));
    assert_eq!(arena.closed_with, Some(VIOLATION_CODES + 8));
    // A client that is shown the world takes the same frame, and ends the connection with the eighth wrong one.
    let mut arena = Arena::with_server(&config(), None);
    arena.send(&snapshot(&frames[0]));
    is_alive(&mut arena);
    assert_eq!(drops(&arena, DropReason::BadSnapshot), 0);
    for _ in 0..8 {
        assert_eq!(arena.reason(), None, "closed too early");
        arena.send(&snapshot(&[0xff; 20]));
        arena.settle();
    }
    assert_eq!(arena.reason(), Some(&CloseReason::Violation(Violation::BadSnapshot)));
    // It is the first frame of its packet, or a fault.
    closes_for(Violation::MalformedFrame, &[[&[1], &snapshot(&frames[0])[..]].concat()]);
}

#[test]
fn a_frame_kind_that_its_channel_does_not_allow_closes_the_connection() {
    closes_for(Violation::BadChannel, &[whole(6, 0, b"x")]);
    closes_for(Violation::BadChannel, &[message_bytes(ORDERED, None, MessagePart::Whole, b"x")]);
    closes_for(Violation::BadChannel, &[message_bytes(SEQUENCED, None, MessagePart::Whole, b"x")]);
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
fn a_resume_frame_that_is_unrequested_or_claims_unsent_messages_closes_the_connection() {
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
fn a_close_text_with_invalid_utf_8_is_reported_with_replacement_characters() {
    let mut arena = server();
    arena.send(&bytes_of(&Frame::Close { code: 0xfffd, text: &[0xff, 0xc0, b'x', 0xed, 0xa0, 0x80] }));
    arena.settle();
    let Some(CloseReason::Peer { code: 0xfffd, text }) = arena.reason() else {
        panic!("{:?}", arena.reason())
    };
    assert!(text.raw().contains('x') && text.raw().contains('\u{fffd}'));
}

#[test]
fn a_connection_with_repeated_protocol_violations_closes_with_malformed_frame_and_leaves_no_state() {
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
