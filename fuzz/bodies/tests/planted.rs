//! The targets find bugs that are planted on purpose. Only with the feature `planted`.
#![cfg(feature = "planted")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod input;

use std::panic::{catch_unwind, set_hook, take_hook};

use tickwire_core::planted::{Bug, plant};
use tickwire_fuzz::{Body, TARGETS};
use tickwire_sim::rng::{Draws, mix};

const ROUNDS: u64 = 3000;

/// Whether `body` panics for a file of its corpus, or for something made of them.
fn finds(target: &str, body: Body) -> bool {
    let corpus = input::corpus(target);
    let changed = (0..ROUNDS).map(|round| input::input(&corpus, &mut Draws::new(mix(7, round))));
    corpus.iter().cloned().chain(changed).any(|bytes| catch_unwind(|| body(&bytes)).is_err())
}

#[test]
fn every_planted_bug_is_found() {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let mut missed = Vec::new();
    // One bug at a time: it is planted in the whole process.
    for (bug, name) in Bug::ALL {
        plant(Some(bug));
        let candidates = ["endpoint", "channel_pair", "reassembly", "replay", "hostile_client"];
        let mut targets = TARGETS.iter().filter(|(target, _)| candidates.contains(target));
        if !targets.any(|(target, body)| finds(target, *body)) {
            missed.push(name);
        }
    }
    plant(None);
    set_hook(hook);
    assert!(missed.is_empty(), "nothing found {missed:?}");
}
