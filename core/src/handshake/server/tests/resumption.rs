//! Tests of the answers to resume tickets.

use super::*;

/// Returns an attempt to resume with a ticket that this server sealed.
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
fn a_resume_ticket_is_accepted_more_than_once() {
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
fn a_hello_with_a_superseded_resume_ticket_gets_no_answer() {
    let mut world = World::new(Access::Tickets);
    world.directory.session = Err(DropReason::BurntTicket);
    let contents = resume_contents(&world);
    let mut dialer = resuming(&mut world, &contents);
    let hello = world.sent(&mut dialer);
    assert_eq!(world.dropped(udp(1), &hello), DropReason::BurntTicket);
}

#[test]
fn the_resume_ticket_of_an_ended_session_is_refused_in_an_encrypted_welcome() {
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
fn an_expired_resume_ticket_is_refused_unless_the_server_still_has_its_session() {
    let mut world = World::new(Access::Tickets);
    let contents = resume_contents(&world);
    let mut dialer = resuming(&mut world, &contents);
    let hello = world.sent(&mut dialer);
    for seconds in [60, 3 * 3600, 1000 * 3600] {
        world.pass(Span::from_secs(seconds));
        world.directory.session = Ok(SessionOutcome::Lost);
        assert_eq!(world.candidate(udp(1), &hello).refusal, Some(Refusal::Expired));
        world.directory.session = Ok(SessionOutcome::Resumed);
        assert_eq!(world.candidate(udp(1), &hello).refusal, None);
    }
}

#[test]
fn an_open_server_refuses_an_expired_resume_ticket_that_has_an_identity_or_user_data() {
    let mut world = World::new(Access::Open);
    for (identity, user_data) in [([3; 16], ""), ([0; 16], "blue team"), ([0; 16], "")] {
        let contents = ResumeContents {
            identity,
            user_data: user_data.into(),
            expiry: world.wall_now().saturating_sub(1),
            ..resume_contents(&world)
        };
        let is_anonymous = identity == [0; 16] && user_data.is_empty();
        let mut dialer = resuming(&mut world, &contents);
        let hello = world.sent(&mut dialer);
        // Its address needs no cookie.
        let (Screened::Applicant(candidate), _) = world.screen_validated(link(1), &hello, true) else {
            panic!("no candidate");
        };
        assert_eq!(candidate.refusal, (!is_anonymous).then_some(Refusal::Expired), "{contents:?}");
    }
}

#[test]
fn a_session_has_at_most_two_half_open_resumptions() {
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
