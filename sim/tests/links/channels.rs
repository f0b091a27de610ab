//! Links over datagram channels that drop or queue datagrams.

use std::time::Duration;
use tickwire_sim::carrier::{ChannelCarrier, ChannelCarrierConfig};
use tickwire_sim::fault::{Direction, Kind};
use tickwire_sim::link::PipeConfig;

use super::{
    CLIENT, DELAY, LinkWorld, SERVER, assert_polite, at, config, fault, new_world, percentile, secs, send,
    star, stats,
};

/// Returns the latencies of reliable messages over a channel that drops 5 % of its datagrams, on a network that loses 2
/// %.
fn latencies(reports_loss: bool) -> Vec<Duration> {
    let carrier = ChannelCarrierConfig { drop_ppm: 50_000, reports_loss, ..Default::default() };
    let loss = vec![fault(Kind::Loss { ppm: 20_000 })];
    let mut world = new_world::<ChannelCarrier>(6, config(), carrier, star(), loss);
    world.run_until(at(5000)).unwrap();
    let mut sent = Vec::new();
    for number in 0..1000u32 {
        let mut message = number.to_le_bytes().to_vec();
        message.resize(200, 0);
        sent.push(world.now());
        assert!(send(&mut world, CLIENT, 1, message).is_some());
        world.run_for(Duration::from_millis(250)).unwrap();
    }
    world.run_for(secs(20)).unwrap();
    assert_polite(&world);
    let client = world.host(CLIENT).unwrap();
    assert!(client.carriers().dropped > 30 && (client.counters().losses_told > 0) == reports_loss);
    let given = &world.application().given[SERVER];
    assert_eq!(given.len(), sent.len());
    let mut latencies = vec![None; sent.len()];
    for given in given {
        let number = u32::from_le_bytes(given.data[..4].try_into().unwrap()) as usize;
        assert!(latencies[number].replace(given.at - sent[number]).is_none(), "{number} came twice");
    }
    latencies.into_iter().flatten().collect()
}

#[test]
fn data_that_a_link_reports_as_dropped_arrives_within_two_rtts_in_the_median() {
    let late = |latencies: Vec<Duration>| -> Vec<Duration> {
        latencies.into_iter().filter(|latency| *latency > DELAY * 2).collect()
    };
    let (told, untold) = (late(latencies(true)), late(latencies(false)));
    let medians = (percentile(told.clone(), 50), percentile(untold.clone(), 50));
    println!(
        "messages that were lost once took {medians:?} in the median ({} and {})",
        told.len(),
        untold.len()
    );
    assert!(medians.0 < DELAY * 4 && medians.1 > medians.0 * 5 / 4, "{medians:?}");
}

/// Sends bulk data over a channel for 40 s. The pipe of 1 Mbit/s below the channel is watched from 5 s on.
fn bulk(carrier: ChannelCarrierConfig) -> LinkWorld<ChannelCarrier> {
    let pipe = PipeConfig::Rate { bytes_per_second: 125_000, queue_bytes: 37_500 };
    let topology = star().bottleneck(0, Direction::Up, pipe);
    let mut world = new_world::<ChannelCarrier>(8, config(), carrier, topology, Vec::new());
    world.run_until(at(1000)).unwrap();
    while world.now() < at(40_000) {
        if world.now() >= at(5000) {
            world.watch_pipes();
        }
        while send(&mut world, CLIENT, 0, vec![0; 20_000]).is_some() {}
        world.run_for(Duration::from_millis(50)).unwrap();
    }
    world
}

#[test]
fn the_core_keeps_the_p95_queueing_delay_below_100_ms_over_a_link_without_congestion_control() {
    let carrier = ChannelCarrierConfig {
        congestion_controlled: false,
        bytes_per_second: None,
        buffer_bytes: 1 << 20,
        ..Default::default()
    };
    let world = bulk(carrier);
    assert_polite(&world);
    let passages = world.pipe(0).unwrap().passages();
    let waits = passages.iter().map(|passage| Duration::from_micros(passage.waited_us)).collect();
    let bytes: u64 = passages.iter().map(|passage| passage.bytes).sum();
    let (p95, used) = (percentile(waits, 95), bytes * 1000 / (125_000 * 35));
    println!("p95 of the queue {p95:?}, {used} per mille of the link used");
    assert!(p95 < Duration::from_millis(100) && used >= 850, "{p95:?}, {used}");
    assert!(stats(&world, CLIENT).congestion_window < 100_000);
}

#[test]
fn the_core_does_not_limit_its_rate_over_a_link_that_performs_congestion_control() {
    let world = bulk(ChannelCarrierConfig { bytes_per_second: Some(100_000), ..Default::default() });
    assert_polite(&world);
    let stats = stats(&world, CLIENT);
    assert_eq!((stats.congestion_window, stats.rate), (u64::MAX, u64::MAX));
    let client = world.application().connections[CLIENT].unwrap();
    assert_eq!(world.host(CLIENT).unwrap().endpoint.grant(client, secs(1)), u64::MAX);
    assert_eq!((stats.datagrams_lost, world.pipe(0).unwrap().dropped()), (0, 0));
    let given: usize = world.application().given[SERVER].iter().map(|given| given.data.len()).sum();
    // What the carrier lets pass in 39 s, less headers.
    assert!(given as u64 > 39 * 100_000 * 95 / 100, "{given}");
}
