//! Tests of the choice of the half-open handshake that a full table removes for a new one.

use super::*;

/// Fills the table with half-open handshakes of this credential. The last ones are the youngest.
fn fill(world: &mut World, credential: ShownCredential, count: usize, record: Option<BucketPlaces>) {
    let peer = PeerInfo::default();
    for _ in 0..count {
        let digest: [u8; 32] = world.rng.array();
        let opening = NewHalfOpen {
            root: [0; 32].into(),
            credential,
            peer: &peer,
            parameters: PARAMETERS,
            client_id: 1,
            local_id: 7,
            session: SessionOutcome::New,
            address: udp(1).remote,
            record,
        };
        let half_open = HalfOpen::new(opening, &[]);
        assert!(world.acceptor.half_open.insert(world.now, HalfOpenId::of(&digest), half_open));
        world.pass(Span::from_millis(1));
    }
}

#[test]
fn a_new_handshake_replaces_an_entry_of_a_full_half_open_table() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    fill(&mut world, ShownCredential::Open, limits::HALF_OPEN, None);
    let hello = world.sent(&mut dialer);
    let retry = world.replied(udp(1), &hello);
    world.handle(&mut dialer, &retry);
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let kept = world.keep(candidate, 8);
    assert_eq!((kept.half_open.is_some(), kept.freed), (true, Some(7)));
    assert_eq!(world.acceptor.half_open.waiting(), limits::HALF_OPEN);
}

#[test]
fn half_of_the_half_open_table_is_reserved_for_tickets_and_half_for_clients_with_only_a_cookie() {
    let ticket = |number: u8| ShownCredential::Ticket { id: [number; 16], expiry: 1 };
    let room = |world: &World, credential| world.acceptor.half_open.room(world.now, &credential, 0, |_| 0);
    let is_ticket = |world: &World, room| match room {
        Vacancy::Instead(id) => {
            matches!(
                world.acceptor.half_open.get(world.now, &id).unwrap().credential,
                ShownCredential::Ticket { .. }
            )
        }
        other => panic!("{other:?}"),
    };
    for (tickets, [way_for_ticket, way_for_open]) in [
        (0, [false, false]),
        (511, [false, false]),
        (512, [true, false]),
        (513, [true, true]),
        (1024, [true, true]),
    ] {
        let mut world = World::new(Access::Open);
        assert_eq!(room(&world, ticket(2)), Vacancy::Free);
        fill(&mut world, ticket(1), tickets, None);
        fill(&mut world, ShownCredential::Open, limits::HALF_OPEN - tickets, None);
        let (ticket, open) = (room(&world, ticket(2)), room(&world, ShownCredential::Open));
        assert_eq!([is_ticket(&world, ticket), is_ticket(&world, open)], [way_for_ticket, way_for_open]);
    }
}

#[test]
fn among_equally_stale_half_open_entries_a_full_table_drops_one_whose_source_failed_most_often() {
    let mut world = World::new(Access::Open);
    let (some, more) = (BucketPlaces::new(1, 0), BucketPlaces::new(2, 0));
    fill(&mut world, ShownCredential::Open, 1000, None);
    fill(&mut world, ShownCredential::Open, 12, Some(some));
    fill(&mut world, ShownCredential::Open, 12, Some(more));
    world.pass(Span::from_secs(1));
    let record = |places: &BucketPlaces| if *places == some { 1 } else { 2 };
    let room =
        |world: &World, own| world.acceptor.half_open.room(world.now, &ShownCredential::Open, own, record);
    for own in [0, 1, 2] {
        let Vacancy::Instead(id) = room(&world, own) else { panic!() };
        assert_eq!(world.acceptor.half_open.abandon(&id).unwrap().record, Some(more));
        fill(&mut world, ShownCredential::Open, 1, None);
    }
}

#[test]
fn a_source_with_failed_handshakes_replaces_only_half_open_entries_older_than_250_ms() {
    let mut world = World::new(Access::Open);
    for _ in 0..limits::HALF_OPEN / 8 {
        fill(&mut world, ShownCredential::Open, 8, None);
        world.now = Instant::saturating_from_micros(world.now.as_micros() - 8_000 + 1);
    }
    let room =
        |world: &World, own| world.acceptor.half_open.room(world.now, &ShownCredential::Open, own, |_| 0);
    assert_eq!(room(&world, 1), Vacancy::Nowhere);
    assert!(matches!(room(&world, 0), Vacancy::Instead(_)));
    world.pass(Span::from_millis(250));
    assert!(matches!(room(&world, 1), Vacancy::Instead(_)));
}
