//! Tests of both ends of the handshake together.

use alloc::vec;
use alloc::vec::Vec;

use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::accepting::{Admittance, Screened};
use super::client::Dialer;
use super::control::unknown;
use super::dialling::{Answer, Credential, DialSetup, ServerKey};
use super::parameters::Parameters;
use super::peer::initiates;
use super::testing::{PARAMETERS, World, hex, link, udp};
use super::welcome::SessionOutcome;
use crate::config::Access;
use crate::crypto::{RustCrypto, Secret, SessionKeys};
use crate::event::Refusal;
use crate::limits;
use crate::schema::{Schema, SchemaDifference, SchemaEntry};

fn assert_same_keys(client: &SessionKeys, server: &SessionKeys) {
    assert_eq!(client.to_responder, server.to_responder);
    assert_eq!(client.to_initiator, server.to_initiator);
    assert_eq!(client.exporter, server.exporter);
    let distinct = [*client.to_responder, *client.to_initiator, *client.exporter];
    assert!(distinct[0] != distinct[1] && distinct[1] != distinct[2] && distinct[0] != distinct[2]);
}

#[test]
fn a_client_with_a_ticket_connects_in_one_round_trip() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    assert_eq!(candidate.peer.identity, [0x1d; 16]);
    assert_eq!(&candidate.peer.user_data[..], b"blue team");
    assert_eq!(
        (candidate.parameters, candidate.session, &candidate.refusal),
        (PARAMETERS, SessionOutcome::New, &None)
    );
    let (id, welcome) = world.accept(candidate, 0x00ab_cdef);
    let accepted = world.accepted(&mut dialer, &welcome);
    assert_eq!((accepted.remote_id, accepted.session), (0x00ab_cdef, SessionOutcome::New));
    assert_eq!((accepted.parameters, accepted.server_key), (PARAMETERS, world.server_key));
    let half_open = world.acceptor.half_open(world.now, &id).unwrap();
    assert_eq!((half_open.client_id(), half_open.local_id()), (0x00c1_1e47, 0x00ab_cdef));
    assert_same_keys(&accepted.keys, &half_open.keys(&RustCrypto));
    let confirmed = world.acceptor.confirm(world.now, &id, true).unwrap();
    assert_eq!(&confirmed.peer.user_data[..], b"blue team");
}

#[test]
fn a_client_without_a_ticket_connects_in_two_round_trips() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Credential::Open);
    let hello = world.sent(&mut dialer);
    let retry = world.replied(udp(1), &hello);
    assert!(matches!(world.handle(&mut dialer, &retry), Answer::Progress));
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    assert_eq!(candidate.peer, crate::event::PeerInfo::default());
    let (id, welcome) = world.accept(candidate, 5);
    let accepted = world.accepted(&mut dialer, &welcome);
    assert_same_keys(&accepted.keys, &world.acceptor.half_open(world.now, &id).unwrap().keys(&RustCrypto));
}

#[test]
fn connecting_without_a_pinned_server_key_takes_one_more_round_trip() {
    let mut world = World::new(Access::Open);
    let setup = DialSetup { server_key: ServerKey::Any, ..world.setup(Credential::Open) };
    let mut dialer = Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap();
    let query = world.sent(&mut dialer);
    assert_eq!(query.len(), limits::BASE_DATAGRAM);
    let reply = world.replied(udp(1), &query);
    assert!(matches!(world.handle(&mut dialer, &reply), Answer::Progress));
    let hello = world.sent(&mut dialer);
    let retry = world.replied(udp(1), &hello);
    world.handle(&mut dialer, &retry);
    let (_, welcome) = world.open(&mut dialer, 5);
    assert_eq!(world.accepted(&mut dialer, &welcome).server_key, world.server_key);
}

