//! The worlds that clients show after all faults have ended.
//!
//! The full check is `cargo xtask swarm --worlds --seeds 1000`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tickwire_sim::swarm::{Report, Run, Scene, run};

const SEEDS: u64 = 100;
const SECONDS: u32 = 10;

/// 200 entities change until the faults have ended. A run has a violation if a client does not show the world of the server
/// within two seconds from then on, or from the `Connected` or `Resumed` after it.
#[test]
fn every_client_shows_the_servers_world_within_two_seconds_after_the_faults_of_100_seeds_have_ended() {
    let (next, report) = (AtomicU64::new(0), Mutex::new(Report::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    let outcome = run(&Run { scene: Scene::Worlds, ..Run::new(seed, SECONDS) });
                    let command = "cargo xtask swarm --worlds --seeds 1";
                    assert_eq!(outcome.violation, None, "{command} --from {seed} --seconds {SECONDS}");
                    report.lock().unwrap().add(&outcome);
                }
            });
        }
    });
    let report = report.into_inner().unwrap();
    assert_eq!((report.seeds, report.violations), (SEEDS, 0));
    // At least four clients in each seed.
    assert!(report.counts["clients_converged"] >= 4 * SEEDS, "{:?}", report.counts);
    assert!(report.counts["views_changed"] >= SEEDS, "{:?}", report.counts);
    // The worlds are compared every 100 ms.
    let most = report.converged_most;
    assert!((Duration::from_millis(1)..=Duration::from_millis(2_100)).contains(&most), "{most:?}");
}
