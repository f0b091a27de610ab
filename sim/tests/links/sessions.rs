//! Sessions over streams that break, and the reported outcomes of messages.

use std::time::Duration;
use tickwire_core::{ChannelId, CloseReason, Event, Fate, Instant, MessageId};
use tickwire_sim::carrier::{
    Carrier, ChannelCarrier, ChannelCarrierConfig, StreamCarrier, StreamCarrierConfig,
};
use tickwire_sim::fault::{KindName, KindSet, Profile, draw};

use super::{
    CLIENT, LinkWorld, NODES, Script, assert_polite, at, config, counters, new_world, partition, repeated,
    secs, send, settle, star, told,
};

/// Makes both ends send reliable messages until `until`. Returns the number of messages.
fn converse<C: Carrier>(world: &mut LinkWorld<C>, script: &Script, until: Instant) -> u32 {
    let mut count = 0;
    while world.now() < until {
        for node in NODES {
            for channel in [0, 1] {
                let message = script.message(node, channel, count);
                let id = send(world, node, channel, message);
                assert_eq!(id, Some(MessageId(u64::from(count))));
            }
        }
        count += 1;
        world.run_for(Duration::from_millis(50)).unwrap();
        assert_fates(world, count);
    }
    count
}

/// Checks that every message that was reported as delivered has arrived. The test checks this on the ordered channel.
fn assert_fates<C: Carrier>(world: &LinkWorld<C>, count: u32) {
    for node in NODES {
        let connection = world.application().connections[node].unwrap();
        let endpoint = &world.host(node).unwrap().endpoint;
        let given = world.application().given[1 - node].iter().filter(|given| given.channel == 0).count();
        for number in given as u64..u64::from(count) {
            let fate = endpoint.fate(connection, ChannelId(0), MessageId(number));
            assert!(matches!(fate, Some(Fate::Queued | Fate::InFlight)), "message {number}: {fate:?}");
        }
    }
}

fn assert_delivered<C: Carrier>(world: &LinkWorld<C>, script: &Script, count: u32) {
    for node in NODES {
        for channel in [0, 1] {
            script.check(world, node, channel, count);
        }
        let receipts = told(world, node, |event| matches!(event, Event::Delivered { .. }));
        assert_eq!(receipts, count as usize * 2, "node {node}");
    }
}

#[test]
fn after_a_partition_of_three_seconds_the_session_continues_over_the_same_stream() {
    let script = Script { seed: 2, largest: 2000 };
    let faults = vec![partition(at(5000), at(8000))];
    let mut world = new_world::<StreamCarrier>(2, config(), StreamCarrierConfig::default(), star(), faults);
    world.run_until(at(2000)).unwrap();
    let count = converse(&mut world, &script, at(15_000));
    world.run_for(secs(20)).unwrap();
    assert_delivered(&world, &script, count);
    for node in NODES {
        assert_eq!((counters(&world, node).opened, repeated(&world, node)), (1, (0, 0)), "node {node}");
        assert_eq!(told(&world, node, |event| matches!(event, Event::Interrupted { .. })), 0);
    }
    assert_polite(&world);
}

#[test]
fn after_a_partition_that_outlasts_the_stream_the_session_continues_over_a_new_stream() {
    for seed in 0..5 {
        let script = Script { seed, largest: 2000 };
        let end = at(17_000 + seed * 311);
        let carrier = StreamCarrierConfig { give_up: secs(5), ..Default::default() };
        let mut world =
            new_world::<StreamCarrier>(seed, config(), carrier, star(), vec![partition(at(5000), end)]);
        world.run_until(at(2000)).unwrap();
        let count = converse(&mut world, &script, at(25_000));
        world.run_for(secs(20)).unwrap();
        assert_delivered(&world, &script, count);
        for node in NODES {
            let counters = counters(&world, node);
            assert!(counters.closed >= 1 && counters.opened == counters.closed + 1, "{counters:?}");
            let interrupted = told(&world, node, |event| matches!(event, Event::Interrupted { .. }));
            let resumed = told(&world, node, |event| matches!(event, Event::Resumed { .. }));
            assert_eq!((interrupted, resumed), (1, 1), "node {node}, seed {seed}");
            assert_eq!(told(&world, node, |event| matches!(event, Event::Closed { .. })), 0);
        }
        let resumed = |event: &&(Instant, Event)| matches!(event.1, Event::Resumed { .. });
        let back = world.application().told[CLIENT].iter().find(resumed).unwrap().0;
        println!("seed {seed}: back {:?} after the partition", back - end);
        assert!(back - end < secs(5), "{:?}", back - end);
        assert_polite(&world);
    }
}