#[test]
fn the_identity_of_an_expected_peer_is_the_start_of_its_public_key() {
    let mut world = World::new(Access::Tickets);
    let (psk, peer_key, our_key) = (Secret::new([3; 32]), [4; 32], world.server_key);
    world.acceptor.expect_peer(psk.clone(), peer_key, &our_key).unwrap();
    let mut dialer = world.dial(Credential::Peer { psk, local_key: peer_key, peer_key: our_key });
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    assert_eq!(candidate.peer.identity, [4; 16]);
    let (_, welcome) = world.accept(candidate, 5);
    world.accepted(&mut dialer, &welcome);
    assert!(initiates(&peer_key, &our_key) != initiates(&our_key, &peer_key));
}

#[test]
fn handshake_messages_have_their_golden_bytes() {
    let mut world = World::new(Access::Open);
    let setup = DialSetup { padded: false, ..world.setup(Credential::Open) };
    let mut dialer = Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap();
    let hello = world.sent(&mut dialer);
    insta::assert_snapshot!(hex(&hello), @"0401008877665544332211471ec101274dd1ee5216c20000000000000000000000000000000000000000000000000000470005beb621c5252a1e1413f4e22c394d260184fe0bd05965f18b704c7be763036c0ac4c27d1d24de486b05518eccf7b3a751a7cc1e23d9ac9340cc52e5d67ee3d46d61578aa34f6d");
    let mut padded = hello.clone();
    padded.resize(limits::BASE_DATAGRAM, 0);
    insta::assert_snapshot!(hex(&world.replied(udp(1), &padded)), @"05471ec1e8fcddeb41bb6a8c66fa45e7f13510e7eb5d75fe27f326ef");
    let (Screened::Applicant(candidate), _) = world.screen_validated(link(1), &hello, true) else { panic!() };
    let (_, welcome) = world.accept(candidate, 0x00ab_cdef);
    insta::assert_snapshot!(hex(&welcome), @"06471ec154b9e9b0fff76f988f3b5132b5e7ca9d8b4289932af4f5246329bd72e548ae52c0078fdbea21f8257f8aac168059f69a1de05f477490970aee5245eb55896dca318ae57eeedfe64b655bbd");
    padded[1] = 2;
    insta::assert_snapshot!(hex(&world.replied(udp(1), &padded)), @"0701471ec10101274dd1ee5216c2");

    let setup = DialSetup { server_key: ServerKey::Any, padded: false, ..world.setup(Credential::Open) };
    let mut dialer = Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap();
    let query = world.sent(&mut dialer);
    insta::assert_snapshot!(hex(&query), @"0702471ec1887766554433221123cd10fd4b504dab000000000000000000000000000000000000000000000000");
    let (Screened::Replied, reply) = world.screen_validated(link(1), &query, true) else { panic!() };
    insta::assert_snapshot!(hex(&reply), @"0703471ec1991256bc73559ba757db4b359f23ae5e146e4e2512056704722506348c150c14753d0c933d04d421");
    insta::assert_snapshot!(hex(&unknown(0x00ab_cdef, [0x99; 8])), @"0700efcdab9999999999999999");
}

#[test]
fn a_hello_and_a_welcome_have_their_documented_sizes() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let (_, welcome) = world.accept(candidate, 5);
    assert_eq!((hello.len(), welcome.len()), (1200, 79));
}

#[test]
fn a_hello_with_a_changed_byte_outside_the_unused_cookie_field_leads_to_no_connection() {
    // Failed handshakes must not end in a demand for a cookie here, so that each byte is looked at by Noise.
    let mut world = World::with_threshold(Access::Tickets, usize::MAX);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let cookie = 22..38;
    for place in (0..hello.len()).filter(|place| !cookie.contains(place)) {
        let mut changed = hello.clone();
        changed[place] ^= 0x40;
        let (screened, reply) = world.screen(udp(1), &changed);
        assert!(!matches!(screened, Screened::Applicant(_)), "byte {place}");
        // Another version is told ours; all else is silence.
        assert_eq!(reply.len(), if place == 1 { 14 } else { 0 }, "byte {place}");
    }
    world.candidate(udp(1), &hello);
}

