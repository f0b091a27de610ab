use super::super::buckets::BucketPlaces;
use super::super::burn::BurnTable;
use super::super::client::Dialer;
use super::super::dialling::{Answer, Credential as Shown, DialSetup, ServerKey};
use super::super::half_open::{HALF_OPEN_LIFE, Resume};
use super::super::half_open_table::Vacancy;
use super::super::resume_ticket::{ResumeContents, resume_psk};
use super::super::testing::{APPLICATION, HOUR_US, MASTER, PARAMETERS, World, link, udp};
use super::super::ticket::{TicketContents, TicketMint, server_ticket_key};
use super::super::welcome::SessionOutcome;
use super::*;
use crate::crypto::RustCrypto;
use crate::event::PeerInfo;
use crate::source::Source;
use crate::time::Duration;

const ACCEPT: Admittance = Admittance::Accept { local_id: 5 };

#[test]
fn closed_access_meets_everything_with_silence() {
    let mut world = World::new(Access::Closed);
    let mut dialer = world.dial_with_ticket();
    let mut hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::Closed);
    hello[1] = 9;
    assert_eq!(world.dropped(udp(1), &hello), DropReason::Closed);
    let setup = DialSetup { server_key: ServerKey::Any, ..world.setup(Shown::Open) };
    let mut dialer = Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap();
    let query = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &query), DropReason::Closed);
}

#[test]
fn a_hello_without_padding_is_dropped_unless_its_sender_is_validated() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello[..1199]), DropReason::NotPadded);
    assert_eq!(world.dropped(udp(1), &hello[..21]), DropReason::TooShort);
    let (screened, _) = world.screen_validated(link(1), &hello[..1199], true);
    assert!(matches!(screened, Screened::Applicant(_)));
}

#[test]
fn a_hello_longer_than_1200_bytes_is_dropped() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let mut hello = world.sent(&mut dialer);
    hello.push(0);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::TooLarge);
}

#[test]
fn another_application_is_met_with_silence_and_another_version_with_ours() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let mut other = hello.clone();
    other[3] ^= 1;
    assert_eq!(world.dropped(udp(1), &other), DropReason::WrongApplication);
    let mut other = hello;
    other[1] = VERSION + 1;
    // Whatever follows the preamble is the other version's business.
    other[22..].fill(0xff);
    let reply = VersionReply::read(&world.replied(udp(1), &other)).unwrap();
    assert_eq!((reply.client_id, reply.version), (0x00c1_1e47, VERSION));
    assert_eq!(reply.attempt, other[14..22]);
}

#[test]
fn only_questions_are_screened() {
    let mut world = World::new(Access::Tickets);
    for first in (0..=255u8).filter(|first| *first != HELLO) {
        let mut bytes = alloc::vec![0; 1200];
        bytes[0] = first;
        assert_eq!(world.dropped(udp(1), &bytes), DropReason::UnexpectedHandshake, "{first}");
    }
    assert_eq!(world.dropped(udp(1), &[]), DropReason::UnexpectedHandshake);
}

#[test]
fn open_access_costs_the_cookie_on_unvalidated_addresses_even_without_load() {
    for with_ticket in [false, true] {
        let mut world = World::new(Access::Open);
        let mut dialer = if with_ticket { world.dial_with_ticket() } else { world.dial(Shown::Open) };
        let hello = world.sent(&mut dialer);
        let retry = world.replied(udp(1), &hello);
        assert_eq!(retry.len(), 28);
        world.handle(&mut dialer, &retry);
        let hello = world.sent(&mut dialer);
        // The cookie is of one address.
        assert_eq!(world.replied(udp(2), &hello).len(), 28);
        world.candidate(udp(1), &hello);
    }
}

#[test]
fn open_access_asks_a_link_for_nothing() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Shown::Open);
    let hello = world.sent(&mut dialer);
    assert!(matches!(world.screen_validated(link(1), &hello, true).0, Screened::Applicant(_)));
}

