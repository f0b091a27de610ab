//! The contract of the core, clause by clause: each test names the clause that it would see broken.
//!
//! Cases come from a fixed seed; `CONTRACT_SEED` draws others, and `CONTRACT_CASES` is how many times as many.

mod common;
mod script;

use std::collections::BTreeMap;

use quickcheck::{Arbitrary, Gen, QuickCheck, Testable};
use script::allocation::Counting;
use script::op::{How, Op};
use script::provider;
use script::world::{Manner, Output, Setup, World};
use tickwire_core::crypto::default_provider;
use tickwire_core::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn check<T: Testable>(cases: u64, size: usize, property: T) {
    let seed = number("CONTRACT_SEED", 0x7469_636b);
    let cases = cases * number("CONTRACT_CASES", 1);
    QuickCheck::new().rng(Gen::from_size_and_seed(size, seed)).tests(cases).quickcheck(property);
}

/// Which cryptography a case runs on: mostly none, sometimes the real one.
fn provider_for(seed: u64) -> std::sync::Arc<dyn tickwire_core::crypto::Provider> {
    if seed % 16 == 7 { default_provider() } else { provider::null() }
}

/// The operations of a script that leave nothing to chance but time: whoever lets it run gets what was sent.
fn honest(script: &[Op]) -> Vec<Op> {
    let mut kept = vec![
        Op::Connect { node: 1, to: 0, how: How::Pinned },
        Op::Connect { node: 0, to: 2, how: How::Ticket },
        Op::Run { millis: 300 },
    ];
    kept.extend(script.iter().filter_map(|op| match *op {
        // Reliable channels only.
        Op::Send { node, connection, channel, size } => {
            Some(Op::Send { node, connection, channel: channel % 2, size })
        }
        Op::Run { millis } => Some(Op::Run { millis: millis.min(2000) }),
        _ => None,
    }));
    kept.push(Op::Run { millis: 5000 });
    kept
}

fn received(manner: Manner, script: &[Op]) -> Vec<u64> {
    let mut world = World::new(Setup { manner, ..Setup::new(provider::null(), 1) });
    world.play(script);
    world.nodes.iter().map(|node| node.received).collect()
}

#[test]
fn clause_01_any_call_in_any_order_at_any_time() {
    fn clamped_and_never_stuck(script: Vec<Op>, seed: u64) {
        let setup = Setup::new(provider_for(seed), seed);
        let mut world = World::new(setup.clone());
        world.play(&script);
        world.expect_kept(1);
        let mut clamped = World::new(Setup { clamps: true, ..setup });
        clamped.play(&script);
        assert_eq!(world.outputs(), clamped.outputs(), "a time that runs backwards is not clamped");
        recovers(&mut world);
    }
    fn no_polling_order(script: Vec<Op>) {
        let script = honest(&script);
        let expected = received(Manner::Orderly { every: None, order: 0 }, &script);
        for order in 1..6 {
            assert_eq!(received(Manner::Orderly { every: None, order }, &script), expected, "order {order}");
        }
    }
    check(150, 100, clamped_and_never_stuck as fn(Vec<Op>, u64));
    check(10, 30, no_polling_order as fn(Vec<Op>));
}

/// Whatever was done to the world: a good driver makes it work again.
fn recovers(world: &mut World) {
    let latest = world.nodes.iter().fold(world.now, |latest, node| latest.max(node.latest));
    if latest > Instant::MAX - Duration::from_secs(1000) {
        return;
    }
    for connection in 0..=u8::MAX {
        for node in 0..3 {
            world.step(Op::Close { node, connection, gently: false });
        }
    }
    world.step(Op::Run { millis: 20_000 });
    let before = world.nodes[0].received;
    world.connect(1, 0, How::Pinned);
    let latest = world.nodes[1].connections.len() - 1;
    world.send(1, latest as u8, 0, 5000);
    world.step(Op::Run { millis: 3000 });
    assert_eq!(world.nodes[0].received - before, 5000, "nothing works any more");
}

#[test]
fn clause_02_while_a_poll_would_return_something_poll_timeout_is_due_and_names_its_cause() {
    fn due(script: Vec<Op>, seed: u64) {
        let manner = Manner::CauseOnly;
        let mut world = World::new(Setup { manner, ..Setup::new(provider_for(seed), seed) });
        world.play(&script);
        world.expect_kept(2);
    }
    fn sloppy_is_enough(script: Vec<Op>) {
        let script = honest(&script);
        let expected = received(Manner::Orderly { every: None, order: 0 }, &script);
        assert_eq!(received(Manner::CauseOnly, &script), expected);
    }
    check(150, 100, due as fn(Vec<Op>, u64));
    check(20, 30, sloppy_is_enough as fn(Vec<Op>));
}

