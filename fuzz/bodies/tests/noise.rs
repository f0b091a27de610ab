//! Runs every target with random bytes, for a short time in each run of the tests.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod input;

use std::panic::catch_unwind;

use tickwire_fuzz::TARGETS;
use tickwire_sim::rng::{Draws, mix};

const ROUNDS: u64 = 300;

#[test]
fn random_bytes_and_changed_corpus_files_violate_no_invariant_of_a_fuzz_target() {
    // A long run by hand: `ROUNDS=100000 TARGET=hostile_client cargo test -p tickwire-fuzz --release --test noise`.
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let only = std::env::var("TARGET").ok();
    for (index, (target, body)) in (0..).zip(TARGETS) {
        if only.as_deref().is_some_and(|only| only != *target) {
            continue;
        }
        let corpus = input::corpus(target);
        for round in 0..rounds {
            let bytes = input::input(&corpus, &mut Draws::new(mix(index, round)));
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(catch_unwind(|| body(&bytes)).is_ok(), "{target} breaks a promise for {hex}");
        }
    }
}