#[test]
fn a_cookie_that_has_expired_gets_a_fresh_one() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Shown::Open);
    let hello = world.sent(&mut dialer);
    let first = world.replied(udp(1), &hello);
    world.handle(&mut dialer, &first);
    let mut hello = world.sent(&mut dialer);
    world.pass(Duration::from_secs(30));
    let second = world.replied(udp(1), &hello);
    assert_ne!(first, second);
    hello[22..38].copy_from_slice(&Retry::read(&second).unwrap().cookie);
    world.candidate(udp(1), &hello);
}

#[test]
fn under_load_a_ticket_needs_a_cookie_too() {
    let mut world = World::with_threshold(Access::Tickets, 1);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    world.candidate(udp(1), &hello);
    world.add_half_open();
    let retry = world.replied(udp(1), &hello);
    world.handle(&mut dialer, &retry);
    let hello = world.sent(&mut dialer);
    world.candidate(udp(1), &hello);
}

#[test]
fn a_source_is_answered_at_its_rate_without_load_too_and_others_are_not_held_up() {
    let mut world = World::with_rate(Access::Open, 64, 2);
    let mut outcomes = Vec::new();
    for host in [1, 1, 1, 1, 2] {
        let mut dialer = world.dial(Shown::Open);
        let hello = world.sent(&mut dialer);
        let retry = world.replied(udp(host), &hello);
        world.handle(&mut dialer, &retry);
        let hello = world.sent(&mut dialer);
        outcomes.push(match world.screen(udp(host), &hello).0 {
            Screened::Applicant(_) => None,
            Screened::Dropped(reason) => Some(reason),
            Screened::Replied => panic!(),
        });
    }
    let limited = Some(DropReason::RateLimited);
    assert_eq!(outcomes, [None, None, limited, limited, None]);
}

#[test]
fn a_ticket_without_a_cookie_pays_for_itself_wherever_its_copies_come_from() {
    let mut world = World::with_rate(Access::Tickets, 64, 2);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let mut noise = hello.clone();
    let last = 46 + 2 + (1 + 24 + 104 + 9 + 16) + 2 + 40;
    for host in [1, 2] {
        noise[last] = host;
        assert_eq!(world.dropped(udp(host), &noise), DropReason::NotAuthentic);
    }
    // Now a cookie is asked for, so that the holder's own address can pay.
    let retry = world.replied(udp(9), &hello);
    world.handle(&mut dialer, &retry);
    let hello = world.sent(&mut dialer);
    world.candidate(udp(9), &hello);
    let mut other = world.dial_with_ticket();
    let hello = world.sent(&mut other);
    world.candidate(udp(1), &hello);
}

#[test]
fn a_forged_source_without_its_cookie_takes_nothing_from_the_true_one() {
    let mut world = World::with_threshold(Access::Tickets, 0);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    for _ in 0..100 {
        world.replied(udp(1), &hello);
    }
    let retry = world.replied(udp(1), &hello);
    world.handle(&mut dialer, &retry);
    let hello = world.sent(&mut dialer);
    world.candidate(udp(1), &hello);
}

#[test]
fn noise_behind_a_watched_ticket_counts_as_load() {
    let mut world = World::with_threshold(Access::Tickets, 3);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let mut noise = hello.clone();
    // Sealed ticket: format, nonce, 104 bytes, 9 of user data, tag.
    let start = 46 + 2 + (1 + 24 + 104 + 9 + 16) + 2;
    for value in 0..3 {
        noise[start + 40] = value;
        assert_eq!(world.dropped(udp(1), &noise), DropReason::NotAuthentic);
    }
    assert_eq!(world.replied(udp(1), &noise).len(), 28);
    world.pass(HALF_OPEN_LIFE * 2);
    world.candidate(udp(1), &hello);
}

