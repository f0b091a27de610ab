//! Handshakes of attackers: replayed, abandoned, in thousands, or sent to reflect the answers.

use std::sync::Arc;

use tickwire_core::drop::DropReason;
use tickwire_core::limits::BASE_DATAGRAM;
use tickwire_core::{Access, Config, ConnectOptions, Duration, Ecn, Endpoint, Instant};
use tickwire_fuzz::handshake;
use tickwire_fuzz::watch::Watched;
use tickwire_sim::pair::{SERVER, address};
use tickwire_sim::provider::NullProvider;

use super::{held_now, listening, source};

/// Returns a Hello with its own padding, of a client with or without a ticket.
fn hello(config: &Config, ticket: Option<u8>, server_key: [u8; 32], seed: u8) -> Vec<u8> {
    let secrets = handshake::secrets(&*config.provider);
    let mut client = Endpoint::new(config.clone(), secrets, [seed; 32], Instant::ZERO).unwrap();
    let mut options = ConnectOptions::new(server_key);
    if let Some(serial) = ticket {
        let life = Duration::from_secs(60);
        options = options.ticket(handshake::ticket(Arc::clone(&config.provider), serial, life));
    }
    client.connect(Instant::ZERO, address(SERVER), options).unwrap();
    let mut buffer = [0; 2048];
    let transmit = client.poll_transmit(Instant::ZERO, &mut buffer).unwrap();
    buffer[..transmit.size].to_vec()
}

// Row 24 of the table in fuzz/README.md.
#[test]
fn a_copied_hello_without_a_first_data_packet_does_not_use_up_its_ticket() {
    let (config, mut server) = listening(Access::Tickets, |_| {});
    let key = *server.endpoint.public_key();
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

// Row 26 of the table in fuzz/README.md.
#[test]
fn hellos_without_a_ticket_leave_no_state_at_a_server_that_requires_tickets() {
    let (config, mut server) = listening(Access::Tickets, |_| {});
    let key = *server.endpoint.public_key();
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
    let mut hello = self::hello(&config, None, *server.endpoint.public_key(), 7);
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

// Row 27 of the table in fuzz/README.md.
#[test]
fn clients_that_never_send_a_first_data_packet_take_no_session_slot() {
    let (config, mut server) = listening(Access::Tickets, |config| config.max_connections = 1);
    let key = *server.endpoint.public_key();
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

// Row 28 of the table in fuzz/README.md.
#[test]
fn no_handshake_answer_is_larger_than_the_datagram_that_it_answers() {
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

// Row 39 of the table in fuzz/README.md.
#[test]
fn packets_with_unknown_connection_ids_are_dropped_and_leave_no_state() {
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
