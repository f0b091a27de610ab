//! Tests of how often a ticket admits a client, and of which clients it admits.

use super::*;

#[test]
fn forged_tickets_and_tickets_of_a_different_server_get_no_answer() {
    for threshold in [0, 64] {
        let mut world = World::with_threshold(Access::Tickets, threshold);
        let mut dialer = world.dial_with_ticket();
        let mut forged = world.sent(&mut dialer);
        forged[100] ^= 1;
        assert_eq!(world.dropped(udp(1), &forged), DropReason::BadTicket);

        let key = server_ticket_key(&*world.provider, &MASTER, &[1; 32]);
        let foreign = TicketMint::new(world.provider.clone(), &key);
        let contents = TicketContents { expiry: world.wall_now() + HOUR_US, ..TicketContents::default() };
        let ticket = foreign.mint(&mut world.rng, APPLICATION, &world.server_key, contents).unwrap();
        let mut dialer = world.dial(Shown::Ticket(ticket));
        let hello = world.sent(&mut dialer);
        assert_eq!(world.dropped(udp(1), &hello), DropReason::BadTicket);
    }
}

#[test]
fn a_server_that_requires_tickets_does_not_answer_a_hello_without_a_ticket_even_over_a_link() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial(Shown::Open);
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::NoTicket);
    let (screened, _) = world.screen_validated(link(1), &hello, true);
    assert!(matches!(screened, Screened::Dropped(DropReason::NoTicket)));
}

#[test]
fn a_server_without_a_ticket_key_drops_a_hello_that_carries_a_ticket() {
    let mut world = World::new(Access::Open);
    world.acceptor.credentials.tickets = None;
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::BadTicket);
}

#[test]
fn an_expired_ticket_is_refused_in_an_encrypted_welcome_even_if_the_authenticator_accepts() {
    let mut world = World::new(Access::Tickets);
    let ticket = world.ticket_until(world.wall_now());
    let mut dialer = world.dial(Shown::Ticket(ticket));
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    assert_eq!(candidate.refusal, Some(Refusal::Expired));
    let (half_open, welcome) = world.answer(candidate, ACCEPT);
    assert!(half_open.is_none());
    assert!(matches!(world.handle(&mut dialer, &welcome), Answer::Refused(Refusal::Expired)));
    // The refusal may have been lost: a copy gets it again.
    assert_eq!(world.replied(udp(2), &hello), welcome);
}

#[test]
fn under_load_a_hello_with_an_expired_ticket_needs_a_cookie() {
    let mut world = World::with_threshold(Access::Tickets, 0);
    let ticket = world.ticket_until(1);
    let mut dialer = world.dial(Shown::Ticket(ticket));
    let hello = world.sent(&mut dialer);
    assert_eq!(world.replied(udp(1), &hello).len(), 28);
}

#[test]
fn a_used_ticket_is_refused_after_the_wall_clock_is_set_back() {
    let mut world = World::new(Access::Tickets);
    let ticket = world.ticket_until(world.wall_now() + 1_000_000);
    let mut used = world.dial(Shown::Ticket(ticket.clone()));
    let (id, _) = world.open(&mut used, 5);
    world.acceptor.confirm(world.now, &id, true).unwrap();
    let mut again = world.dial(Shown::Ticket(ticket));
    let again = world.sent(&mut again);
    let ticket = world.ticket_until(world.wall_now() + 1_000_000);
    let mut unused = world.dial(Shown::Ticket(ticket));
    let unused = world.sent(&mut unused);
    for hours in [24, 24 * 365] {
        let later = |world: &World| HandshakeArrival {
            now: world.now,
            wall_now: world.wall_now() + hours * HOUR_US,
            from: udp(9),
            source: Source::of(udp(9).remote, None),
            validated: false,
        };
        let screened =
            world.acceptor.screen(later(&world), &unused, &world.directory, &mut Vec::new(), &mut world.rng);
        let Screened::Applicant(candidate) = screened else { panic!("it is answered") };
        assert_eq!(candidate.refusal, Some(Refusal::Expired), "by a clock {hours} hours ahead");
        if hours == 24 {
            assert_eq!(world.dropped(udp(1), &again), DropReason::BurntTicket);
            assert_eq!(world.candidate(udp(1), &unused).refusal, None);
        }
    }
    // Forgotten a year after its expiry, it is void for good.
    assert_eq!(world.candidate(udp(1), &again).refusal, Some(Refusal::Expired));
}

#[test]
fn a_ticket_has_at_most_two_half_open_handshakes() {
    let mut world = World::new(Access::Tickets);
    let ticket = world.ticket();
    let mut dialers: Vec<_> = (0..3).map(|_| world.dial(Shown::Ticket(ticket.clone()))).collect();
    let (first, _) = world.open(&mut dialers[0], 11);
    let (second, _) = world.open(&mut dialers[1], 12);
    let third = world.sent(&mut dialers[2]);
    assert_eq!(world.dropped(udp(1), &third), DropReason::TicketBusy);

    let confirmed = world.acceptor.confirm(world.now, &second, true).unwrap();
    assert_eq!((confirmed.local_id, confirmed.freed.as_slice()), (12, &[11][..]));
    assert!(world.acceptor.half_open(world.now, &first).is_none());
    assert!(world.acceptor.confirm(world.now, &first, true).is_none());
    assert!(world.acceptor.confirm(world.now, &second, true).is_none());
}

#[test]
fn a_ticket_gets_no_answer_after_a_first_data_packet_has_used_the_ticket() {
    let mut world = World::new(Access::Tickets);
    let ticket = world.ticket();
    let mut dialer = world.dial(Shown::Ticket(ticket.clone()));
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let (id, _) = world.accept(candidate, 5);
    world.acceptor.confirm(world.now, &id, true).unwrap();
    assert_eq!(world.dropped(udp(1), &hello), DropReason::BurntTicket);
    let mut again = world.dial(Shown::Ticket(ticket));
    let hello = world.sent(&mut again);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::BurntTicket);
}

#[test]
fn a_full_table_of_used_tickets_refuses_tickets_until_a_used_ticket_expires() {
    let mut world = World::new(Access::Tickets);
    world.acceptor.credentials.burnt = BurnTable::new(1);
    let ticket = world.ticket_until(world.wall_now() + 1_000_000);
    let mut first = world.dial(Shown::Ticket(ticket));
    let (id, _) = world.open(&mut first, 5);
    let mut second = world.dial_with_ticket();
    let hello = world.sent(&mut second);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::BurnTableFull, "the place is taken ahead");
    world.acceptor.confirm(world.now, &id, true).unwrap();
    assert_eq!(world.dropped(udp(1), &hello), DropReason::BurnTableFull);
    world.pass(Span::from_secs(1));
    world.candidate(udp(1), &hello);
}