#[test]
fn forged_and_foreign_tickets_are_met_with_silence_cookie_or_not() {
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
fn a_server_in_ticket_mode_lets_nobody_in_without_one_not_even_from_a_link() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial(Shown::Open);
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::NoTicket);
    let (screened, _) = world.screen_validated(link(1), &hello, true);
    assert!(matches!(screened, Screened::Dropped(DropReason::NoTicket)));
}

#[test]
fn a_ticket_at_a_server_without_a_ticket_key_is_met_with_silence() {
    let mut world = World::new(Access::Open);
    world.acceptor.credentials.tickets = None;
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::BadTicket);
}

#[test]
fn an_expired_ticket_is_refused_inside_the_encryption_whatever_the_verdict() {
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
fn under_load_an_expired_ticket_needs_a_cookie_too() {
    let mut world = World::with_threshold(Access::Tickets, 0);
    let ticket = world.ticket_until(1);
    let mut dialer = world.dial(Shown::Ticket(ticket));
    let hello = world.sent(&mut dialer);
    assert_eq!(world.replied(udp(1), &hello).len(), 28);
}

#[test]
fn a_wall_clock_set_back_revives_no_ticket_that_was_used_and_judges_others_right() {
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
fn every_copy_of_a_hello_gets_the_same_welcome_wherever_it_comes_from() {
    let mut world = World::with_threshold(Access::Tickets, 1);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let (_, welcome) = world.accept(candidate, 5);
    for host in 1..4 {
        assert_eq!(world.replied(udp(host), &hello), welcome);
    }
    assert_eq!(world.acceptor.half_open.len(), 1);
}

#[test]
fn a_half_open_handshake_lives_ten_and_a_half_seconds_and_its_ticket_works_again_after() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let (id, _) = world.accept(candidate, 5);
    let end = world.now + HALF_OPEN_LIFE;
    assert_eq!(world.acceptor.next_timeout(), end);
    assert!(world.acceptor.half_open(world.now, &id).is_some());
    assert!(world.acceptor.confirm(end, &id, true).is_none());
    assert_eq!(world.acceptor.expire(end).as_slice(), [5]);
    assert_eq!(world.acceptor.next_timeout(), Instant::MAX);
    world.now = end;
    world.candidate(udp(1), &hello);
}

#[test]
fn two_handshakes_per_ticket_are_half_open_and_the_first_data_ends_the_other() {
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
fn the_first_data_burns_the_ticket_and_a_replay_is_met_with_silence() {
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
fn a_full_burn_table_refuses_tickets_until_one_expires() {
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
    world.pass(Duration::from_secs(1));
    world.candidate(udp(1), &hello);
}

/// Fills the table with half-open handshakes of this credential, of which the last ones are the youngest.
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
        world.pass(Duration::from_millis(1));
    }
}

#[test]
fn at_a_full_table_the_oldest_half_open_handshake_gives_way() {
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
fn half_of_the_table_is_for_tickets_and_half_for_clients_with_only_a_cookie() {
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
fn a_source_with_a_record_gives_way_before_older_ones() {
    let mut world = World::new(Access::Open);
    let (some, more) = (BucketPlaces::new(1, 0), BucketPlaces::new(2, 0));
    fill(&mut world, ShownCredential::Open, 1000, None);
    fill(&mut world, ShownCredential::Open, 12, Some(some));
    fill(&mut world, ShownCredential::Open, 12, Some(more));
    world.pass(Duration::from_secs(1));
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
fn while_all_are_fresh_a_source_with_a_record_takes_the_place_of_nobody_without() {
    let mut world = World::new(Access::Open);
    for _ in 0..limits::HALF_OPEN / 8 {
        fill(&mut world, ShownCredential::Open, 8, None);
        world.now = Instant::saturating_from_micros(world.now.as_micros() - 8_000 + 1);
    }
    let room =
        |world: &World, own| world.acceptor.half_open.room(world.now, &ShownCredential::Open, own, |_| 0);
    assert_eq!(room(&world, 1), Vacancy::Nowhere);
    assert!(matches!(room(&world, 0), Vacancy::Instead(_)));
    world.pass(Duration::from_millis(250));
    assert!(matches!(room(&world, 1), Vacancy::Instead(_)));
}

#[test]
fn a_peer_comes_in_while_it_is_expected_and_no_other() {
    let mut world = World::new(Access::Tickets);
    let (psk, peer_key, our_key) = (Secret::new([3; 32]), [4; 32], world.server_key);
    let mut dialer = world.dial(Shown::Peer { psk: psk.clone(), local_key: peer_key, peer_key: our_key });
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::UnknownPeer);
    let hint = world.acceptor.expect_peer(psk.clone(), peer_key, &our_key).unwrap();
    world.candidate(udp(1), &hello);
    for (psk, local_key) in [([5; 32].into(), peer_key), (psk, [5; 32])] {
        let mut stranger = world.dial(Shown::Peer { psk, local_key, peer_key: our_key });
        let hello = world.sent(&mut stranger);
        assert_eq!(world.dropped(udp(1), &hello), DropReason::UnknownPeer);
    }
    world.acceptor.forget_peer(&hint);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::UnknownPeer);
}

/// An attempt to resume with a ticket that this server sealed.
fn resuming(world: &mut World, contents: &ResumeContents) -> Dialer {
    let sealer = world.acceptor.resume_sealer();
    let wall_now = world.wall_now();
    let sealed = sealer.seal(world.provider.handshake(), &mut world.rng, wall_now, contents);
    world.dial(Shown::Resume { sealed, psk: contents.psk.clone(), expiry: contents.expiry })
}

fn resume_contents(world: &World) -> ResumeContents {
    ResumeContents {
        session: [1; 16],
        incarnation: 2,
        identity: [3; 16],
        psk: resume_psk(world.provider.handshake(), &[4; 32], 1),
        expiry: world.wall_now() + 60_000_000,
        user_data: b"blue team".to_vec(),
    }
}

#[test]
fn a_resume_ticket_names_its_session_and_works_more_than_once() {
    for session in [SessionOutcome::Resumed, SessionOutcome::Lost] {
        let mut world = World::new(Access::Tickets);
        world.directory.session = Ok(session);
        let contents = resume_contents(&world);
        for local_id in 1..4 {
            let mut dialer = resuming(&mut world, &contents);
            let hello = world.sent(&mut dialer);
            let candidate = world.candidate(udp(1), &hello);
            assert_eq!(candidate.session, session);
            assert_eq!(candidate.peer.identity, [3; 16]);
            let (id, welcome) = world.answer(candidate, Admittance::Accept { local_id });
            let accepted = world.accepted(&mut dialer, &welcome);
            assert_eq!(accepted.session, session);
            let id = id.unwrap();
            let half_open = world.acceptor.half_open(world.now, &id).unwrap();
            assert_eq!(half_open.session, session);
            assert_eq!(half_open.keys(&RustCrypto).exporter, accepted.keys.exporter);
            let confirmed = world.acceptor.confirm(world.now, &id, true).unwrap();
            assert_eq!(confirmed.resume, Some(Resume { session: [1; 16], incarnation: 2 }));
        }
    }
}

#[test]
fn a_superseded_resume_ticket_costs_no_diffie_hellman_and_gets_no_answer() {
    let mut world = World::new(Access::Tickets);
    world.directory.session = Err(DropReason::BurntTicket);
    let contents = resume_contents(&world);
    let mut dialer = resuming(&mut world, &contents);
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::BurntTicket);
}

#[test]
fn the_resume_ticket_of_a_session_that_this_end_ended_is_refused_inside_the_encryption() {
    let mut world = World::new(Access::Tickets);
    let contents = resume_contents(&world);
    world.acceptor.end_session(world.wall_now(), contents.session, contents.expiry);
    let mut dialer = resuming(&mut world, &contents);
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let (half_open, welcome) = world.answer(candidate, ACCEPT);
    assert!(half_open.is_none());
    assert!(matches!(world.handle(&mut dialer, &welcome), Answer::Refused(Refusal::SessionEnded)));
}

#[test]
fn a_peer_whose_hello_loses_against_ours_costs_no_diffie_hellman_and_gets_no_answer() {
    let mut world = World::new(Access::Peers);
    world.directory.prefers_own_dial = true;
    let (psk, peer_secret) = (Secret::new([5; 32]), [6; 32]);
    let peer_key = world.provider.handshake().public_key(&peer_secret);
    let our_key = world.server_key;
    world.acceptor.expect_peer(psk.clone(), peer_key, &our_key).unwrap();
    let mut dialer = world.dial(Shown::Peer { psk, peer_key: our_key, local_key: peer_key });
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::UnexpectedHandshake);
    world.directory.prefers_own_dial = false;
    world.candidate(udp(1), &hello);
}

