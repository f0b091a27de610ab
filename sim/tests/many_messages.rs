//! Small messages: the number that a path carries per second, and the number in a datagram.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::{Pair, Trust};
use tickwire_core::{ChannelConfig, ChannelId, Config, Delivery, Event, Instant};
use tickwire_sim::network::Topology;
use tickwire_sim::world::{World, WorldConfig};

const CLIENT: usize = 1;
/// The size of the IPv4 and UDP headers, in bytes.
const HEADERS: usize = 28;

/// Creates a client that is connected to a server over a path with the one-way delay `delay`, which carries IP packets
/// of up to `mtu` bytes.
fn connected(delivery: Delivery, delay: Duration, mtu: usize) -> World<Pair> {
    let mut config = Config::new(7);
    config.channels = vec![ChannelConfig::new(delivery)];
    config.channels[0].queue_messages = 20_000;
    config.dont_fragment = true;
    let topology = Topology::star(1, delay).largest_datagram(mtu - HEADERS);
    let mut world = World::new(WorldConfig::new(1, topology), Pair::new(config, Trust::Key));
    world.run_until(Instant::ZERO + Duration::from_secs(1)).unwrap();
    world
}

/// Makes the client send messages of `bytes` bytes until its queue is full, at most `most` messages.
fn send(world: &mut World<Pair>, bytes: usize, most: usize) {
    world
        .with(CLIENT, |pair, context| {
            for _ in 0..most {
                let message = vec![5; bytes];
                if context.host.send(context.now, pair.client.unwrap(), ChannelId(0), message).is_err() {
                    break;
                }
            }
        })
        .unwrap();
}

/// Returns the number of messages that arrived at the server since `since`.
fn arrived(world: &World<Pair>, since: Instant) -> usize {
    let told = &world.application().told[0];
    told.iter().filter(|(at, event)| *at >= since && matches!(event, Event::Message { .. })).count()
}

#[test]
fn a_reliable_channel_carries_more_than_60000_messages_a_second_at_an_rtt_of_100_ms() {
    for delivery in [Delivery::ReliableOrdered, Delivery::ReliableUnordered] {
        let mut world = connected(delivery, Duration::from_millis(50), 1500);
        let mut since = world.now();
        for ms in 0..6000 {
            if ms == 4000 {
                since = world.now();
            }
            send(&mut world, 20, 200);
            world.run_for(Duration::from_millis(1)).unwrap();
        }
        let per_second = arrived(&world, since) / 2;
        println!("{delivery:?}: {per_second} messages a second");
        assert!(per_second > 60_000, "{delivery:?}: {per_second}");
    }
}

#[test]
fn two_messages_that_do_not_fit_one_datagram_start_the_mtu_search() {
    let mtu = 1500;
    for (bytes, per_datagram) in [(590, 2), (700, 2), (1130, 1)] {
        let delivery = if bytes == 700 { Delivery::Unreliable } else { Delivery::ReliableOrdered };
        let mut world = connected(delivery, Duration::from_millis(10), mtu);
        let play = |world: &mut World<Pair>, ticks| {
            for _ in 0..ticks {
                send(world, bytes, 4);
                world.run_for(Duration::from_millis(16)).unwrap();
            }
        };
        play(&mut world, 300);
        let client = world.application().client.unwrap();
        let stats = |world: &World<Pair>| world.host(CLIENT).unwrap().stats(client).unwrap();
        let (before, largest) = (stats(&world).datagrams_sent, stats(&world).max_datagram);
        play(&mut world, 300);
        let datagrams = stats(&world).datagrams_sent - before;
        println!("{bytes} bytes: datagrams of up to {largest}, {datagrams} for 1200 messages");
        assert_eq!(largest, mtu - HEADERS, "{bytes}");
        // Some acknowledge what comes back.
        assert!(datagrams <= 1200 / per_datagram + 60, "{bytes} bytes: {datagrams} datagrams");
    }
}

#[test]
fn two_messages_of_one_tick_share_a_datagram_at_rtts_of_50_100_and_200_ms() {
    for bytes in [590, 700] {
        for delay_ms in [25, 50, 100] {
            for tick_ms in [16, 25] {
                let delay = Duration::from_millis(delay_ms);
                let mut world = connected(Delivery::ReliableOrdered, delay, 1500);
                let play = |world: &mut World<Pair>, ticks| {
                    for _ in 0..ticks {
                        send(world, bytes, 2);
                        world.run_for(Duration::from_millis(tick_ms)).unwrap();
                    }
                };
                play(&mut world, 1000);
                let client = world.application().client.unwrap();
                let sent =
                    |world: &World<Pair>| world.host(CLIENT).unwrap().stats(client).unwrap().datagrams_sent;
                let before = sent(&world);
                play(&mut world, 600);
                let datagrams = sent(&world) - before;
                let what = format!("{bytes} bytes, {delay_ms} ms one way, a tick of {tick_ms} ms");
                println!("{what}: {datagrams} datagrams for 1200 messages");
                assert!(datagrams <= 700, "{what}: {datagrams}");
            }
        }
    }
}
