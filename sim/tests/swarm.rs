//! The swarm itself: it is deterministic, generates every kind of fault, and detects violations.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::time::Duration;

use tickwire_sim::fault::{Fault, Kind, KindName, Target};
use tickwire_sim::swarm::{Report, Run, run};
use tickwire_sim::trace_hash;

#[test]
fn two_runs_are_equal_if_and_only_if_their_seeds_are_equal() {
    assert_eq!(trace_hash(3, 5), trace_hash(3, 5));
    assert_ne!(trace_hash(3, 5), trace_hash(4, 5));
    let report = run(&Run::new(3, 5));
    assert_eq!(report.hash, run(&Run::new(3, 5)).hash);
}

#[test]
fn forty_swarm_seeds_trigger_every_kind_of_fault_without_a_violation() {
    let mut report = Report::new();
    for seed in 0..40 {
        let outcome = run(&Run::new(seed, 10));
        assert_eq!(outcome.violation, None, "cargo xtask swarm --seeds 1 --from {seed} --seconds 10");
        report.add(&outcome);
    }
    for name in KindName::ALL {
        assert!(report.faults[name] > 0, "{name} never did anything");
    }
    for name in
        ["messages_delivered", "receipts", "interrupted", "resumed", "moved", "sessions_lost", "queue_full"]
    {
        assert!(report.counts[name] > 0, "{name} never happened");
    }
    assert_eq!(report.real_crypto_seeds, 2);
    assert!(report.datagrams > 40 * 10 * 4 * 60, "{} datagrams", report.datagrams);
    let json = report.to_json(Duration::from_millis(1500), 2);
    assert!(json.starts_with("{\"seeds\":40,\"violations\":0,"), "{json}");
    assert!(json.ends_with("\"elapsed_s\":1.500}"), "{json}");
}

/// At an end whose clock jumps an hour ahead, every session times out immediately, and every ticket has expired.
#[test]
fn a_clock_jump_of_an_hour_at_both_ends_violates_no_invariant() {
    let jump = |node| Fault {
        from: at(4_900),
        until: at(4_950),
        target: Target::Node(node),
        kind: Kind::Jump { micros: 3_600_000_000 },
        seed: 1,
    };
    for seed in 0..10 {
        let faults = [jump(0), jump(1)];
        let report = run(&Run { faults: Some(&faults), ..Run::new(seed, 5) });
        assert_eq!(report.violation, None, "seed {seed}");
    }
}

const fn at(millis: u64) -> tickwire_core::Instant {
    tickwire_core::Instant::saturating_from_micros(millis * 1000)
}

#[test]
fn the_readme_states_the_number_of_fault_kinds() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let promise = format!("a simulator with {} kinds of faults", KindName::ALL.len());
    assert!(readme.contains(&promise), "{promise}");
}
