//! Runs seeds on all cores. Results are reported in the order of the seeds, so that the first violation is the same on any machine.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use tickwire_core::Instant;
use tickwire_sim::checker::Violation;
use tickwire_sim::swarm::{Run, SeedReport, run};

/// Returns the number of cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Runs one seed. A panic counts as a violation.
pub(crate) fn run_caught(what: &Run<'_>) -> SeedReport {
    let outcome = catch_unwind(AssertUnwindSafe(|| run(what)));
    outcome.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_else(|| "a panic without a message".into());
        SeedReport::failed(what.seed, Violation { checker: "panic", at: Instant::ZERO, text })
    })
}

/// Runs `seeds`, and passes each result to `take` in order, until `take` returns `false`.
pub(crate) fn run_all(
    seeds: Range<u64>,
    job: impl Fn(u64) -> SeedReport + Sync,
    mut take: impl FnMut(SeedReport) -> bool,
) {
    let next = AtomicU64::new(seeds.start);
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores() {
            let sender = sender.clone();
            let (next, stop, job, end) = (&next, &stop, &job, seeds.end);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || sender.send(job(seed)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early = std::collections::BTreeMap::new();
        let mut due = seeds.start;
        for report in receiver {
            early.insert(report.seed, report);
            while let Some(report) = early.remove(&due) {
                due += 1;
                if !stop.load(Ordering::Relaxed) && !take(report) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
    });
}
