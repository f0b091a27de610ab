//! Links that are not UDP, over a network that does what it likes to what is below them.
//!
//! `TICKWIRE_SEEDS` says how many seeds of whatever may happen are played, 12 by default.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use tickwire_core::{
    Access, ChannelConfig, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, Delivery, Endpoint,
    Event, Fate, Instant, MessageId, Overflow, Secrets,
};
use tickwire_sim::carrier::{
    Carrier, ChannelCarrier, ChannelCarrierConfig, LinkHost, StreamCarrier, StreamCarrierConfig,
};
use tickwire_sim::fault::{Direction, Fault, Kind, KindName, KindSet, Profile, Target, draw};
use tickwire_sim::host::{Application, Boot, Context};
use tickwire_sim::link::PipeConfig;
use tickwire_sim::network::{Topology, home_address};
use tickwire_sim::provider::NullProvider;
use tickwire_sim::rng::{Draws, mix};
use tickwire_sim::world::{World, WorldConfig};

const SERVER: usize = 0;
const CLIENT: usize = 1;
const NODES: [usize; 2] = [SERVER, CLIENT];
const SERVER_SECRET: [u8; 32] = [1; 32];
/// How long a segment takes.
const DELAY: Duration = Duration::from_millis(25);
const MODES: [Delivery; 4] =
    [Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::Sequenced, Delivery::Unreliable];

/// A message that was given to a node.
struct Given {
    at: Instant,
    channel: u8,
    data: Vec<u8>,
}

/// A client and a server that run over links.
struct Game<C: Carrier> {
    config: Config,
    carrier: C::Config,
    connections: [Option<ConnectionId>; 2],
    given: [Vec<Given>; 2],
    /// Everything else that nodes were told.
    told: [Vec<(Instant, Event)>; 2],
}

impl<C: Carrier> Application for Game<C> {
    type Host = LinkHost<C>;

    fn build(&mut self, boot: Boot) -> LinkHost<C> {
        let mut config = self.config.clone();
        config.access = if boot.node == SERVER { Access::Open } else { Access::Closed };
        let secrets = Secrets::new([boot.node as u8 + 1; 32]);
        let endpoint = Endpoint::new(config, secrets, boot.seed, boot.now).unwrap();
        let seed = u64::from_le_bytes(boot.seed[..8].try_into().unwrap());
        let carrier = self.carrier.clone();
        if boot.node == SERVER {
            return LinkHost::accepting(endpoint, carrier, seed);
        }
        LinkHost::dialling(endpoint, carrier, seed, boot.now, home_address(SERVER))
    }

    fn started(&mut self, context: &mut Context<'_, LinkHost<C>>) {
        if context.node == CLIENT {
            let options = ConnectOptions::new(self.config.provider.handshake().public_key(&SERVER_SECRET));
            let link = context.host.link();
            let connection = context.host.endpoint.connect(context.now, link, options);
            self.connections[CLIENT] = Some(connection.unwrap());
        }
    }

    fn event(&mut self, context: &mut Context<'_, LinkHost<C>>, event: Event) {
        let at = context.time;
        if let Event::Message { channel, data, .. } = event {
            self.given[context.node].push(Given { at, channel: channel.0, data: data.to_vec() });
            return;
        }
        if let Event::Connected { connection, .. } = &event {
            self.connections[context.node] = Some(*connection);
        }
        self.told[context.node].push((at, event));
    }
}

type LinkWorld<C> = World<Game<C>>;

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn fault(kind: Kind) -> Fault {
    Fault { from: Instant::ZERO, until: Instant::MAX, target: Target::All, kind, seed: 1 }
}

fn partition(from: Instant, until: Instant) -> Fault {
    Fault { from, until, ..fault(Kind::Partition {}) }
}

