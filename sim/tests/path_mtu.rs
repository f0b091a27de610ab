//! The path MTU is found and followed, and a black hole loses no reliable message (RFC 8899).
//!
//! `TICKWIRE_SEEDS` sets the number of seeds that are played, 2 by default.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::{Pair, Trust};
use tickwire_core::{ChannelConfig, ChannelId, Config, Delivery, Event, Instant};
use tickwire_sim::fault::{Fault, Kind, Target};
use tickwire_sim::network::{Topology, home_address};
use tickwire_sim::world::{World, WorldConfig};

const CLIENT: usize = 1;
/// The size of the IPv4 and UDP headers, in bytes.
const HEADERS: u32 = 28;

fn seeds() -> u64 {
    std::env::var("TICKWIRE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2)
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// Returns a fault that drops IP packets of more than `mtu` bytes from `from` to `until`.
fn limit(mtu: u32, from: Instant, until: Instant) -> Fault {
    Fault { from, until, target: Target::All, kind: Kind::Mtu { bytes: mtu - HEADERS }, seed: 1 }
}

fn loss(ppm: u32) -> Fault {
    Fault { from: Instant::ZERO, until: Instant::MAX, target: Target::All, kind: Kind::Loss { ppm }, seed: 2 }
}

/// Creates a client that is connected to a server over a path with these faults, a one-way delay of 50 ms, and links
/// for jumbo frames.
fn connected(seed: u64, config: Config, faults: Vec<Fault>) -> World<Pair> {
    connected_as(seed, Pair::new(config, Trust::Key), faults)
}

fn connected_as(seed: u64, pair: Pair, faults: Vec<Fault>) -> World<Pair> {
    let topology = Topology::star(1, Duration::from_millis(25)).largest_datagram(9000 - HEADERS as usize);
    let mut world = World::new(WorldConfig::new(seed, topology).faults(faults), pair);
    world.run_until(at(900)).unwrap();
    world
}

fn config() -> Config {
    let mut config = Config::new(7);
    config.channels = [Delivery::ReliableOrdered, Delivery::Unreliable].map(ChannelConfig::new).to_vec();
    config
}

/// Makes the client send a reliable message of `bytes` bytes every 10 ms until `until`. Returns the number of messages.
fn send(world: &mut World<Pair>, bytes: usize, until: Instant) -> usize {
    let mut count = 0;
    while world.now() < until {
        let sent = world.with(CLIENT, |pair, context| {
            context.host.send(context.now, pair.client.unwrap(), ChannelId(0), vec![5; bytes])
        });
        count += usize::from(sent.unwrap().unwrap().is_ok());
        world.run_for(Duration::from_millis(10)).unwrap();
    }
    count
}

/// Returns the size of the largest datagram that the client sends now.
fn largest(world: &World<Pair>) -> u32 {
    let client = world.application().client.unwrap();
    world.host(CLIENT).unwrap().stats(client).unwrap().max_datagram as u32
}

/// Returns the arrival time of each message at the server.
fn arrivals(world: &World<Pair>) -> Vec<Instant> {
    let told = &world.application().told[0];
    told.iter().filter(|(_, event)| matches!(event, Event::Message { .. })).map(|(at, _)| *at).collect()
}

#[test]
fn the_mtu_of_a_path_of_1280_1420_1500_or_9000_bytes_is_found_within_five_seconds() {
    for mtu in [1280, 1420, 1500, 9000] {
        for ppm in [0, 50_000] {
            for seed in 0..seeds() {
                let faults = vec![limit(mtu, Instant::ZERO, Instant::MAX), loss(ppm)];
                let mut world = connected(seed, config(), faults);
                let began = world.now();
                send(&mut world, 20_000, began + Duration::from_secs(5));
                assert_eq!(largest(&world) + HEADERS, mtu, "seed {seed}, {ppm} ppm lost");
            }
        }
    }
}

#[test]
fn occasional_full_datagrams_suffice_to_find_a_path_mtu_of_up_to_1500_bytes() {
    for mtu in [1280, 1420, 1500, 9000] {
        let mut world = connected(3, config(), vec![limit(mtu, Instant::ZERO, Instant::MAX)]);
        for _ in 0..10 {
            let next = world.now() + Duration::from_millis(500);
            world
                .with(CLIENT, |pair, context| {
                    let message = vec![0; 4000];
                    context.host.send(context.now, pair.client.unwrap(), ChannelId(0), message)
                })
                .unwrap();
            world.run_until(next).unwrap();
        }
        // Larger than Ethernet's is tried only where the path is known to be fast.
        assert_eq!(largest(&world) + HEADERS, mtu.min(1500));
    }
}

#[test]
fn datagrams_on_a_slow_path_with_a_large_mtu_have_fewer_than_1200_bytes_on_average() {
    let slow = Kind::Rate { bytes_per_second: 100_000, queue_bytes: 30_000 };
    let slow = Fault { from: Instant::ZERO, until: Instant::MAX, target: Target::All, kind: slow, seed: 4 };
    let mut world = connected(1, config(), vec![slow]);
    let until = world.now() + Duration::from_secs(10);
    let before = (world.counters().sent_bytes, world.counters().sent);
    send(&mut world, 20_000, until);
    let after = (world.counters().sent_bytes, world.counters().sent);
    assert_eq!(largest(&world) + HEADERS, 1500);
    let mean = (after.0 - before.0) / (after.1 - before.1);
    assert!(mean < 1200, "{mean} bytes");
}

#[test]
fn a_game_of_100_byte_messages_keeps_its_datagram_size_and_sends_under_250_bytes_each() {
    let mut world = connected(1, config(), Vec::new());
    let before = world.counters().sent_bytes;
    let until = world.now() + Duration::from_secs(10);
    let count = send(&mut world, 100, until) as u64;
    assert_eq!(largest(&world), 1200);
    assert!(world.counters().sent_bytes - before < count * 250, "{}", world.counters().sent_bytes);
}

#[test]
fn the_datagram_size_grows_to_the_smaller_maximum_of_the_two_ends() {
    for node in [0, CLIENT] {
        let pair = Pair { narrow: Some((node, 1300)), ..Pair::new(config(), Trust::Key) };
        let mut world = connected_as(1, pair, Vec::new());
        let until = world.now() + Duration::from_secs(5);
        send(&mut world, 20_000, until);
        assert_eq!(largest(&world), 1300, "node {node}");
    }
}

/// With a loss of 20 %, three consecutive large datagrams are lost about once a minute. The datagram size fell each
/// time.
#[test]
fn regression_random_losses_do_not_lower_the_datagram_size() {
    let faults = vec![limit(1500, Instant::ZERO, Instant::MAX), loss(200_000)];
    let mut world = connected(2, config(), faults);
    for _ in 0..60 {
        let until = world.now() + Duration::from_secs(1);
        send(&mut world, 3000, until);
        if world.now() > at(10_000) {
            assert_eq!(largest(&world) + HEADERS, 1500, "{:?}", world.now());
        }
    }
}

/// The path carries packets of 9000 or 1500 bytes at first, and later silently drops packets above a smaller size.
#[test]
fn a_black_hole_in_a_session_stops_delivery_for_less_than_two_seconds() {
    let mut worst = Duration::ZERO;
    for (before, after) in [(9000, 1500), (9000, 1280), (1500, 1420), (1500, 1280), (1500, 1230)] {
        for (bytes, ppm) in [(20_000, 0), (20_000, 50_000), (1400, 0), (3000, 20_000)] {
            for seed in 0..seeds() {
                let hole = at(8000 + seed * 7);
                let faults =
                    vec![limit(before, Instant::ZERO, hole), limit(after, hole, Instant::MAX), loss(ppm)];
                let mut world = connected(seed, config(), faults);
                let mut sent = send(&mut world, 20_000, at(7000));
                assert_eq!(largest(&world) + HEADERS, before, "{before} to {after}, seed {seed}");
                world.run_until(at(7800)).unwrap();
                sent += send(&mut world, bytes, at(16_000));
                world.run_until(at(24_000)).unwrap();
                let arrived = arrivals(&world);
                assert_eq!(arrived.len(), sent, "{before} to {after}, seed {seed}, {bytes} bytes");
                let recent: Vec<Instant> = arrived.into_iter().filter(|&when| when > at(7800)).collect();
                let gap = recent.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
                worst = worst.max(gap);
                assert!(
                    gap < Duration::from_secs(2),
                    "{before} to {after}, seed {seed}, {bytes} bytes: {gap:?}"
                );
            }
        }
    }
    println!("the longest silence around a black hole: {worst:?}");
}

#[test]
fn the_smaller_path_mtu_is_found_after_a_black_hole() {
    let hole = at(8000);
    let faults = vec![limit(1500, Instant::ZERO, hole), limit(1420, hole, Instant::MAX)];
    let mut world = connected(4, config(), faults);
    send(&mut world, 20_000, at(13_000));
    assert_eq!(largest(&world) + HEADERS, 1420);
}

#[test]
fn an_outage_does_not_lower_the_datagram_size() {
    let dark =
        Fault { from: at(8000), until: at(9500), target: Target::All, kind: Kind::Partition {}, seed: 3 };
    let mut world = connected(4, config(), vec![dark]);
    send(&mut world, 20_000, at(7900));
    let found = largest(&world);
    assert_eq!(found + HEADERS, 9000);
    send(&mut world, 20_000, at(9450));
    send(&mut world, 20_000, at(14_000));
    assert_eq!(largest(&world), found);
}

#[test]
fn the_mtu_search_restarts_after_a_change_of_address() {
    let rebind = Fault {
        from: at(8000),
        until: at(8001),
        target: Target::Node(CLIENT),
        kind: Kind::Rebind { every: Duration::ZERO },
        seed: 3,
    };
    let mut world = connected(4, config(), vec![rebind]);
    assert_eq!(send_down(&mut world, at(7900)) + HEADERS, 9000);
    assert_eq!(world.address(CLIENT), home_address(CLIENT));
    // The client tells of its move with the first thing that it says.
    send(&mut world, 100, at(8300));
    assert_ne!(world.address(CLIENT), home_address(CLIENT));
    let is_move = |(_, event): &(Instant, Event)| matches!(event, Event::Moved { .. });
    assert!(world.application().told[0].iter().any(is_move));
    let now = world.now();
    assert_eq!(send_down(&mut world, now), 1200, "what was found for the old address holds there only");
    assert_eq!(send_down(&mut world, at(14_000)) + HEADERS, 9000);
}

/// Makes the server send a large message every 10 ms until `until`. Returns the size of the largest datagram that it
/// then sends.
fn send_down(world: &mut World<Pair>, until: Instant) -> u32 {
    let client = world.host(0).unwrap().connections().next().unwrap();
    while world.now() < until {
        world
            .with(0, |_, context| context.host.send(context.now, client, ChannelId(0), vec![0; 20_000]))
            .unwrap();
        world.run_for(Duration::from_millis(10)).unwrap();
    }
    world.host(0).unwrap().stats(client).unwrap().max_datagram as u32
}
