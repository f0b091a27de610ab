//! Links that are not UDP, over a network with any faults below the links.
//!
//! `TICKWIRE_SEEDS` sets the number of seeds with random faults, 12 by default.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod channels;
mod sessions;
mod streams;

use std::sync::Arc;
use std::time::Duration;
use tickwire_core::{
    Access, ChannelConfig, ChannelId, Config, ConnectOptions, ConnectionId, Delivery, Endpoint, Event,
    Instant, MessageId, Secrets,
};
use tickwire_sim::carrier::{
    Carrier, ChannelCarrier, ChannelCarrierConfig, LinkHost, StreamCarrier, StreamCarrierConfig,
};
use tickwire_sim::fault::{Direction, Fault, Kind, Target};
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
/// The one-way delay of a segment.
const DELAY: Duration = Duration::from_millis(25);
const MODES: [Delivery; 4] =
    [Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::Sequenced, Delivery::Unreliable];

/// A message that was delivered to a node.
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
    /// The events of each node other than messages.
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

/// Returns faults that lose, reorder, duplicate and damage 10 % of the segments each.
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

/// The messages of one run. Messages differ from each other as far as their sizes allow.
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

    /// Checks that the messages received by `node` on a channel are the first `count` messages of the other node.
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
    /// Checks messages on channels without guarantees. On a reliable, ordered link, these channels deliver every message
    /// of one datagram, in order. A message of several datagrams may be missing if its datagrams arrive too slowly.
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

/// Checks that the core obeys the requirements of links: it stays within the credit, and uses no ECN bits.
fn assert_polite<C: Carrier>(world: &LinkWorld<C>) {
    for node in NODES {
        let counters = counters(world, node);
        assert_eq!((counters.beyond_credit, counters.unsuitable), (0, 0), "node {node}: {counters:?}");
        assert!(!stats(world, node).ecn);
    }
}

/// Runs until everything is acknowledged. A heartbeat may still be in flight.
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

/// Returns the number of resent frames, and the number of datagrams declared lost.
fn repeated<C: Carrier>(world: &LinkWorld<C>, node: usize) -> (u64, u64) {
    let connection = world.application().connections[node].unwrap();
    let endpoint = &world.host(node).unwrap().endpoint;
    let of = |channel| endpoint.channel_stats(connection, ChannelId(channel)).unwrap().sent.repeated;
    ((0..MODES.len() as u8).map(of).sum(), endpoint.stats(connection).unwrap().datagrams_lost)
}

fn told<C: Carrier>(world: &LinkWorld<C>, node: usize, matches: impl Fn(&Event) -> bool) -> usize {
    world.application().told[node].iter().filter(|(_, event)| matches(event)).count()
}

/// Returns the value below which `percent` percent of the values lie.
fn percentile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort();
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

/// Sends bulk data in both directions over a link on a network that loses and marks segments. Checks that all datagrams
/// are full.
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
fn bulk_data_over_a_link_fills_datagrams_of_the_size_that_the_link_declares() {
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
fn two_runs_are_equal_if_and_only_if_their_seeds_are_equal() {
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
