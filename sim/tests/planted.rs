//! Bugs planted on purpose: the swarm finds each bug, and finds no violation in the same seeds without the bug.
//!
//! The full hunt is `cargo xtask swarm --planted all --seeds 1000`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use tickwire_core::planted::{Bug, plant};
use tickwire_sim::swarm::{Run, run};

const SECONDS: u32 = 30;

fn first_failing(seeds: core::ops::Range<u64>) -> Option<u64> {
    seeds.into_iter().find(|&seed| run(&Run::new(seed, SECONDS)).violation.is_some())
}

/// The file has only one test, because a planted bug affects the whole process.
#[test]
fn the_swarm_reports_a_violation_if_and_only_if_a_bug_is_planted() {
    let mut last = 0;
    // The first is too rare for the seeds of this test: a fuzz target finds it.
    for (bug, name) in Bug::ALL.into_iter().filter(|(bug, _)| *bug != Bug::VisitIgnored) {
        plant(Some(bug));
        let found = first_failing(0..1000);
        plant(None);
        let found = found.unwrap_or_else(|| panic!("{name} was not found"));
        println!("{name}: found by seed {found}");
        last = last.max(found);
    }
    assert_eq!(first_failing(0..last + 1), None);
    println!("without: nothing in seeds 0 to {last}");
}
