//! One client and one server, killed or cut off at every step of an exchange. The ledger of the swarm checks each run: every
//! reported outcome is true, no message is delivered twice, and every end that is alive afterwards is connected, has the identity of
//! its ticket, and receives all messages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_sim::fault::{Fault, Kind, KindName, Target, print_list};
use tickwire_sim::swarm::{Run, Scene, SeedReport, run};

/// The duration of a run in seconds. The exchange takes place in the first third.
const SECONDS: u32 = 6;
const SEEDS: u64 = 8;
/// The time for which a killed node is down.
const DOWN: Duration = Duration::from_millis(300);
/// The duration of the partition: three times the idle timeout, and less than the resume window.
const DARK: Duration = Duration::from_secs(3);
const SERVER: Target = Target::Node(0);
const CLIENT: Target = Target::Node(1);

fn duel(seed: u64, faults: &[Fault], text: bool) -> SeedReport {
    run(&Run { scene: Scene::Duel, faults: Some(faults), text, ..Run::new(seed, SECONDS) })
}

fn killed(target: Target, at: Instant) -> Fault {
    Fault { from: at, until: at + DOWN, target, kind: Kind::Restart {}, seed: 1 }
}

fn cut_off(at: Instant) -> Fault {
    Fault { from: at, until: at + DARK, target: Target::All, kind: Kind::Partition {}, seed: 1 }
}

/// Returns the times immediately before and after each datagram of an undisturbed exchange was sent or arrived.
fn steps(seed: u64) -> BTreeSet<Instant> {
    let report = duel(seed, &[], true);
    assert_eq!(report.violation, None);
    assert!(report.counts["messages_delivered"] > 100);
    let micros = |line: &str| {
        let (time, rest) = line.split_once("s ")?;
        let is_datagram = rest.starts_with(['<', '>']);
        is_datagram.then(|| time.replace('.', "").parse::<u64>().ok()).flatten()
    };
    let times = report.text.lines().filter_map(micros);
    let times = times.filter(|at| *at < u64::from(SECONDS) * 1_000_000 / 3);
    times.flat_map(|at| [at, at + 1]).map(Instant::saturating_from_micros).collect()
}

/// Runs the exchange once for each step, with the faults that `strike` returns for the step.
fn at_every_step(strike: impl Fn(Instant) -> Vec<Fault>, check: impl Fn(u64, Instant, &SeedReport)) {
    let mut runs = 0;
    for seed in 0..SEEDS {
        for at in steps(seed) {
            let faults = strike(at);
            let report = duel(seed, &faults, false);
            let list = print_list(&faults);
            assert_eq!(report.violation, None, "seed {seed}, struck at {at:?}:\n{list}");
            check(seed, at, &report);
            runs += 1;
        }
    }
    println!("{runs} runs");
    assert!(runs > 4000);
}

#[test]
fn every_reported_message_fate_is_true_after_the_server_is_killed_at_any_step() {
    at_every_step(|at| vec![killed(SERVER, at)], |_, _, _| {});
}

#[test]
fn every_reported_message_fate_is_true_after_the_client_is_killed_at_any_step() {
    at_every_step(|at| vec![killed(CLIENT, at)], |_, _, _| {});
}

#[test]
fn every_reported_message_fate_is_true_after_both_ends_are_killed_at_any_step() {
    at_every_step(|at| vec![killed(SERVER, at), killed(CLIENT, at)], |_, _, _| {});
}

/// If both ends keep their state, the session continues. No message is lost, and no end reports that the session ended.
#[test]
fn a_session_interrupted_at_any_step_after_its_first_400_ms_is_resumed() {
    at_every_step(
        |at| vec![cut_off(at)],
        |seed, at, report| {
            let stays = seed % 3 != 2;
            // By then the client holds a resume ticket, and its receipt has come back.
            let is_settled = at >= Instant::ZERO + Duration::from_millis(400);
            if stays && is_settled {
                for sign in ["timed_out", "sessions_lost", "closed"] {
                    assert_eq!(report.counts[sign], 0, "seed {seed}, cut off at {at:?}: {sign}");
                }
                assert!(report.counts["resumed"] >= 2, "seed {seed}, cut off at {at:?}");
            }
        },
    );
}

#[test]
fn every_reported_message_fate_is_true_if_the_server_is_killed_during_an_interruption() {
    at_every_step(|at| vec![cut_off(at), killed(SERVER, at + Duration::from_millis(500))], |_, _, _| {});
}

/// A node on the path repeats every datagram, including each Hello, with delays of up to seconds: to the server, and to
/// the restarted server without its state. The copies have no effect: no nonce is used twice, no address receives more
/// bytes than it sent, no connection migrates to an address without an answer, and no message is delivered twice.
#[test]
fn replayed_datagrams_violate_no_invariant_while_a_server_restarts_repeatedly() {
    let second = |at: u32| Instant::ZERO + Duration::from_millis(500) * at;
    let replay = Fault {
        from: Instant::ZERO,
        until: Instant::ZERO + Duration::from_secs(u64::from(SECONDS)),
        target: Target::All,
        kind: Kind::Replay { ppm: 1_000_000, spread: Duration::from_secs(5) },
        seed: 1,
    };
    let mut faults: Vec<Fault> = (1..8).map(|at| killed(SERVER, second(at))).collect();
    faults.push(replay);
    let mut connected = 0;
    for seed in 0..100 {
        let report = duel(seed, &faults, false);
        assert_eq!(report.violation, None, "seed {seed}:\n{}", print_list(&faults));
        // A player that closes dials again once the dead server's silence is told: up to five probe timeouts without datagrams.
        assert!(report.faults[&KindName::Replay] > 40);
        connected += report.counts["connected"];
    }
    println!("{connected} connected");
    assert!(connected > 100 * 8);
}