/// 10 % lost, and as many reordered, doubled and damaged.
fn bad_network() -> Vec<Fault> {
    let kinds = [
        Kind::Loss { ppm: 100_000 },
        Kind::Flip { ppm: 100_000, most: 8, within: 0 },
        Kind::Duplicate { ppm: 100_000, most: 2, spread: Duration::from_millis(60) },
        Kind::Reorder { ppm: 100_000, hold: Duration::from_millis(60) },
    ];
    (1..).zip(kinds).map(|(seed, kind)| Fault { seed, ..fault(kind) }).collect()
}

fn star() -> Topology {
    Topology::star(1, DELAY)
}

fn config() -> Config {
    let mut config = Config::new(7);
    config.provider = Arc::new(NullProvider);
    config.channels = MODES.map(ChannelConfig::new).to_vec();
    config.channels.iter_mut().for_each(|channel| channel.receipts = true);
    config
}

fn new_world<C: Carrier>(
    seed: u64,
    config: Config,
    carrier: C::Config,
    topology: Topology,
    faults: Vec<Fault>,
) -> LinkWorld<C> {
    let game = Game {
        config,
        carrier,
        connections: [None; 2],
        given: [const { Vec::new() }; 2],
        told: [const { Vec::new() }; 2],
    };
    World::new(WorldConfig::new(seed, topology).faults(faults), game)
}

fn send<C: Carrier>(world: &mut LinkWorld<C>, node: usize, channel: u8, data: Vec<u8>) -> Option<MessageId> {
    let act = |game: &mut Game<C>, context: &mut Context<'_, LinkHost<C>>| {
        let connection = game.connections[node]?;
        context.host.endpoint.send(context.now, connection, ChannelId(channel), data).ok()
    };
    world.with(node, act).unwrap().flatten()
}

/// Messages of one run, each told from all others as far as its size allows.
struct Script {
    seed: u64,
    largest: u64,
}

impl Script {
    fn message(&self, node: usize, channel: u8, number: u32) -> Vec<u8> {
        let mut draws =
            Draws::new(mix(mix(self.seed, (node * 8) as u64 + u64::from(channel)), u64::from(number)));
        let size = match number {
            0 => 1,
            1 => self.largest as usize,
            _ => draws.magnitude(1, self.largest) as usize,
        };
        let mut message = number.to_le_bytes().to_vec();
        while message.len() < size {
            message.extend_from_slice(&draws.next_u64().to_le_bytes());
        }
        message.truncate(size);
        message
    }

    /// What `node` was given on a channel, against the first `count` messages of the other.
    fn check<C: Carrier>(&self, world: &LinkWorld<C>, node: usize, channel: u8, count: u32) {
        let mut expected: Vec<Vec<u8>> =
            (0..count).map(|number| self.message(1 - node, channel, number)).collect();
        let given = world.application().given[node].iter().filter(|given| given.channel == channel);
        let mut given: Vec<Vec<u8>> = given.map(|given| given.data.clone()).collect();
        if MODES[usize::from(channel)] == Delivery::ReliableUnordered {
            expected.sort();
            given.sort();
        }
        assert_eq!(given.len(), expected.len(), "node {node}, channel {channel}");
        assert!(given == expected, "node {node}, channel {channel}: not what was sent");
    }
}

impl Script {
    /// On a link that loses nothing and keeps order, channels that promise neither do so too, as long as a message is one
    /// datagram. One of several is given up if they come too slowly.
    fn check_loose<C: Carrier>(&self, world: &LinkWorld<C>, node: usize, channel: u8, count: u32) {
        let mut given = world.application().given[node].iter().filter(|given| given.channel == channel);
        let mut next = given.next();
        for number in 0..count {
            let message = self.message(1 - node, channel, number);
            if next.is_some_and(|given| given.data == message) {
                next = given.next();
            } else {
                assert!(message.len() > 4000, "node {node}, channel {channel}: message {number}");
            }
        }
        assert!(next.is_none(), "node {node}, channel {channel}: out of order, or not what was sent");
    }
}

fn counters<C: Carrier>(world: &LinkWorld<C>, node: usize) -> tickwire_sim::carrier::LinkCounters {
    world.host(node).unwrap().counters()
}

