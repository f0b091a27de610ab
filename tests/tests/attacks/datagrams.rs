//! Datagrams that are cut, changed, empty, oversized or not authentic.

use tickwire_core::drop::DropReason;
use tickwire_core::{Ecn, Event};
use tickwire_fuzz::handshake;
use tickwire_fuzz::hostile::peer_at;

use super::{ORDERED, drops, is_alive, server, whole};

// Row 14 of the table in fuzz/README.md.
#[test]
fn a_truncated_or_changed_handshake_datagram_that_decodes_encodes_to_the_same_bytes() {
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

// Row 15 of the table in fuzz/README.md.
#[test]
fn an_empty_datagram_is_dropped_as_too_short() {
    let mut arena = server();
    arena.tested.hear(arena.now, peer_at(0), &[]);
    assert_eq!(drops(&arena, DropReason::TooShort), 1);
    arena.send(&[]);
    is_alive(&mut arena);
}

// Row 16 of the table in fuzz/README.md.
#[test]
fn an_oversized_datagram_of_a_stranger_is_dropped() {
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

// Row 18 of the table in fuzz/README.md.
#[test]
fn every_truncated_datagram_is_ignored() {
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

// Row 22 of the table in fuzz/README.md.
#[test]
fn forged_datagrams_change_no_state_of_a_connection() {
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