#[test]
fn clause_03_repeating_handle_timeout_and_draining_ends_and_then_poll_timeout_lies_later() {
    fn no_spin(script: Vec<Op>, seed: u64) {
        let mut world = World::new(Setup::new(provider_for(seed), seed));
        for part in script.chunks(10) {
            world.play(part);
            for node in 0..3 {
                let rounds = world.settle(node, 20);
                assert!(
                    rounds.is_some(),
                    "node {node} spins: {:?}",
                    world.nodes[node].endpoint.poll_timeout()
                );
            }
        }
    }
    check(150, 100, no_spin as fn(Vec<Op>, u64));
}

#[test]
fn clause_05_poll_timeout_is_pure_and_may_be_early_but_is_never_late() {
    fn never_late(script: Vec<Op>, seed: u64, every: u8) {
        let lazy = Setup::new(provider_for(seed), seed);
        let every = Some(Duration::from_micros(7001 + u64::from(every) * 211));
        let eager = Setup { manner: Manner::Orderly { every, order: 0 }, ..lazy.clone() };
        let (mut lazy, mut eager) = (World::new(lazy), World::new(eager));
        lazy.play(&script);
        eager.play(&script);
        lazy.expect_kept(5);
        assert_eq!(lazy.outputs(), eager.outputs(), "who asks more often gets more, or earlier");
    }
    check(80, 60, never_late as fn(Vec<Op>, u64, u8));
}

#[test]
fn clause_06_the_same_calls_with_the_same_seed_give_the_same_bytes() {
    fn twice(script: Vec<Op>, seed: u64) {
        let play = || {
            let mut world = World::new(Setup::new(provider_for(seed), seed));
            world.play(&script);
            world.trace
        };
        assert_eq!(play(), play());
    }
    check(100, 100, twice as fn(Vec<Op>, u64));
}

#[test]
fn clause_11_connected_comes_first_and_closed_last_and_once() {
    fn in_order(script: Vec<Op>, seed: u64) {
        let mut world = World::new(Setup::new(provider_for(seed), seed));
        world.play(&script);
        world.expect_kept(11);
        for node in 0..3 {
            world.settle(node, 20);
        }
        world.expect_kept(11);
    }
    check(200, 120, in_order as fn(Vec<Op>, u64));
}

#[test]
fn scripts_reach_what_they_are_meant_to_reach() {
    let mut g = Gen::from_size_and_seed(100, 1);
    let mut counts = BTreeMap::<String, usize>::new();
    for seed in 0..200 {
        let script = Vec::<Op>::arbitrary(&mut g);
        let mut world = World::new(Setup::new(provider::null(), seed));
        world.play(&script);
        for output in &world.trace {
            let name = match output {
                Output::Event { text, .. } | Output::Returned { what: text, .. } => text,
                Output::Datagram { .. } | Output::Timeout { .. } => continue,
            };
            *counts.entry(name.split([' ', '(']).next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    for event in
        ["Connected", "Message", "Delivered", "SendReady", "Interrupted", "Resumed", "Moved", "Closed"]
    {
        assert!(counts.get(event).copied().unwrap_or(0) >= 20, "{event} is too rare: {counts:#?}");
    }
}
#[test]
fn debug_one() {
    let mut world = World::new(Setup::new(provider::null(), 1));
    world.play(&[
        Op::Connect { node: 1, to: 0, how: How::AnyKey },
        Op::Connect { node: 1, to: 0, how: How::Ticket },
        Op::Connect { node: 1, to: 0, how: How::Ticket },
        Op::Connect { node: 0, to: 0, how: How::AnyKey },
        Op::Connect { node: 2, to: 0, how: How::AnyKey },
        Op::Run { millis: 36 },
    ]);
    for node in &world.nodes {
        println!(
            "{:?}",
            node.endpoint
                .connections()
                .map(|c| (c, node.endpoint.state(c), node.endpoint.address(c)))
                .collect::<Vec<_>>()
        );
    }
    let n = world.trace.len();
    for connection in 0..=u8::MAX {
        for node in 0..3 {
            world.step(Op::Close { node, connection, gently: false });
        }
    }
    world.step(Op::Run { millis: 20_000 });
    for output in &world.trace[n..] {
        if !matches!(output, Output::Timeout { .. }) {
            println!("{output:?}");
        }
    }
    for node in &world.nodes {
        println!(
            "{:?}",
            node.endpoint
                .connections()
                .map(|c| (c, node.endpoint.state(c), node.endpoint.address(c)))
                .collect::<Vec<_>>()
        );
    }
}
