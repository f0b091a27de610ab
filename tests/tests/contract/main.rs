//! The contract of the core, clause by clause: each test names the clause that it checks.
//!
//! Cases come from a fixed seed; `CONTRACT_SEED` sets a different seed, and `CONTRACT_CASES` multiplies the number of cases.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod events;
mod memory;
mod polling;
mod regressions;
#[path = "../script/mod.rs"]
mod script;
mod sending;
mod work;
mod worlds;

use std::collections::BTreeMap;

use quickcheck::{Arbitrary, Gen, QuickCheck, Testable};
use script::op::{How, Op};
use script::provider;
use script::world::{Manner, Output, Setup, World};
use tickwire_core::crypto::default_provider;
use tickwire_core::wire::writers::{Chain, Writer, write_message};
use tickwire_core::wire::{DataHeader, MessageFrame, MessagePart};
use tickwire_core::{ChannelId, Duration, Instant, limits};
use tickwire_sim::rng::Draws;
use tickwire_tests::allocation::Counting;

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

/// Returns the provider of a case: usually the null provider, and sometimes real cryptography.
fn provider_for(seed: u64) -> std::sync::Arc<dyn tickwire_core::crypto::Provider> {
    if seed % 16 == 7 { default_provider() } else { provider::null() }
}

/// Returns a script that connects, sends the messages of `script` on reliable channels only, and runs correct drivers,
/// so that all messages arrive.
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
fn clause_01_calls_in_any_order_and_with_any_times_violate_no_clause_of_the_contract() {
    fn clamped_and_never_stuck(script: Vec<Op>, seed: u64) {
        let setup = Setup::new(provider_for(seed), seed);
        let mut world = World::new(setup.clone());
        world.play(&script);
        world.expect_kept(1);
        let mut clamped = World::new(Setup { clamps: true, ..setup });
        clamped.play(&script);
        world.expect_same(&clamped, "a time that runs backwards is not clamped");
        recovers(&mut world);
    }
    fn no_polling_order(script: Vec<Op>) {
        let script = honest(&script);
        let expected = received(Manner::Orderly { every: None, order: 0 }, &script);
        for order in 1..6 {
            assert_eq!(received(Manner::Orderly { every: None, order }, &script), expected, "order {order}");
        }
    }
    check(1200, 100, clamped_and_never_stuck as fn(Vec<Op>, u64));
    check(10, 30, no_polling_order as fn(Vec<Op>));
}

/// Checks that a correct driver makes the world work again after any script.
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
fn clause_06_the_same_calls_with_the_same_seed_give_the_same_bytes() {
    fn twice(script: Vec<Op>, seed: u64) {
        let play = || {
            let mut world = World::new(Setup::new(provider_for(seed), seed));
            world.play(&script);
            world.trace
        };
        assert_eq!(play(), play());
    }
    check(800, 100, twice as fn(Vec<Op>, u64));
}

/// Returns a packet of a peer that uses as much of the receiver's memory as is permitted.
fn greedy_packet(kind: u8, header: &DataHeader, draws: &mut Draws) -> Vec<u8> {
    static DATA: [u8; 1000] = [7; 1000];
    let mut bytes = vec![0; 1200 - limits::TAG];
    let mut writer = Writer::new(&mut bytes);
    header.write(&mut writer).unwrap();
    let mut chain = Chain::default();
    while writer.remaining() >= 100 {
        let (channel, id, part, length) = match kind % 5 {
            // Unreliable messages that nobody takes.
            0 => (3, None, MessagePart::Whole, draws.below(100)),
            // Beginnings of large ones.
            1 => (3, Some(draws.below(1 << 24)), fragment(1 << 20, draws.below(1 << 20)), 1),
            2 => (2, Some(draws.below(1 << 22)), fragment(5000, draws.below(4000)), 900),
            // Crumbs of as many reliable messages as credit allows.
            3 => (1, Some(draws.below(2040)), fragment(900, draws.below(450) * 2), 1),
            // All but the first of an ordered channel.
            _ => (0, Some(draws.between(1, 2000)), MessagePart::Whole, 900),
        };
        let data = &DATA[..length as usize];
        let frame = MessageFrame { channel: ChannelId(channel), id: id.map(|id| id as u32), part, data };
        if write_message(&frame, &mut writer, &mut chain).is_err() {
            break;
        }
    }
    let length = writer.written();
    bytes.resize(length + limits::TAG, 0);
    bytes
}

fn fragment(total: u64, offset: u64) -> MessagePart {
    MessagePart::Fragment { total, offset }
}

#[test]
fn the_generated_contract_scripts_cause_each_of_eight_kinds_of_event_at_least_20_times() {
    let mut g = Gen::from_size_and_seed(100, 1);
    let mut counts = BTreeMap::<String, usize>::new();
    for seed in 0..400 {
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
