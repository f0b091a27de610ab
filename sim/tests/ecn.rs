//! Explicit congestion notification (RFC 3168): marks keep queues short without a loss, and a path that clears the bits is no worse
//! than a path without ECN.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::{DELAY, Pair, Trust};
use tickwire_core::congestion::Algorithm;
use tickwire_core::{ChannelId, Config, Event, Instant};
use tickwire_sim::fault::{Fault, Kind, Target};
use tickwire_sim::link::PipeConfig;
use tickwire_sim::network::Topology;
use tickwire_sim::paths::{Outcome, Scenario};
use tickwire_sim::world::{World, WorldConfig};

const TICK: Duration = Duration::from_micros(16_667);

/// Runs one saturating flow over a link of 2 Mbit/s with a queue of 300 ms.
fn bulk(algorithm: Algorithm, mark_above: Option<Duration>) -> Outcome {
    let queue = Duration::from_millis(300);
    let pipe = PipeConfig::Shaped { rates: vec![(Duration::ZERO, 250_000)], queue, mark_above };
    Scenario::new("marks", pipe, Duration::from_secs(40)).algorithm(algorithm).play(1).unwrap()
}

#[test]
fn ecn_marks_keep_the_p95_queueing_delay_of_cubic_below_100_ms() {
    let unmarked = bulk(Algorithm::Cubic, None);
    let marked = bulk(Algorithm::Cubic, Some(Duration::from_millis(30)));
    assert!(unmarked.dropped > 10 && unmarked.queue_p95_us > 200_000, "{unmarked:?}");
    assert_eq!(marked.dropped, 0);
    assert!(marked.queue_p95_us < 100_000, "{}", marked.queue_p95_us);
    assert!(marked.used_permille > 900, "{}", marked.used_permille);
}

#[test]
fn ecn_marks_lower_the_longest_queue_of_copa() {
    let unmarked = bulk(Algorithm::Copa, None);
    let marked = bulk(Algorithm::Copa, Some(Duration::from_millis(25)));
    assert!(marked.queue_max_us < unmarked.queue_max_us, "{} {}", marked.queue_max_us, unmarked.queue_max_us);
    assert!(
        marked.queue_p95_us <= unmarked.queue_p95_us,
        "{} {}",
        marked.queue_p95_us,
        unmarked.queue_p95_us
    );
    assert!(marked.used_permille > 850, "{}", marked.used_permille);
}

/// Runs a client that sends 60 messages per second for 20 s over a path with the fault `kind`. Returns whether the
/// client uses ECN at the end, its congestion window after 10 s and after 20 s, and the number of messages that
/// arrived.
fn game(kind: Option<Kind>, from: Instant) -> (bool, [u64; 2], usize) {
    let faults = kind
        .map(|kind| Fault { from, until: Instant::MAX, target: Target::All, kind, seed: 3 })
        .into_iter()
        .collect();
    let pair = Pair::new(Config::new(7), Trust::Key);
    let mut world = World::new(WorldConfig::new(1, Topology::star(1, DELAY)).faults(faults), pair);
    world.run_for(Duration::from_secs(1)).unwrap();
    let client = world.application().client.unwrap();
    let mut windows = [0; 2];
    let mut capable = false;
    for window in &mut windows {
        for _ in 0..600 {
            world
                .with(1, |_, context| {
                    context.host.send(context.now, client, ChannelId(0), vec![7; 200]).unwrap();
                })
                .unwrap();
            world.run_for(TICK).unwrap();
        }
        let stats = world.host(1).unwrap().stats(client).unwrap();
        (*window, capable) = (stats.congestion_window, stats.ecn);
    }
    world.run_for(Duration::from_secs(2)).unwrap();
    let told = &world.application().told[0];
    let arrived = told.iter().filter(|(_, event)| matches!(event, Event::Message { .. })).count();
    (capable, windows, arrived)
}

#[test]
fn ecn_is_used_on_a_path_that_keeps_the_ecn_bits() {
    let (capable, _, arrived) = game(None, Instant::ZERO);
    assert!(capable);
    assert_eq!(arrived, 1200);
}

#[test]
fn ecn_is_not_used_on_a_path_that_clears_the_ecn_bits() {
    let (capable, _, arrived) = game(Some(Kind::Bleach {}), Instant::ZERO);
    assert!(!capable);
    assert_eq!(arrived, 1200);
}

#[test]
fn ecn_marks_on_every_datagram_reduce_the_congestion_window() {
    let halfway = Instant::ZERO + Duration::from_secs(11);
    let (capable, [before, after], arrived) = game(Some(Kind::Mark { ppm: 1_000_000 }), halfway);
    assert!(capable);
    assert!(after < before, "{before} {after}");
    assert_eq!(arrived, 1200);
}

/// A challenged end reports ECN counts anew. Otherwise its peer would conclude that the new path clears the ECN bits.
#[test]
fn ecn_is_used_again_after_the_address_of_the_client_changes() {
    for ticks_before in [20, 200] {
        let from = Instant::ZERO + Duration::from_secs(1) + TICK * ticks_before;
        let kind = Kind::Rebind { every: Duration::ZERO };
        let rebind = Fault { from, until: from + TICK, target: Target::Node(1), kind, seed: 3 };
        let config = WorldConfig::new(1, Topology::star(1, DELAY)).faults(vec![rebind]);
        let mut world = World::new(config, Pair::new(Config::new(7), Trust::Key));
        world.run_until(Instant::ZERO + Duration::from_secs(1)).unwrap();
        for _ in 0..ticks_before + 300 {
            for node in [0, 1] {
                world
                    .with(node, |_, context| {
                        let peer = context.host.connections().next().unwrap();
                        context.host.send(context.now, peer, ChannelId(0), vec![7; 200]).unwrap();
                    })
                    .unwrap();
            }
            world.run_for(TICK).unwrap();
        }
        let is_move = |(_, event): &(Instant, Event)| matches!(event, Event::Moved { .. });
        assert!(world.application().told[0].iter().any(is_move), "{ticks_before}");
        for node in [0, 1] {
            let host = world.host(node).unwrap();
            let stats = host.stats(host.connections().next().unwrap()).unwrap();
            assert!(stats.ecn, "node {node}, after {ticks_before} ticks");
        }
    }
}
