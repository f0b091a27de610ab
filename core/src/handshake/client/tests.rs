use alloc::vec;

use super::super::accepting::Screened;
use super::super::dialling::{Credential, ServerKey};
use super::super::testing::{APPLICATION, World, udp};
use super::*;
use crate::config::Access;
use crate::time::Span;

const STEP: Span = Span::from_millis(1);

fn dial(world: &mut World, setup: DialSetup) -> Result<Dialer, ConnectError> {
    Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup)
}

fn noise_of(bytes: &[u8]) -> Vec<u8> {
    Hello::read(bytes).unwrap().noise.to_vec()
}

fn ignored(answer: &Answer) -> DropReason {
    match answer {
        Answer::Ignored(reason) => *reason,
        other => panic!("not ignored: {other:?}"),
    }
}

#[test]
fn a_hello_is_resent_every_200_ms_with_jitter_and_without_backoff() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let first = world.sent(&mut dialer);
    let (mut intervals, mut queries) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        assert!(!dialer.is_due(world.now));
        let due = dialer.next_timeout(world.now);
        intervals.push(due.saturating_since(world.now).as_micros());
        world.now = due;
        assert_eq!(world.sent(&mut dialer), first);
        if dialer.is_due(world.now) {
            // Beside some of them a query leaves that asks what passes.
            queries.push(world.sent(&mut dialer).len());
        }
    }
    assert_eq!(queries.iter().filter(|bytes| **bytes == KEY_REPLY_BYTES).count(), queries.len() / 2);
    assert!(queries.len() == 19 && queries.first() == Some(&1200), "{queries:?}");
    assert!(intervals.iter().all(|interval| (180_000..=220_000).contains(interval)), "{intervals:?}");
    let spread = intervals.iter().max().unwrap() - intervals.iter().min().unwrap();
    assert!(spread > 20_000, "{spread}");
    let late = intervals[20..].iter().sum::<u128>() / 20;
    assert!((190_000..=210_000).contains(&late), "{late}");
}

#[test]
fn a_hello_is_resent_only_after_two_seconds_on_a_reliable_link() {
    let mut world = World::new(Access::Open);
    let setup = DialSetup { reliable: true, padded: false, ..world.setup(Credential::Open) };
    let mut dialer = dial(&mut world, setup).unwrap();
    world.sent(&mut dialer);
    assert_eq!(dialer.next_timeout(world.now), world.now + Span::from_secs(2));
    world.pass(Span::from_millis(1999));
    assert!(!dialer.is_due(world.now));
    world.pass(Span::from_millis(1));
    assert!(dialer.is_due(world.now));
}

#[test]
fn an_attempt_fails_at_its_connect_timeout() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let deadline = world.now + Span::from_secs(10);
    world.now = deadline - STEP;
    world.sent(&mut dialer);
    assert_eq!(dialer.next_timeout(world.now), deadline);
    assert!(!dialer.expired(deadline - STEP));
    assert!(dialer.expired(deadline));
    assert!(!dialer.is_due(deadline));
    assert_eq!(dialer.write(deadline, &mut world.rng, &mut [0; 1200]), None);
}

#[test]
fn a_hello_remains_due_until_the_buffer_is_large_enough_for_the_hello() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    assert_eq!(dialer.write(world.now, &mut world.rng, &mut [0; 1199]), None);
    assert!(dialer.is_due(world.now));
    assert_eq!(dialer.write(world.now, &mut world.rng, &mut [0; 1200]), Some(1200));
}

#[test]
fn a_retry_is_answered_immediately_with_its_cookie_and_unchanged_noise_bytes() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Credential::Open);
    let first = world.sent(&mut dialer);
    let retry = world.replied(udp(1), &first);
    assert!(matches!(world.handle(&mut dialer, &retry), Answer::Progress));
    assert!(dialer.is_due(world.now));
    let second = world.sent(&mut dialer);
    assert_eq!(noise_of(&second), noise_of(&first));
    let expected = Hello { cookie: Retry::read(&retry).unwrap().cookie, ..Hello::read(&first).unwrap() };
    assert_eq!(Hello::read(&second), Ok(expected));
}

