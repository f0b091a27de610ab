//! Tests of the dispatch of messages to handlers.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use slotmap::SlotMap;

use super::*;
use crate::event::ConnectionId;
use crate::time::{Duration, Instant};

fn connections<const N: usize>() -> [ConnectionId; N] {
    let mut map = SlotMap::<ConnectionId, ()>::with_key();
    core::array::from_fn(|_| map.insert(()))
}

/// Returns a counter, and a second reference to the counter for a handler.
fn counter() -> (Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let counter = Arc::new(AtomicUsize::new(0));
    (counter.clone(), counter)
}

fn count(seen: &AtomicUsize) {
    seen.fetch_add(1, Ordering::Relaxed);
}

/// A game without state, and without a network.
type Game = Dispatcher<(), (), ConnectionId>;

fn dispatch(dispatcher: &mut Game, now: Instant, from: ConnectionId, bytes: &[u8]) -> Outcome {
    dispatcher.dispatch(now, &mut (), &mut (), from, bytes)
}

fn at(seconds: u64) -> Instant {
    Instant::saturating_from_micros(seconds * 1_000_000)
}

fn rejected(outcome: Outcome) -> (Rejection, Verdict) {
    match outcome {
        Outcome::Rejected { reason, verdict } => (reason, verdict),
        Outcome::Handled { .. } => panic!("{outcome:?}"),
    }
}

