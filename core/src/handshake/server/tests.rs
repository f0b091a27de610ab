mod full_table;
mod resumption;
mod tickets;

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
use crate::time::Span;

const ACCEPT: Admittance = Admittance::Accept { local_id: 5 };

#[test]
fn a_server_with_closed_access_answers_neither_a_hello_nor_a_query() {
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
fn a_hello_without_padding_is_dropped_unless_its_address_is_validated() {
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
fn only_a_hello_of_a_different_version_gets_the_servers_version_as_the_answer() {
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
fn datagrams_other_than_hellos_and_queries_are_dropped_as_unexpected() {
    let mut world = World::new(Access::Tickets);
    for first in (0..=255u8).filter(|first| *first != HELLO) {
        let mut bytes = alloc::vec![0; 1200];
        bytes[0] = first;
        assert_eq!(world.dropped(udp(1), &bytes), DropReason::UnexpectedHandshake, "{first}");
    }
    assert_eq!(world.dropped(udp(1), &[]), DropReason::UnexpectedHandshake);
}

#[test]
fn open_access_demands_a_cookie_from_every_unvalidated_address() {
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
fn open_access_demands_no_cookie_from_a_link() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Shown::Open);
    let hello = world.sent(&mut dialer);
    assert!(matches!(world.screen_validated(link(1), &hello, true).0, Screened::Applicant(_)));
}

#[test]
fn a_hello_with_an_expired_cookie_is_answered_with_a_new_cookie() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Shown::Open);
    let hello = world.sent(&mut dialer);
    let first = world.replied(udp(1), &hello);
    world.handle(&mut dialer, &first);
    let mut hello = world.sent(&mut dialer);
    world.pass(Span::from_secs(30));
    let second = world.replied(udp(1), &hello);
    assert_ne!(first, second);
    hello[22..38].copy_from_slice(&Retry::read(&second).unwrap().cookie);
    world.candidate(udp(1), &hello);
}

#[test]
fn under_load_a_hello_with_a_ticket_needs_a_cookie() {
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
fn a_source_that_uses_up_its_handshake_rate_does_not_limit_a_second_source() {
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
fn hellos_with_the_same_ticket_and_no_cookie_share_one_handshake_budget_across_addresses() {
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
fn hellos_without_a_cookie_use_no_handshake_budget_of_their_claimed_source() {
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
fn hellos_with_a_captured_ticket_and_forged_noise_bytes_count_as_load() {
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
fn copies_of_a_hello_from_different_addresses_are_answered_with_the_same_welcome() {
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
fn the_ticket_of_a_half_open_handshake_is_accepted_again_after_ten_and_a_half_seconds() {
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
fn only_a_peer_with_the_expected_key_and_secret_is_accepted() {
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

#[test]
fn a_peer_hello_is_dropped_while_the_local_attempt_has_precedence() {
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
fn a_ticket_that_a_full_server_refused_is_accepted_later() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &hello);
    let (id, _) = world.accept(candidate, 5);
    world.acceptor.confirm(world.now, &id, false).unwrap();
    world.candidate(udp(1), &hello);
}

#[test]
fn a_key_query_is_answered_only_if_it_is_as_long_as_the_reply() {
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
fn a_hello_that_the_endpoint_does_not_answer_leaves_no_half_open_entry() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    for _ in 0..4 {
        world.candidate(udp(1), &hello);
    }
    assert_eq!(world.acceptor.half_open.len(), 0);
}
