//! Links over streams: the delivered messages, and the age of state on arrival.

use std::time::Duration;
use tickwire_core::{Config, Event, Instant, Overflow};
use tickwire_sim::carrier::{StreamCarrier, StreamCarrierConfig};
use tickwire_sim::fault::{Direction, Fault, Kind};
use tickwire_sim::link::PipeConfig;

use super::{
    CLIENT, DELAY, Given, LinkWorld, MODES, NODES, SERVER, Script, assert_polite, at, bad_network, config,
    counters, fault, new_world, percentile, repeated, secs, send, settle, star, told,
};

#[test]
fn the_core_resends_nothing_over_a_stream_on_a_lossy_network() {
    let count = 60;
    let script = Script { seed: 5, largest: 64 << 10 };
    let carrier = StreamCarrierConfig { give_up: secs(300), ..Default::default() };
    let mut config = config();
    config.channels.iter_mut().for_each(|channel| channel.overflow = Overflow::Queue);
    let mut world = new_world::<StreamCarrier>(5, config, carrier, star(), bad_network());
    world.run_until(at(15_000)).unwrap();
    let mut offered = [0; 2];
    for number in 0..count {
        for node in NODES {
            for channel in 0..MODES.len() as u8 {
                let message = script.message(node, channel, number);
                offered[node] += message.len() as u64;
                assert!(send(&mut world, node, channel, message).is_some());
            }
        }
        world.run_for(Duration::from_millis(200)).unwrap();
    }
    world.run_for(secs(600)).unwrap();
    settle(&mut world);
    for node in NODES {
        script.check(&world, node, 0, count);
        script.check(&world, node, 1, count);
        script.check_loose(&world, node, 2, count);
        script.check_loose(&world, node, 3, count);
        assert_eq!(repeated(&world, node), (0, 0), "node {node}");
        assert_eq!(told(&world, node, |event| matches!(event, Event::Interrupted { .. })), 0);
        let (counters, carriers) = (counters(&world, node), world.host(node).unwrap().carriers());
        println!(
            "node {node}: {} B of messages, {} B in {} datagrams, {} segments sent again",
            offered[node], counters.bytes, counters.datagrams, carriers.resent
        );
        assert!(carriers.resent > 50 && counters.refused > 50, "the network was bad");
        // Headers, acknowledgements and heartbeats of ten minutes.
        assert!(counters.bytes < offered[node] * 102 / 100 + 30_000);
    }
    assert_polite(&world);
}

/// Returns the ages of state messages on arrival: messages of 1000 bytes, 60 per second, for 30 s, over a stream of 30
/// kB/s.
fn ages(buffer_bytes: usize, faults: Vec<Fault>) -> (Vec<Duration>, LinkWorld<StreamCarrier>) {
    let mut config = config();
    config.channels[3].lifetime = Some(LIFETIME);
    ages_on(3, config, buffer_bytes, faults)
}

/// Returns the ages of messages as [`ages`] does, for any channel.
fn ages_on(
    channel: u8,
    config: Config,
    buffer_bytes: usize,
    faults: Vec<Fault>,
) -> (Vec<Duration>, LinkWorld<StreamCarrier>) {
    let carrier = StreamCarrierConfig { buffer_bytes, max_datagram: 1140, ..Default::default() };
    let pipe = PipeConfig::Rate { bytes_per_second: RATE, queue_bytes: 20_000 };
    let topology = star().bottleneck(0, Direction::Up, pipe);
    let mut world = new_world::<StreamCarrier>(3, config, carrier, topology, faults);
    world.run_until(at(2000)).unwrap();
    for _ in 0..60 * 30 {
        let mut message = world.now().as_micros().to_le_bytes().to_vec();
        message.resize(1000, 0);
        let _ = send(&mut world, CLIENT, channel, message);
        world.run_for(Duration::from_micros(16_667)).unwrap();
    }
    let age = |given: &Given| {
        let stamp = u64::from_le_bytes(given.data[..8].try_into().unwrap());
        given.at - Instant::saturating_from_micros(stamp)
    };
    (world.application().given[SERVER].iter().map(age).collect(), world)
}

const RATE: u64 = 30_000;
const LIFETIME: Duration = Duration::from_millis(50);

#[test]
fn the_age_of_state_over_a_slow_stream_is_at_most_lifetime_plus_rtt_plus_send_buffer_drain_time() {
    let mut p95 = Vec::new();
    for buffer_bytes in [4 << 10, 8 << 10, 16 << 10, 256 << 10] {
        let (ages, world) = ages(buffer_bytes, Vec::new());
        assert_polite(&world);
        let host = world.host(CLIENT).unwrap();
        assert!(host.carriers().held_most <= buffer_bytes as u64);
        let (count, most) = (ages.len(), *ages.iter().max().unwrap());
        p95.push(percentile(ages, 95));
        println!("{buffer_bytes} B of buffer: {count} given, p95 {:?}, most {most:?}", p95.last().unwrap());
        if buffer_bytes < 100_000 {
            let drained = Duration::from_micros(buffer_bytes as u64 * 1_000_000 / RATE);
            assert!(most < LIFETIME + drained + DELAY * 2, "{buffer_bytes}: {most:?}");
            assert!(count > 600, "{count}");
        }
    }
    // What there would be to see if nothing held the core back.
    assert!(p95[3] > p95[1] * 4, "{p95:?}");
    let (ages, world) = ages(8 << 10, vec![fault(Kind::Loss { ppm: 10_000 })]);
    assert_polite(&world);
    let (count, p95) = (ages.len(), percentile(ages, 95));
    println!("8192 B and 1 % lost below: {count} given, p95 {p95:?}");
    assert!(count > 600 && p95 < Duration::from_millis(500));
}

#[test]
fn newer_state_replaces_state_for_which_a_stream_has_no_credit() {
    for (channel, waits_for) in [(2, Duration::from_millis(17)), (3, Duration::from_millis(100))] {
        let (ages, _) = ages_on(channel, config(), 8 << 10, Vec::new());
        let (count, most) = (ages.len(), *ages.iter().max().unwrap());
        println!("channel {channel}: {count} given, most {most:?}");
        let drained = Duration::from_micros((8 << 10) * 1_000_000 / RATE);
        assert!(most < waits_for + drained + DELAY * 2, "channel {channel}: {most:?}");
        assert!(count > 600, "{count}");
    }
}

#[test]
fn an_idle_connection_over_a_stream_sends_nothing_but_heartbeats() {
    let mut world =
        new_world::<StreamCarrier>(1, config(), StreamCarrierConfig::default(), star(), Vec::new());
    world.run_until(at(10_000)).unwrap();
    let before = (NODES.map(|node| counters(&world, node).datagrams), world.counters().sent);
    world.run_for(secs(60)).unwrap();
    // Every other heartbeat of the client asks for an answer.
    for (node, expected) in [(SERVER, 5..=7), (CLIENT, 11..=13)] {
        let written = counters(&world, node).datagrams - before.0[node];
        assert!(expected.contains(&written), "node {node} wrote {written} datagrams in 60 s");
        assert_eq!(told(&world, node, |event| !matches!(event, Event::Connected { .. })), 0);
    }
    // A heartbeat, its acknowledgement, and what the stream says to both.
    let segments = world.counters().sent - before.1;
    println!("{segments} segments in 60 s");
    assert!(segments <= 13 * 3, "{segments}");
}