#[test]
fn the_authentic_welcome_is_accepted_after_forged_welcomes_that_differ_in_one_byte() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let (_, welcome) = world.open(&mut dialer, 5);
    for place in 0..welcome.len() {
        let mut changed = welcome.clone();
        changed[place] ^= 0x01;
        assert!(matches!(world.handle(&mut dialer, &changed), Answer::Ignored(_)), "byte {place}");
    }
    for length in 0..welcome.len() {
        assert!(matches!(world.handle(&mut dialer, &welcome[..length]), Answer::Ignored(_)), "{length}");
    }
    world.accepted(&mut dialer, &welcome);
    assert!(matches!(world.handle(&mut dialer, &welcome), Answer::Ignored(_)), "accepted twice");
}

#[test]
fn a_welcome_is_accepted_only_by_the_attempt_that_it_answers() {
    let mut world = World::new(Access::Tickets);
    let (mut one, mut other) = (world.dial_with_ticket(), world.dial_with_ticket());
    let (_, welcome) = world.open(&mut one, 5);
    assert!(matches!(world.handle(&mut other, &welcome), Answer::Ignored(_)));
    world.accepted(&mut one, &welcome);
}

#[test]
fn a_refused_client_receives_the_reason() {
    for refusal in
        [Refusal::Full, Refusal::Banned, Refusal::Other { code: 7, text: "maintenance at noon".into() }]
    {
        let mut world = World::new(Access::Tickets);
        let mut dialer = world.dial_with_ticket();
        let hello = world.sent(&mut dialer);
        let candidate = world.candidate(udp(1), &hello);
        let (half_open, welcome) = world.answer(candidate, Admittance::Refuse(refusal.clone()));
        assert!(half_open.is_none());
        let Answer::Refused(reason) = world.handle(&mut dialer, &welcome) else { panic!() };
        assert_eq!(reason, refusal);
    }
}

#[test]
fn a_client_with_a_different_schema_receives_the_types_missing_at_either_end() {
    let mut world = World::new(Access::Tickets);
    let entry = |name: &str, hash| SchemaEntry { name: name.into(), hash };
    world.schema = Schema { entries: (0..300).map(|i| entry(&alloc::format!("type-{i:03}"), 1)).collect() };
    let ticket = world.ticket();
    let schema = Schema { entries: vec![entry("here", 1), entry("type-000", 2)] };
    let setup = DialSetup { schema, ..world.setup(Credential::Ticket(ticket)) };
    let mut dialer = Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap();
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let verdict = Admittance::Refuse(Refusal::Schema(SchemaDifference::default()));
    let (_, welcome) = world.answer(candidate, verdict);
    assert!((1100..=1200).contains(&welcome.len()), "{}", welcome.len());
    let Answer::Refused(Refusal::Schema(difference)) = world.handle(&mut dialer, &welcome) else { panic!() };
    assert_eq!(difference.missing_there, ["here"]);
    assert_eq!(difference.different, ["type-000"]);
    assert!(difference.truncated && difference.missing_here.len() > 50);
}

#[test]
fn a_schema_refusal_fits_the_largest_datagram_that_the_client_accepts() {
    let mut world = World::new(Access::Tickets);
    let entry = |i| SchemaEntry { name: alloc::format!("type-{i:03}"), hash: 1 };
    world.schema = Schema { entries: (0..300).map(entry).collect() };
    let ticket = world.ticket();
    let parameters = Parameters { max_datagram: limits::LEAST_DATAGRAM, ..PARAMETERS };
    let setup = DialSetup { parameters, padded: false, ..world.setup(Credential::Ticket(ticket)) };
    let mut dialer = Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap();
    let hello = world.sent(&mut dialer);
    let (Screened::Applicant(candidate), _) = world.screen_validated(link(1), &hello, true) else { panic!() };
    let verdict = Admittance::Refuse(Refusal::Schema(SchemaDifference::default()));
    let (_, welcome) = world.answer(candidate, verdict);
    assert!((650..=usize::from(limits::LEAST_DATAGRAM)).contains(&welcome.len()), "{}", welcome.len());
    assert!(matches!(world.handle(&mut dialer, &welcome), Answer::Refused(Refusal::Schema(_))));
}