#[test]
fn a_client_that_followed_two_retries_ignores_a_third_retry() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Credential::Open);
    let hello = world.sent(&mut dialer);
    for cookie in 1..=limits::RETRIES {
        let retry = forged_retry(&world, &hello, [cookie; 16]);
        assert!(matches!(world.handle(&mut dialer, &retry), Answer::Progress));
        assert_eq!(ignored(&world.handle(&mut dialer, &retry)), DropReason::Replayed);
    }
    let third = forged_retry(&world, &hello, [3; 16]);
    assert_eq!(ignored(&world.handle(&mut dialer, &third)), DropReason::TooManyRetries);
}

#[test]
fn an_attempt_without_an_answer_for_13900_ms_continues_with_new_noise_bytes() {
    for access in [Access::Tickets, Access::Open] {
        let mut world = World::new(access);
        let ticket = world.ticket();
        let shown = if access == Access::Open { Credential::Open } else { Credential::Ticket(ticket) };
        let setup = DialSetup { timeout: Span::from_secs(30), ..world.setup(shown) };
        let mut dialer = Dialer::new(world.now, &mut world.rng, world.provider.clone(), setup).unwrap();
        let first = world.sent(&mut dialer);
        let answer = match world.screen(udp(1), &first) {
            (Screened::Applicant(candidate), _) => world.accept(candidate, 5).1,
            (_, retry) => retry,
        };
        let end = world.now + limits::ANSWER_WITHIN;
        while dialer.next_timeout(world.now) < end {
            world.now = dialer.next_timeout(world.now);
            assert_eq!(world.sent(&mut dialer), first);
            if dialer.is_size_query_due() {
                world.sent(&mut dialer);
            }
        }
        world.now = end + STEP;
        assert!(matches!(world.handle(&mut dialer, &answer), Answer::Ignored(_)));
        let second = world.sent(&mut dialer);
        assert_ne!(noise_of(&second), noise_of(&first));
        let fresh = |bytes| Hello { noise: &[], ..Hello::read(bytes).unwrap() };
        assert_eq!(fresh(&second), fresh(&first), "all but the Noise bytes stays");
    }
}

#[test]
fn the_answer_timeout_runs_from_the_first_hello_with_a_cookie() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Credential::Open);
    let first = world.sent(&mut dialer);
    let retry = world.replied(udp(1), &first);
    world.pass(Span::from_secs(8));
    assert!(matches!(world.handle(&mut dialer, &retry), Answer::Progress));
    let second = world.sent(&mut dialer);
    let candidate = world.candidate(udp(1), &second);
    let (_, welcome) = world.accept(candidate, 5);
    world.pass(Span::from_secs(8));
    world.accepted(&mut dialer, &welcome);
}

/// Returns a Retry that an attacker who observed `hello` can forge, and that the client follows.
fn forged_retry(world: &World, hello: &[u8], cookie: Cookie) -> Vec<u8> {
    let digest = noise_digest(world.provider.handshake(), &noise_of(hello));
    let client_id = Hello::read(hello).unwrap().client_id;
    let mut retry = Vec::new();
    Retry { client_id, echo: echo_of(world.provider.handshake(), &digest, &cookie), cookie }
        .append_to(&mut retry);
    retry
}

#[test]
fn a_cookie_is_dropped_after_five_unanswered_hellos() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Credential::Open);
    let first = world.sent(&mut dialer);
    for _ in 0..3 {
        for damage in 0..limits::RETRIES {
            let retry = forged_retry(&world, &first, [1 + damage; 16]);
            assert!(matches!(world.handle(&mut dialer, &retry), Answer::Progress));
        }
        let retry = world.replied(udp(1), &first);
        assert_eq!(ignored(&world.handle(&mut dialer, &retry)), DropReason::TooManyRetries);
        for _ in 0..limits::HELLOS_PER_COOKIE {
            assert_ne!(world.sent(&mut dialer), first);
            if dialer.is_size_query_due() {
                assert_eq!(world.sent(&mut dialer).first(), Some(&CONTROL), "the server's key is asked for");
            }
            world.now = dialer.next_timeout(world.now);
        }
        assert_eq!(world.sent(&mut dialer), first);
    }
    let retry = world.replied(udp(1), &first);
    assert!(matches!(world.handle(&mut dialer, &retry), Answer::Progress));
}