#[test]
fn a_client_that_finds_no_place_after_all_may_use_its_ticket_again() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let (id, _) = world.accept(candidate, 5);
    world.acceptor.confirm(world.now, &id, false).unwrap();
    world.candidate(udp(1), &hello);
}

#[test]
fn a_resume_ticket_that_has_expired_is_refused_however_old_it_is_unless_its_session_lives() {
    let mut world = World::new(Access::Tickets);
    let contents = resume_contents(&world);
    let mut dialer = resuming(&mut world, &contents);
    let hello = world.sent(&mut dialer);
    for seconds in [60, 3 * 3600, 1000 * 3600] {
        world.pass(Duration::from_secs(seconds));
        world.directory.session = Ok(SessionOutcome::Lost);
        assert_eq!(world.candidate(udp(1), &hello).refusal, Some(Refusal::Expired));
        world.directory.session = Ok(SessionOutcome::Resumed);
        assert_eq!(world.candidate(udp(1), &hello).refusal, None);
    }
}

#[test]
fn two_resumptions_of_one_session_are_half_open_and_the_first_data_ends_the_other() {
    let mut world = World::new(Access::Tickets);
    let mut contents = resume_contents(&world);
    let mut first = resuming(&mut world, &contents);
    world.open(&mut first, 11);
    contents.incarnation += 1;
    let mut second = resuming(&mut world, &contents);
    let (id, _) = world.open(&mut second, 12);
    let mut third = resuming(&mut world, &contents);
    let hello = world.sent(&mut third);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::TicketBusy);
    assert_eq!(world.acceptor.confirm(world.now, &id, true).unwrap().freed.as_slice(), [11]);
}

#[test]
fn a_key_query_is_answered_if_it_paid_for_the_answer() {
    let mut world = World::new(Access::Tickets);
    let setup = DialSetup { server_key: ServerKey::Any, ..world.setup(Shown::Open) };
    let mut dialer = Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap();
    let query = world.sent(&mut dialer);
    assert_eq!(world.replied(udp(1), &query).len(), KEY_REPLY_BYTES);
    assert_eq!(world.replied(udp(1), &query[..KEY_REPLY_BYTES]).len(), KEY_REPLY_BYTES);
    for (from, validated) in [(udp(1), false), (link(1), true)] {
        let (screened, _) = world.screen_validated(from, &query[..KEY_REPLY_BYTES - 1], validated);
        assert!(matches!(screened, Screened::Dropped(DropReason::TooShort)));
    }
    let mut other = query;
    other[5] ^= 1;
    assert_eq!(world.dropped(udp(1), &other), DropReason::WrongApplication);
}

#[test]
fn a_candidate_that_is_not_answered_leaves_nothing_behind() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    for _ in 0..4 {
        world.candidate(udp(1), &hello);
    }
    assert_eq!(world.acceptor.half_open.len(), 0);
}