fn stats<C: Carrier>(world: &LinkWorld<C>, node: usize) -> tickwire_core::stats::ConnectionStats {
    let connection = world.application().connections[node].unwrap();
    world.host(node).unwrap().endpoint.stats(connection).unwrap()
}

/// Whether the core kept to what links ask for: credit, and nothing of congestion notification.
fn assert_polite<C: Carrier>(world: &LinkWorld<C>) {
    for node in NODES {
        let counters = counters(world, node);
        assert_eq!((counters.beyond_credit, counters.unsuitable), (0, 0), "node {node}: {counters:?}");
        assert!(!stats(world, node).ecn);
    }
}

/// Runs until everything was acknowledged; a heartbeat may be underway.
fn settle<C: Carrier>(world: &mut LinkWorld<C>) {
    let in_flight =
        |world: &LinkWorld<C>| -> u64 { NODES.iter().map(|&node| stats(world, node).bytes_in_flight).sum() };
    for _ in 0..20 {
        if in_flight(world) == 0 {
            return;
        }
        world.run_for(Duration::from_millis(100)).unwrap();
    }
    panic!("{} bytes are never acknowledged", in_flight(world));
}

/// Frames that were sent again, and datagrams held for lost.
fn repeated<C: Carrier>(world: &LinkWorld<C>, node: usize) -> (u64, u64) {
    let connection = world.application().connections[node].unwrap();
    let endpoint = &world.host(node).unwrap().endpoint;
    let of = |channel| endpoint.channel_stats(connection, ChannelId(channel)).unwrap().sent.repeated;
    ((0..MODES.len() as u8).map(of).sum(), endpoint.stats(connection).unwrap().datagrams_lost)
}

fn told<C: Carrier>(world: &LinkWorld<C>, node: usize, matches: impl Fn(&Event) -> bool) -> usize {
    world.application().told[node].iter().filter(|(_, event)| matches(event)).count()
}

/// The value below which so many per cent of them lie.
fn percentile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort();
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