/// Runs a network with random faults of links, clocks and addresses for half a minute. Checks that every reliable
/// message then arrives exactly once.
fn survive<C: Carrier>(seed: u64, carrier: C::Config) {
    let script = Script { seed, largest: 20_000 };
    let mut profile = Profile::new(2, 1, Duration::from_secs(30));
    profile.kinds = KindSet::ALL.without(KindName::Restart);
    profile.outage = Duration::from_secs(15);
    let mut config = config();
    config.resume_window = secs(300);
    let mut faults = draw(seed, &profile);
    for fault in &mut faults {
        // What breaks before the server knows of the session is no session.
        fault.from += secs(2);
        fault.until += secs(2);
    }
    let mut world = new_world::<C>(seed, config, carrier, star(), faults);
    world.run_until(at(2000)).unwrap();
    for due in 1..170 {
        for node in NODES {
            for channel in [0, 1] {
                // Who is paused sends nothing, and makes good for it.
                while node_sent(&world, node, channel) < due {
                    let number = node_sent(&world, node, channel) as u32;
                    if send(&mut world, node, channel, script.message(node, channel, number)).is_none() {
                        break;
                    }
                }
            }
        }
        world.run_for(Duration::from_millis(200)).unwrap();
    }
    world.heal().unwrap();
    world.run_for(secs(300)).unwrap();
    settle(&mut world);
    for node in NODES {
        assert_eq!(told(&world, node, |event| matches!(event, Event::Closed { .. })), 0, "seed {seed}");
        for channel in [0, 1] {
            script.check(&world, 1 - node, channel, node_sent(&world, node, channel) as u32);
        }
        assert_eq!(counters(&world, node).beyond_credit, 0);
    }
}

/// Returns the number of messages that a node has queued on a reliable channel so far.
fn node_sent<C: Carrier>(world: &LinkWorld<C>, node: usize, channel: u8) -> u64 {
    let connection = world.application().connections[node].unwrap();
    let stats = world.host(node).unwrap().endpoint.channel_stats(connection, ChannelId(channel)).unwrap();
    stats.sent.messages + stats.sent.queued
}

#[test]
fn reliable_messages_arrive_once_through_random_faults_below_the_links() {
    let seeds = std::env::var("TICKWIRE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        survive::<StreamCarrier>(seed, StreamCarrierConfig { give_up: secs(8), ..Default::default() });
        let carrier = ChannelCarrierConfig { drop_ppm: 20_000, ..Default::default() };
        survive::<ChannelCarrier>(seed, carrier);
    }
}

#[test]
fn the_reported_message_fates_are_true_if_a_broken_stream_is_never_opened_again() {
    let script = Script { seed: 4, largest: 2000 };
    let mut config = config();
    config.reconnect_for = secs(10);
    config.resume_window = secs(10);
    let carrier = StreamCarrierConfig { give_up: secs(5), buffer_bytes: 8 << 10, ..Default::default() };
    let mut world =
        new_world::<StreamCarrier>(4, config, carrier, star(), vec![partition(at(5010), Instant::MAX)]);
    world.run_until(at(2000)).unwrap();
    let count = converse(&mut world, &script, at(8000));
    world.run_for(secs(60)).unwrap();
    for node in NODES {
        let closed = world.application().told[node].iter().find_map(|(_, event)| match event {
            Event::Closed { reason, unconfirmed, .. } => Some((reason.clone(), unconfirmed.clone())),
            _ => None,
        });
        let (reason, unconfirmed) = closed.unwrap();
        assert!(matches!(reason, CloseReason::TimedOut), "{reason:?}");
        for channel in [0, 1] {
            let fate_of = |number: u32| {
                let is_it = |one: &&tickwire_core::Unconfirmed| {
                    one.channel == ChannelId(channel) && one.message == MessageId(number.into())
                };
                unconfirmed.iter().find(is_it).map_or(Fate::Delivered, |one| one.fate)
            };
            let mut fates = [0; 3];
            for number in 0..count {
                let message = script.message(node, channel, number);
                let given = &world.application().given[1 - node];
                let was_given = given.iter().any(|given| given.channel == channel && given.data == message);
                match fate_of(number) {
                    Fate::Delivered => {
                        assert!(was_given, "message {number}");
                        fates[0] += 1;
                    }
                    Fate::Unknown => fates[1] += 1,
                    fate => {
                        assert_eq!(fate, Fate::NotSent);
                        // Messages of a byte or two resemble each other.
                        assert!(!was_given || message.len() < 4, "message {number}");
                        fates[2] += 1;
                    }
                }
            }
            println!("node {node}, channel {channel}: delivered, unknown, not sent: {fates:?}");
            assert!(fates.iter().all(|&count| count > 0), "{fates:?}");
        }
    }
}
