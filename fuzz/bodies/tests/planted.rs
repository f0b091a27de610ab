//! Checks that the targets find bugs that are planted on purpose. Needs the feature `planted`.
#![cfg(feature = "planted")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod input;

use std::panic::{catch_unwind, set_hook, take_hook};

use tickwire_core::planted::{Bug, plant};
use tickwire_fuzz::{Body, TARGETS};
use tickwire_sim::rng::{Draws, mix};

const ROUNDS: u64 = 3000;

/// Returns the number of the first input for which `body` panics. The inputs are the files of the corpus, and changed
/// copies of them.
fn finds(target: &str, body: Body, most: usize) -> Option<usize> {
    let corpus = input::corpus(target);
    let changed = (0..ROUNDS).map(|round| input::input(&corpus, &mut Draws::new(mix(7, round))));
    corpus.iter().cloned().chain(changed).take(most).position(|bytes| catch_unwind(|| body(&bytes)).is_err())
}

#[test]
fn every_planted_bug_outside_address_validation_and_views_is_detected_by_a_fuzz_target() {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let mut missed = Vec::new();
    // Only a simulator knows who really sits at an address, and only the swarm's views change.
    let is_found = |bug: Bug| bug != Bug::AddressTrusted && !bug.is_of_views();
    let bugs = Bug::ALL.into_iter().filter(|(bug, _)| is_found(*bug));
    // One bug at a time: it is planted in the whole process.
    for (bug, name) in bugs {
        plant(Some(bug));
        let candidates: &[&str] = if bug.is_of_worlds() {
            &["world_link", "worlds"]
        } else {
            &["endpoint", "channel_pair", "reassembly", "replay", "hostile_client"]
        };
        let targets = TARGETS.iter().filter(|(target, _)| candidates.contains(target));
        let found = targets.map(|(target, body)| (target, body, finds(target, *body, usize::MAX)));
        let found = found.into_iter().find_map(|(target, body, input)| Some((target, body, input?)));
        plant(None);
        match found {
            None => missed.push(name),
            Some((target, body, input)) => {
                println!("{name}: found by input {input} of {target}");
                if finds(target, *body, input + 1).is_some() {
                    missed.push("what is planted alone: a target fails without it");
                }
            }
        }
    }
    set_hook(hook);
    assert!(missed.is_empty(), "nothing found {missed:?}");
}