#[test]
fn arbitrary_datagrams_cause_neither_a_panic_nor_a_connection_at_either_end() {
    fn the_datagram_is_dropped_or_answered(kind: u8, mut bytes: Vec<u8>, length: u16) -> bool {
        let mut world = World::new(Access::Open);
        let mut dialer = world.dial(Credential::Open);
        let [_, a, b, c, ..] = world.sent(&mut dialer)[10..] else { return false };
        // Mostly plausible beginnings, so that the parsers behind them are reached.
        let mut datagram = match kind % 8 {
            0 => vec![4, 1],
            1 => vec![5, a, b, c],
            2 => vec![6, a, b, c],
            3 => vec![7, kind / 8 % 4, a, b, c],
            _ => Vec::new(),
        };
        datagram.append(&mut bytes);
        datagram.resize(usize::from(length) % 1300, 0);
        let ignored =
            !matches!(world.handle(&mut dialer, &datagram), Answer::Accepted(_) | Answer::Refused(_));
        let (screened, _) = world.screen_validated(udp(1), &datagram, kind > 127);
        ignored && !matches!(screened, Screened::Applicant(_))
    }
    QuickCheck::new()
        .tests(500)
        .quickcheck(the_datagram_is_dropped_or_answered as fn(u8, Vec<u8>, u16) -> bool);
}

/// Returns a datagram that starts as a client's datagram does.
#[derive(Clone, Debug)]
struct Question {
    kind: u8,
    length: Option<u16>,
    changes: Vec<(u16, u8)>,
    validated: bool,
}

impl Arbitrary for Question {
    fn arbitrary(g: &mut Gen) -> Self {
        let length = bool::arbitrary(g).then(|| u16::arbitrary(g) % 1400);
        let changes = (0..u8::arbitrary(g) % 4).map(|_| (u16::arbitrary(g) % 80, u8::arbitrary(g))).collect();
        Self { kind: u8::arbitrary(g) % 4, length, changes, validated: bool::arbitrary(g) }
    }
}

#[test]
fn a_reply_to_an_unvalidated_address_is_never_larger_than_the_datagram_that_it_answers() {
    fn the_reply_is_not_larger_than_its_cause(question: Question) -> bool {
        let access = if question.kind == 0 { Access::Open } else { Access::Tickets };
        let mut world = World::with_threshold(access, usize::from(question.kind % 2));
        let mut dialer = match question.kind {
            0 => world.dial(Credential::Open),
            1 | 2 => world.dial_with_ticket(),
            _ => {
                let setup = DialSetup { server_key: ServerKey::Any, ..world.setup(Credential::Open) };
                Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap()
            }
        };
        let mut bytes = world.sent(&mut dialer);
        for (place, value) in question.changes {
            bytes[usize::from(place)] = value;
        }
        if let Some(length) = question.length {
            bytes.resize(length.into(), 0);
        }
        let (screened, reply) = world.screen_validated(udp(1), &bytes, question.validated);
        let reply = match screened {
            Screened::Applicant(candidate) => {
                let text = "x".repeat(2000).into();
                world.answer(candidate, Admittance::Refuse(Refusal::Other { code: 1, text })).1
            }
            Screened::Dropped(_) | Screened::Replied => reply,
        };
        question.validated || reply.len() <= bytes.len()
    }
    QuickCheck::new().tests(300).quickcheck(the_reply_is_not_larger_than_its_cause as fn(Question) -> bool);
}
