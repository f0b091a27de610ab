//! Forged resets, spoofed addresses, and paths that carry less than they claim.

use tickwire_core::fuzzing::Claims;
use tickwire_core::limits::BASE_DATAGRAM;
use tickwire_core::wire::Frame;
use tickwire_core::{Access, ChannelId, Event, Instant};
use tickwire_fuzz::hostile::{Arena, bytes_of, config, peer_at};

use super::{ORDERED, is_alive, listening, server, source};

// Row 29 of the table in fuzz/README.md.
#[test]
fn forged_close_frames_and_forged_unknown_connection_replies_end_no_connection() {
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

// Row 30 of the table in fuzz/README.md.
#[test]
fn before_validation_a_new_address_receives_at_most_as_many_bytes_as_it_sent() {
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

// Row 31 of the table in fuzz/README.md.
#[test]
fn only_mtu_probes_to_an_unmeasured_path_are_larger_than_1200_bytes() {
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