#[test]
fn every_delivery_mode_crosses_a_stream_on_a_bad_network_and_the_core_sends_nothing_twice() {
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

/// The ages of state messages of 1000 bytes, 60 a second, over a stream of 30 kB/s: of those given in 30 s.
fn ages(buffer_bytes: usize, faults: Vec<Fault>) -> (Vec<Duration>, LinkWorld<StreamCarrier>) {
    let mut config = config();
    config.channels[3].lifetime = Some(LIFETIME);
    ages_on(3, config, buffer_bytes, faults)
}

/// As [`ages`], on any channel.
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
fn state_over_a_stream_that_carries_half_of_it_is_no_older_than_what_the_carrier_holds() {
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
fn state_that_a_stream_has_no_credit_for_gives_way_to_newer_state() {
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
fn an_idle_stream_stays_connected_and_falls_silent_but_for_heartbeats() {
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

/// Both ends send reliable messages until `until`; the numbers they have.
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

/// Whatever counts as delivered was given to the peer, which is checked on the channel that keeps order.
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
fn after_a_partition_of_three_seconds_all_goes_on_over_the_same_stream() {
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
fn after_a_partition_that_outlasts_the_stream_the_session_goes_on_over_another() {
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

/// Whatever happens to networks, clocks and addresses for half a minute: then everything reliable arrives, once.
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

/// Messages that a node has queued on a reliable channel so far.
fn node_sent<C: Carrier>(world: &LinkWorld<C>, node: usize, channel: u8) -> u64 {
    let connection = world.application().connections[node].unwrap();
    let stats = world.host(node).unwrap().endpoint.channel_stats(connection, ChannelId(channel)).unwrap();
    stats.sent.messages + stats.sent.queued
}

#[test]
fn whatever_happens_below_sessions_survive_and_everything_reliable_arrives_once() {
    let seeds = std::env::var("TICKWIRE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        survive::<StreamCarrier>(seed, StreamCarrierConfig { give_up: secs(8), ..Default::default() });
        let carrier = ChannelCarrierConfig { drop_ppm: 20_000, ..Default::default() };
        survive::<ChannelCarrier>(seed, carrier);
    }
}

#[test]
fn when_the_stream_never_comes_back_the_fates_that_are_told_are_true() {
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

/// How long reliable messages took over a channel that drops 5 % itself, while the network loses another 2 %.
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
fn what_a_channel_says_it_dropped_is_sent_again_after_a_round_trip() {
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

/// Bulk over a channel for 40 s; the pipe of 1 Mbit/s below it is watched from 5 s on.
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
fn over_a_channel_without_congestion_control_the_core_keeps_the_queue_below_short_and_the_link_busy() {
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
fn over_a_channel_with_congestion_control_the_core_adds_none() {
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

/// Bulk both ways over a link on a network that loses and marks: full datagrams from beginning to end.
fn assert_full<C: Carrier>(carrier: C::Config, max_datagram: u64) {
    let faults = vec![fault(Kind::Loss { ppm: 30_000 }), fault(Kind::Mark { ppm: 500_000 })];
    let pipe = PipeConfig::Rate { bytes_per_second: 500_000, queue_bytes: 50_000 };
    let topology = star().largest_datagram(9000).bottleneck(0, Direction::Up, pipe);
    let mut world = new_world::<C>(9, config(), carrier, topology, faults);
    world.run_until(at(5000)).unwrap();
    let mut sent = [0; 2];
    while world.now() < at(40_000) {
        for node in NODES {
            sent[node] += usize::from(send(&mut world, node, 0, vec![0; 30_000]).is_some());
        }
        let _ = send(&mut world, CLIENT, 3, vec![0; 100]);
        world.run_for(Duration::from_millis(100)).unwrap();
    }
    world.run_for(secs(600)).unwrap();
    settle(&mut world);
    assert_polite(&world);
    for node in NODES {
        let (counters, stats) = (counters(&world, node), stats(&world, node));
        let mean = counters.bytes / counters.datagrams;
        println!(
            "{max_datagram}: node {node} wrote {mean} B per datagram, at most {}, now {}",
            counters.largest, stats.max_datagram
        );
        assert_eq!((counters.largest, stats.max_datagram as u64), (max_datagram, max_datagram));
        let given = world.application().given[1 - node].iter().filter(|given| given.channel == 0).count();
        assert_eq!(given, sent[node]);
        assert!(mean * 100 > max_datagram * 70, "{mean}");
    }
}

#[test]
fn no_link_is_probed_for_its_mtu_and_none_ever_carries_less_than_it_says() {
    for max_datagram in [1140, 4096, 8000] {
        let carrier = StreamCarrierConfig { max_datagram, ..Default::default() };
        assert_full::<StreamCarrier>(carrier, max_datagram.into());
        for congestion_controlled in [true, false] {
            let carrier = ChannelCarrierConfig {
                max_datagram,
                congestion_controlled,
                buffer_bytes: 64 << 10,
                ..Default::default()
            };
            assert_full::<ChannelCarrier>(carrier, max_datagram.into());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_gives_another() {
    fn hash<C: Carrier>(seed: u64, carrier: C::Config) -> u64 {
        let script = Script { seed: 1, largest: 5000 };
        let mut world = new_world::<C>(seed, config(), carrier, star(), bad_network());
        world.run_until(at(10_000)).unwrap();
        for number in 0..20 {
            for node in NODES {
                let _ = send(&mut world, node, 0, script.message(node, 0, number));
            }
            world.run_for(Duration::from_millis(100)).unwrap();
        }
        world.trace().hash()
    }
    let stream = |seed| hash::<StreamCarrier>(seed, StreamCarrierConfig::default());
    let channel =
        |seed| hash::<ChannelCarrier>(seed, ChannelCarrierConfig { drop_ppm: 10_000, ..Default::default() });
    assert_eq!((stream(1), channel(1)), (stream(1), channel(1)));
    assert_ne!((stream(1), channel(1)), (stream(2), channel(2)));
}