#[test]
fn a_forged_or_damaged_retry_is_ignored() {
    let mut world = World::new(Access::Open);
    let mut dialer = world.dial(Credential::Open);
    let hello = world.sent(&mut dialer);
    let retry = world.replied(udp(1), &hello);
    for place in 1..retry.len() {
        let mut forged = retry.clone();
        forged[place] ^= 1;
        assert_eq!(ignored(&world.handle(&mut dialer, &forged)), DropReason::WrongEcho, "byte {place}");
    }
    let without_cookie = forged_retry(&world, &hello, NO_COOKIE);
    assert_eq!(ignored(&world.handle(&mut dialer, &without_cookie)), DropReason::BadCookie);
    assert!(!dialer.is_due(world.now));
    assert!(matches!(world.handle(&mut dialer, &retry), Answer::Progress));
}

#[test]
fn forged_welcomes_are_ignored() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let (_, welcome) = world.open(&mut dialer, 5);
    let timeout = dialer.next_timeout(world.now);
    for length in [0, 31, 32, 48, 75, 200, 1196] {
        let mut forged = welcome[..4].to_vec();
        forged.resize(4 + length, 0);
        world.rng.fill(&mut forged[4..]);
        assert_eq!(ignored(&world.handle(&mut dialer, &forged)), DropReason::NotAuthentic, "{length}");
    }
    assert_eq!(dialer.next_timeout(world.now), timeout);
    world.accepted(&mut dialer, &welcome);
}

#[test]
fn a_finished_connect_attempt_ignores_a_copy_of_its_welcome() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let (_, welcome) = world.open(&mut dialer, 5);
    world.accepted(&mut dialer, &welcome);
    assert_eq!(dialer.next_timeout(world.now), Instant::MAX);
    world.pass(Span::from_secs(1));
    assert!(!dialer.is_due(world.now));
    assert_eq!(ignored(&world.handle(&mut dialer, &welcome)), DropReason::UnexpectedHandshake);
}

#[test]
fn a_version_reply_does_not_end_the_connect_attempt() {
    let mut world = World::new(Access::Tickets);
    let mut dialer = world.dial_with_ticket();
    let hello = world.sent(&mut dialer);
    let preamble = super::super::hello::Preamble::of(&hello).unwrap();
    let mut reply = Vec::new();
    VersionReply::append_to(preamble.echo(), &mut reply);
    reply[5] = 9;
    for place in (2..5).chain(6..14) {
        let mut forged = reply.clone();
        forged[place] ^= 1;
        assert_eq!(ignored(&world.handle(&mut dialer, &forged)), DropReason::WrongEcho, "byte {place}");
    }
    assert_eq!(dialer.version_hint(), None);
    assert!(matches!(world.handle(&mut dialer, &reply), Answer::Noted));
    assert_eq!(dialer.version_hint(), Some(9));
    let (_, welcome) = {
        let candidate = world.candidate(udp(1), &hello);
        world.accept(candidate, 5)
    };
    world.accepted(&mut dialer, &welcome);
}

#[test]
fn forged_damaged_and_unrequested_key_replies_are_ignored() {
    let mut world = World::new(Access::Open);
    let setup = DialSetup { server_key: ServerKey::Any, ..world.setup(Credential::Open) };
    let mut asking = dial(&mut world, setup).unwrap();
    let query = world.sent(&mut asking);
    let reply = world.replied(udp(1), &query);
    for place in 2..reply.len() {
        let mut forged = reply.clone();
        forged[place] ^= 1;
        assert_eq!(ignored(&world.handle(&mut asking, &forged)), DropReason::WrongEcho, "byte {place}");
    }
    let mut low_order = Vec::new();
    KeyReply::new(world.provider.handshake(), &KeyQuery::read(&query).unwrap(), [0; 32])
        .append_to(&mut low_order);
    assert_eq!(ignored(&world.handle(&mut asking, &low_order)), DropReason::Malformed);
    assert!(matches!(world.handle(&mut asking, &reply), Answer::Progress));
    assert!(asking.is_due(world.now));
    assert_eq!(ignored(&world.handle(&mut asking, &reply)), DropReason::UnexpectedHandshake);
}