#[test]
fn a_message_is_delivered_to_every_handler_of_its_type_and_to_no_other_handler() {
    let mut dispatcher = Game::new(registry());
    let [connection] = connections();
    let (moves, seen) = counter();
    dispatcher
        .on(move |(), (), from, message: &Move| {
            assert_eq!((from, message), (connection, &a_move()));
            count(&seen);
        })
        .unwrap();
    let (again, seen) = counter();
    dispatcher.on(move |(), (), _, _: &Move| count(&seen)).unwrap();
    dispatcher.on(|(), (), _, message: &Ping| assert_eq!(message.kind, Kind::Request, "not a ping")).unwrap();
    let bytes = registry().encode(&a_move()).unwrap();
    let outcome = dispatch(&mut dispatcher, at(0), connection, &bytes);
    assert_eq!(outcome, Outcome::Handled { message_type: MessageType(0x1001), handlers: 2 });
    assert_eq!((moves.load(Ordering::Relaxed), again.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn handlers_receive_the_game_and_the_network_that_were_passed_to_dispatch() {
    #[derive(Default)]
    struct Score(u32);
    let mut dispatcher = Dispatcher::<Score, Vec<ConnectionId>, ConnectionId>::new(registry());
    let add = |score: &mut Score, sent: &mut Vec<ConnectionId>, from, message: &Move| {
        score.0 += u32::from(message.x);
        sent.push(from);
    };
    dispatcher.on(add).unwrap();
    dispatcher.on(add).unwrap();
    let [connection] = connections();
    let bytes = registry().encode(&a_move()).unwrap();
    let (mut score, mut sent) = (Score::default(), Vec::new());
    let _ = dispatcher.dispatch(at(0), &mut score, &mut sent, connection, &bytes);
    assert_eq!((score.0, sent), (2000, [connection, connection].to_vec()));
}

#[test]
fn a_handler_can_remove_itself_while_it_runs() {
    let mut dispatcher = Game::new(registry());
    let [connection] = connections();
    let (once, seen) = counter();
    let first = dispatcher
        .on(move |(), (), _, _: &Ping| {
            count(&seen);
            HandlerAction::Remove
        })
        .unwrap();
    let (always, seen) = counter();
    dispatcher.on(move |(), (), _, _: &Ping| count(&seen)).unwrap();
    let bytes = registry().encode(&a_ping()).unwrap();
    for _ in 0..3 {
        let _ = dispatch(&mut dispatcher, at(0), connection, &bytes);
    }
    assert_eq!((once.load(Ordering::Relaxed), always.load(Ordering::Relaxed)), (1, 3));
    assert!(!dispatcher.off(first));
}

#[test]
fn the_id_of_a_removed_handler_removes_no_later_handler() {
    let mut dispatcher = Game::new(registry());
    let [connection] = connections();
    let removed = dispatcher
        .on(|(), (), _, message: &Ping| assert_eq!(message.kind, Kind::Request, "removed"))
        .unwrap();
    assert!(dispatcher.off(removed));
    let stays = dispatcher.on(|(), (), _, _: &Ping| {}).unwrap();
    assert_ne!(removed, stays);
    assert!(!dispatcher.off(removed));
    let outcome = dispatch(&mut dispatcher, at(0), connection, &registry().encode(&a_ping()).unwrap());
    assert_eq!(outcome, Outcome::Handled { message_type: MessageType(0x1000), handlers: 1 });
}

#[test]
fn a_handler_for_an_unregistered_type_is_refused() {
    let mut dispatcher = Game::new(Registry::new());
    let unknown = EncodeError::NotRegistered { name: "ping" };
    assert_eq!(dispatcher.on(|(), (), _, _: &Ping| {}), Err(unknown.clone()));
    assert_eq!(dispatcher.validate(|_: &Ping| true), Err(unknown));
}

#[test]
fn no_handler_receives_an_invalid_message() {
    let mut dispatcher = Game::new(registry());
    let [connection] = connections();
    dispatcher.on(|(), (), _, message: &Move| assert!(message.x < 900)).unwrap();
    dispatcher.validate(|message: &Move| message.x < 900).unwrap();
    dispatcher.validate(|message: &Move| message.level > 0).unwrap();
    let mut send =
        |message: Move| dispatch(&mut dispatcher, at(0), connection, &registry().encode(&message).unwrap());
    let invalid = (Rejection::Invalid { name: "move" }, Verdict::Tolerate);
    assert_eq!(rejected(send(Move { x: 900, ..a_move() })), invalid);
    assert_eq!(rejected(send(Move { x: 0, level: 0, ..a_move() })), invalid);
    assert!(matches!(send(Move { x: 0, ..a_move() }), Outcome::Handled { handlers: 1, .. }));
}

#[test]
fn a_malformed_message_is_rejected_even_if_its_type_has_no_handler() {
    let mut dispatcher = Game::new(registry());
    let [connection] = connections();
    let unknown = Rejection::Malformed { name: None, error: DecodeError::UnknownType };
    let outcome = dispatch(&mut dispatcher, at(0), connection, &[99]);
    assert_eq!(rejected(outcome), (unknown, Verdict::Tolerate));
    let short = Rejection::Malformed { name: Some("ping"), error: DecodeError::Truncated };
    let outcome = dispatch(&mut dispatcher, at(0), connection, &[2]);
    assert_eq!(rejected(outcome), (short, Verdict::Tolerate));
    dispatcher.on(|(), (), _, _: &Ping| {}).unwrap();
    let outcome = dispatch(&mut dispatcher, at(0), connection, &[2]);
    assert_eq!(rejected(outcome), (short, Verdict::Tolerate));
}

#[test]
fn only_the_ninth_invalid_message_of_one_connection_within_ten_seconds_has_the_verdict_close() {
    let mut dispatcher = Game::new(registry());
    let [bad, good] = connections();
    let mut violate =
        |second, connection| rejected(dispatch(&mut dispatcher, at(second), connection, &[99])).1;
    for second in 0..8 {
        assert_eq!(violate(second, bad), Verdict::Tolerate);
    }
    assert_eq!(violate(8, bad), Verdict::Close);
    assert_eq!(violate(8, good), Verdict::Tolerate);
    assert_eq!(violate(10, bad), Verdict::Tolerate);
    assert_eq!(violate(10, bad), Verdict::Close);
    dispatcher.forget(bad);
    assert_eq!(dispatcher.violated(at(10), bad), Verdict::Tolerate);
}

#[test]
fn the_first_invalid_message_has_the_verdict_close_if_the_limit_is_zero() {
    let limit = ViolationLimit { count: 0, window: Duration::from_secs(1) };
    let mut dispatcher = Game::new(registry()).violation_limit(limit);
    let [connection] = connections();
    assert_eq!(rejected(dispatch(&mut dispatcher, at(0), connection, &[99])).1, Verdict::Close);
}