#[test]
fn an_attempt_with_a_ticket_sends_no_key_query() {
    let mut world = World::new(Access::Tickets);
    let ticket = world.ticket();
    let setup = DialSetup { server_key: ServerKey::Any, ..world.setup(Credential::Ticket(ticket)) };
    let mut dialer = dial(&mut world, setup).unwrap();
    let (_, welcome) = world.open(&mut dialer, 5);
    assert_eq!(world.accepted(&mut dialer, &welcome).server_key, world.server_key);
}

#[test]
fn a_connect_attempt_with_an_invalid_or_contradictory_credential_is_refused() {
    let mut world = World::new(Access::Tickets);
    let ticket = world.ticket();
    let with = |credential| world.setup(credential);
    let resume =
        |psk: [u8; 32], size| Credential::Resume { sealed: vec![1; size], psk: psk.into(), expiry: 1 };
    let peer = |peer_key| Credential::Peer { psk: [1; 32].into(), local_key: [2; 32], peer_key };
    let pinned = ServerKey::Pinned([3; 32]);
    let cases = [
        (
            DialSetup { server_key: pinned.clone(), ..with(Credential::Ticket(ticket.clone())) },
            ConnectError::TicketForAnotherServer,
        ),
        (DialSetup { server_key: pinned, ..with(peer([4; 32])) }, ConnectError::TicketForAnotherServer),
        (
            DialSetup { application: 1, ..with(Credential::Ticket(ticket)) },
            ConnectError::TicketForAnotherApplication { ticket: APPLICATION, endpoint: 1 },
        ),
        (with(resume([0; 32], 9)), ConnectError::ZeroPresharedKey),
        (with(resume([1; 32], 0)), ConnectError::TicketSize { size: 0, most: limits::TICKET_BYTES }),
        (with(resume([1; 32], 513)), ConnectError::TicketSize { size: 513, most: limits::TICKET_BYTES }),
        (
            DialSetup { server_key: ServerKey::Pinned([0; 32]), ..with(Credential::Open) },
            ConnectError::BadServerKey,
        ),
    ];
    for (setup, error) in cases {
        assert_eq!(dial(&mut world, setup).err(), Some(error));
    }
}

/// Returns an attempt whose first `hellos` Hellos were not answered, and the queries that were sent beside them.
fn unanswered(world: &mut World, mut dialer: Dialer, hellos: usize) -> (Dialer, Vec<Vec<u8>>) {
    let mut queries = Vec::new();
    for _ in 0..hellos {
        world.sent(&mut dialer);
        if dialer.is_due(world.now) {
            queries.push(world.sent(&mut dialer));
        }
        world.now = dialer.next_timeout(world.now);
    }
    (dialer, queries)
}

#[test]
fn an_answered_small_query_indicates_a_small_path_mtu_until_a_large_query_is_answered() {
    let mut world = World::new(Access::Tickets);
    let dialer = world.dial_with_ticket();
    let (mut dialer, queries) = unanswered(&mut world, dialer, 9);
    let sizes: Vec<usize> = queries.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1200, KEY_REPLY_BYTES, 1200]);
    assert!(!dialer.narrow_path());
    let small = world.replied(udp(1), &queries[1]);
    for place in 2..small.len() {
        let mut forged = small.clone();
        forged[place] ^= 1;
        world.handle(&mut dialer, &forged);
        assert!(!dialer.narrow_path(), "byte {place}");
    }
    assert!(matches!(world.handle(&mut dialer, &small), Answer::Noted));
    assert!(dialer.narrow_path());
    // A large one that is answered after all says that the path is wide.
    let large = world.replied(udp(1), &queries[2]);
    assert!(matches!(world.handle(&mut dialer, &large), Answer::Noted));
    assert!(!dialer.narrow_path());
}

#[test]
fn an_answered_hello_shows_that_the_path_mtu_is_large_enough() {
    let mut world = World::new(Access::Open);
    let dialer = world.dial(Credential::Open);
    let (mut dialer, queries) = unanswered(&mut world, dialer, 9);
    let small = world.replied(udp(1), &queries[1]);
    world.handle(&mut dialer, &small);
    assert!(dialer.narrow_path());
    let hello = world.sent(&mut dialer);
    let retry = world.replied(udp(1), &hello);
    assert!(matches!(world.handle(&mut dialer, &retry), Answer::Progress));
    assert!(!dialer.narrow_path());
}
