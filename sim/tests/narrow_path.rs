//! Paths that carry less than 1200 bytes, such as tunnels, from the start or from the middle of a connection.
//!
//! `TICKWIRE_SEEDS` sets the number of seeds that are played, 1 by default.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::{Pair, Trust};
use tickwire_core::{ChannelConfig, ChannelId, CloseReason, Config, ConnectionId, Delivery, Event, Instant};
use tickwire_sim::fault::{Direction, Fault, Kind, Target};
use tickwire_sim::network::Topology;
use tickwire_sim::world::{World, WorldConfig};

const SERVER: usize = 0;
const CLIENT: usize = 1;
const RELIABLE: ChannelId = ChannelId(0);
const UNRELIABLE: ChannelId = ChannelId(1);
const TICK: Duration = Duration::from_micros(16_667);

fn seeds() -> u64 {
    std::env::var("TICKWIRE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1)
}

const SECOND: Duration = Duration::from_secs(1);

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// Returns a fault that drops every datagram of more than `bytes` bytes from `from` to `until`.
fn limit(bytes: u32, from: Instant, until: Instant) -> Fault {
    Fault { from, until, target: Target::All, kind: Kind::Mtu { bytes }, seed: 1 }
}

fn loss(ppm: u32) -> Fault {
    Fault { from: Instant::ZERO, until: Instant::MAX, target: Target::All, kind: Kind::Loss { ppm }, seed: 2 }
}

/// Creates a client and a server on a path with a one-way delay of 25 ms that carries datagrams of up to `largest`
/// bytes.
fn world(seed: u64, trust: Trust, largest: usize, faults: Vec<Fault>) -> World<Pair> {
    let mut config = Config::new(7);
    config.channels = [Delivery::ReliableOrdered, Delivery::Unreliable].map(ChannelConfig::new).to_vec();
    let topology = Topology::star(1, Duration::from_millis(25)).largest_datagram(largest);
    World::new(WorldConfig::new(seed, topology).faults(faults), Pair::new(config, trust))
}

/// The messages that both ends send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Game {
    /// An unreliable message of 200 to 1150 bytes in each tick, and a reliable message of up to 3000 bytes in every
    /// third tick.
    Mixed,
    /// Only an unreliable message of 1150 bytes in each tick.
    Snapshots,
    /// As many reliable messages of 20,000 bytes as the queues accept.
    Bulk,
    /// An unreliable and a reliable message of 60 bytes in each tick.
    Small,
}

impl Game {
    /// Returns the channel and the size of each message in a tick.
    fn messages(self, tick: u64) -> Vec<(ChannelId, usize)> {
        let varied = |least: u64, most: u64| (least + tick * 7919 % (most - least)) as usize;
        match self {
            Self::Mixed if tick.is_multiple_of(3) => {
                vec![(UNRELIABLE, varied(200, 1150)), (RELIABLE, varied(20, 3000))]
            }
            Self::Mixed => vec![(UNRELIABLE, varied(200, 1150))],
            Self::Snapshots => vec![(UNRELIABLE, 1150)],
            Self::Bulk => vec![(RELIABLE, 20_000)],
            Self::Small => vec![(UNRELIABLE, 60), (RELIABLE, 60)],
        }
    }
}

/// A game on a path.
struct Session {
    world: World<Pair>,
    game: Game,
    tick: u64,
    /// The number of reliable messages that each end sent.
    sent: [u64; 2],
}

impl Session {
    fn new(seed: u64, game: Game, faults: Vec<Fault>) -> Self {
        let mut world = world(seed, Trust::Key, 1472, faults);
        world.run_until(at(900)).unwrap();
        Self { world, game, tick: 0, sent: [0; 2] }
    }

    fn connection(&self, node: usize) -> Option<ConnectionId> {
        self.world.host(node).unwrap().connections().next()
    }

    /// Runs the game at both ends until `until`.
    fn play(&mut self, until: Instant) {
        while self.world.now() < until {
            for node in [SERVER, CLIENT] {
                let Some(connection) = self.connection(node) else { continue };
                for (channel, bytes) in self.game.messages(self.tick) {
                    let number = self.sent[node];
                    let mut message = vec![0; bytes];
                    message[..8].copy_from_slice(&number.to_le_bytes());
                    let sent = self.world.with(node, |_, context| {
                        // A bulk transfer does not wait for the game, but it waits for the path.
                        let waiting = context.host.stats(connection).map_or(0, |stats| stats.queued_bytes);
                        waiting < 200_000
                            && context.host.send(context.now, connection, channel, message).is_ok()
                    });
                    self.sent[node] += u64::from(sent.unwrap().unwrap() && channel == RELIABLE);
                }
            }
            self.tick += 1;
            self.world.run_for(TICK).unwrap();
        }
    }

    /// Returns the arrival time and the number of each message of a channel at a node.
    fn arrivals(&self, node: usize, of: ChannelId) -> Vec<(Instant, u64)> {
        let told = &self.world.application().told[node];
        let message = |(at, event): &(Instant, Event)| match event {
            Event::Message { channel, data, .. } if *channel == of => {
                Some((*at, u64::from_le_bytes(data[..8].try_into().unwrap())))
            }
            _ => None,
        };
        told.iter().filter_map(message).collect()
    }

    /// Returns the longest time without a message at either end, after `from`.
    fn silence(&self, from: Instant) -> Duration {
        let of_node = |node: usize| {
            let mut all: Vec<Instant> = [RELIABLE, UNRELIABLE]
                .iter()
                .flat_map(|of| self.arrivals(node, *of))
                .map(|(at, _)| at)
                .collect();
            all.sort_unstable();
            let all: Vec<Instant> = all.into_iter().filter(|at| *at > from).collect();
            assert!(!all.is_empty(), "nothing reached node {node} after {from:?}");
            all.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap().max(all[0] - from)
        };
        of_node(SERVER).max(of_node(CLIENT))
    }

    fn assert_exactly_once(&self, what: &str) {
        for node in [SERVER, CLIENT] {
            let arrived = self.arrivals(node, RELIABLE);
            assert_eq!(arrived.len() as u64, self.sent[1 - node], "{what}: at node {node}");
            let in_order = arrived.iter().enumerate().all(|(place, (_, number))| place as u64 == *number);
            assert!(in_order, "{what}: at node {node}");
        }
    }

    fn largest(&self, node: usize) -> usize {
        let connection = self.connection(node).unwrap();
        self.world.host(node).unwrap().stats(connection).unwrap().max_datagram
    }

    fn ending(&self, node: usize) -> Option<(Instant, CloseReason)> {
        self.world.application().told[node].iter().find_map(|(at, event)| match event {
            Event::Closed { reason, .. } => Some((*at, reason.clone())),
            _ => None,
        })
    }
}

#[test]
fn a_path_whose_mtu_falls_to_700_to_1100_bytes_delivers_reliable_messages_again_within_4_s() {
    for game in [Game::Mixed, Game::Snapshots, Game::Bulk] {
        for (ppm, sizes) in [(0, [1100, 1000, 900, 720, 700].as_slice()), (50_000, &[1100, 700])] {
            for &bytes in sizes {
                for seed in 0..seeds() {
                    let hole = at(5000 + seed * 7);
                    let faults = vec![limit(bytes, hole, Instant::MAX), loss(ppm)];
                    let mut session = Session::new(seed, game, faults);
                    session.play(at(15_000));
                    let snapshots = session.arrivals(CLIENT, UNRELIABLE);
                    let late = snapshots.iter().filter(|(when, _)| *when > at(10_000)).count();
                    session.world.run_for(Duration::from_secs(8)).unwrap();
                    let what = format!("{game:?}, {bytes} bytes, {ppm} ppm lost, seed {seed}");
                    let sizes = [session.largest(SERVER), session.largest(CLIENT)];
                    let silence = session.silence(hole);
                    println!("{what}: silence {silence:?}, datagrams of {sizes:?}, {late} in 5 s");
                    session.assert_exactly_once(&what);
                    assert!(silence < Duration::from_secs(4), "{what}: {silence:?}");
                    assert!(
                        sizes.iter().all(|size| (700..=bytes as usize).contains(size)),
                        "{what}: {sizes:?}"
                    );
                    // Each consists of two datagrams now.
                    let least = if ppm == 0 { 285 } else { 245 };
                    assert!(game == Game::Bulk || late >= least, "{what}: {late} of 300 arrived");
                }
            }
        }
    }
}

#[test]
fn a_connection_over_a_path_mtu_below_700_bytes_closes_with_the_reason_path_too_narrow() {
    for game in [Game::Mixed, Game::Snapshots, Game::Bulk] {
        for ppm in [0, 50_000, 200_000] {
            for bytes in [699, 650, 500, 100] {
                let hole = at(5000);
                let faults = vec![limit(bytes, hole, Instant::MAX), loss(ppm)];
                let mut session = Session::new(1, game, faults);
                session.play(at(if ppm > 0 { 20_000 } else { 12_000 }));
                let what = format!("{game:?}, {bytes} bytes, {ppm} ppm lost");
                let ended = [SERVER, CLIENT].map(|node| session.ending(node));
                println!("{what}: {ended:?}");
                for end in ended {
                    let (when, reason) = end.expect(&what);
                    assert_eq!(reason, CloseReason::PathTooNarrow { least: 700 }, "{what}");
                    let by_chance = ppm > 100_000 || ppm > 0 && matches!(game, Game::Bulk);
                    let most = Duration::from_secs(if by_chance { 12 } else { 5 });
                    assert!(when - hole < most, "{what}: {when:?}");
                }
            }
        }
    }
}

/// Random losses can look like a narrow path for a while. The test therefore limits the median of 24 runs, and has a wider
/// limit for the longest run.
#[test]
fn at_least_half_of_connections_close_within_2_seconds_over_a_lossy_path_mtu_below_700_bytes() {
    for bytes in [699, 650, 500] {
        let hole = at(5000);
        let took = |seed| {
            let faults = vec![limit(bytes, hole, Instant::MAX), Fault { seed, ..loss(50_000) }];
            let mut session = Session::new(seed, Game::Bulk, faults);
            session.play(at(20_000));
            session.ending(SERVER).unwrap().0 - hole
        };
        let mut all: Vec<Duration> = (1..25).map(took).collect();
        all.sort_unstable();
        println!("{bytes} bytes: {all:?}");
        assert!(all[12] < SECOND * 2 && all[23] < SECOND * 12, "{bytes} bytes: {all:?}");
    }
}

#[test]
fn a_game_of_small_messages_continues_over_a_path_mtu_of_500_bytes() {
    for ppm in [0, 200_000] {
        let mut session = Session::new(2, Game::Small, vec![limit(500, at(5000), Instant::MAX), loss(ppm)]);
        session.play(at(30_000));
        session.world.run_for(Duration::from_secs(5)).unwrap();
        session.assert_exactly_once("small messages");
        assert_eq!([SERVER, CLIENT].map(|node| session.ending(node)), [None, None]);
    }
}

#[test]
fn datagrams_of_1200_bytes_are_sent_again_within_ninety_seconds_after_a_path_recovered() {
    for bytes in [900, 700] {
        let mut session = Session::new(3, Game::Bulk, vec![limit(bytes, at(5000), at(20_000))]);
        session.play(at(20_000));
        assert!([SERVER, CLIENT].iter().all(|node| session.largest(*node) <= bytes as usize));
        session.play(at(110_000));
        assert!([SERVER, CLIENT].iter().all(|node| session.largest(*node) >= 1200));
    }
}

#[test]
fn losses_and_outages_without_an_mtu_change_end_no_connection() {
    for ppm in [100_000, 300_000] {
        for game in [Game::Mixed, Game::Snapshots, Game::Bulk] {
            let dark = |from| Fault {
                from: at(from),
                until: at(from + 1500),
                target: Target::All,
                kind: Kind::Partition {},
                seed: 3,
            };
            let mut session = Session::new(4, game, vec![loss(ppm), dark(8000), dark(15_000), dark(22_000)]);
            let mut low = 0;
            for second in 1..30 {
                session.play(at(1000 * second));
                low += [SERVER, CLIENT].iter().filter(|node| session.largest(**node) < 1200).count();
            }
            assert_eq!([SERVER, CLIENT].map(|node| session.ending(node)), [None, None], "{game:?}, {ppm}");
            println!("{game:?}, {ppm} ppm lost: below 1200 bytes in {low} of 58 seconds");
            assert!(low < 4, "{game:?}, {ppm} ppm lost: below 1200 bytes in {low} of 58 seconds");
        }
    }
}

#[test]
fn a_reconnect_that_fails_over_a_path_with_a_small_mtu_reports_the_small_mtu() {
    let dark =
        Fault { from: at(5000), until: at(28_000), target: Target::All, kind: Kind::Partition {}, seed: 3 };
    let mut session = Session::new(6, Game::Small, vec![dark, limit(1000, at(5000), Instant::MAX)]);
    session.play(at(6000));
    session.world.run_until(at(400_000)).unwrap();
    let (_, reason) = session.ending(CLIENT).unwrap();
    assert_eq!(reason, CloseReason::PathTooNarrow { least: 1200 });
}

/// Returns the reason why a client's attempt to connect ended, if it ended.
fn attempt(trust: Trust, largest: usize, faults: Vec<Fault>) -> Option<CloseReason> {
    let mut world = world(5, trust, largest, faults);
    world.run_until(at(12_000)).unwrap();
    world.application().told[CLIENT].iter().find_map(|(_, event)| match event {
        Event::Closed { reason, .. } => Some(reason.clone()),
        _ => None,
    })
}

#[test]
fn connecting_over_a_path_mtu_below_1200_bytes_fails_and_reports_the_small_mtu() {
    let timed_out =
        |narrow_path| Some(CloseReason::ConnectTimedOut { version_hint: None, narrow_path, key_hint: None });
    for trust in [Trust::Key, Trust::AnyKey, Trust::Ticket] {
        for ppm in [0, 200_000] {
            for bytes in [1199, 1000, 600, 100] {
                let reason = attempt(trust, bytes, vec![loss(ppm)]);
                assert_eq!(reason, timed_out(true), "{trust:?}, {bytes} bytes, {ppm}");
            }
            assert_eq!(attempt(trust, 1200, vec![loss(ppm)]), None);
        }
        // Nobody there, or nothing passes.
        let dark = Fault {
            from: Instant::ZERO,
            until: Instant::MAX,
            target: Target::All,
            kind: Kind::Partition {},
            seed: 3,
        };
        assert_eq!(attempt(trust, 1472, vec![dark]), timed_out(false));
        // Only small answers come back: the path there is wide.
        let one_way =
            Fault { target: Target::Link(0, Direction::Down), ..limit(40, Instant::ZERO, Instant::MAX) };
        assert_eq!(attempt(trust, 1472, vec![one_way]), timed_out(false), "{trust:?}");
    }
}

/// Makes both ends send 320 bytes in each tick and 1,100 bytes per second through a bottleneck whose queue is limited in
/// bytes. Returns the close reason at each end, if the connection closed.
fn small_and_large_through(bytes_per_second: u64, queue_bytes: u64) -> [Option<CloseReason>; 2] {
    let slow = Fault {
        from: at(3000),
        until: Instant::MAX,
        target: Target::All,
        kind: Kind::Rate { bytes_per_second, queue_bytes },
        seed: 5,
    };
    let mut world = world(1, Trust::Key, 1472, vec![slow]);
    world.run_until(at(900)).unwrap();
    for tick in 0..3600u64 {
        for node in [SERVER, CLIENT] {
            let act =
                |_: &mut Pair, context: &mut tickwire_sim::host::Context<'_, tickwire_core::Endpoint>| {
                    let Some(connection) = context.host.connections().next() else { return };
                    let _ = context.host.send(context.now, connection, UNRELIABLE, vec![0; 320]);
                    if tick % 60 == 0 {
                        let _ = context.host.send(context.now, connection, UNRELIABLE, vec![0; 1100]);
                    }
                };
            world.with(node, act).unwrap();
        }
        world.run_for(TICK).unwrap();
    }
    [SERVER, CLIENT].map(|node| {
        world.application().told[node].iter().find_map(|(_, event)| match event {
            Event::Closed { reason, .. } => Some(reason.clone()),
            _ => None,
        })
    })
}

#[test]
fn a_20_kb_per_second_bottleneck_for_320_and_1100_byte_messages_ends_no_connection() {
    assert_eq!(small_and_large_through(20_000, 8000), [None, None]);
}

#[test]
fn bottlenecks_that_carry_1200_byte_datagrams_end_no_connection() {
    for game in [Game::Mixed, Game::Snapshots, Game::Small, Game::Bulk] {
        for bytes_per_second in [5_000, 10_000, 20_000, 50_000, 100_000] {
            for queue_bytes in [1200, 3000, 8000, 16_000] {
                let slow = Fault {
                    from: at(3000),
                    until: Instant::MAX,
                    target: Target::All,
                    kind: Kind::Rate { bytes_per_second, queue_bytes },
                    seed: 5,
                };
                let mut session = Session::new(8, game, vec![slow]);
                let mut low = 0;
                for second in 1..40 {
                    session.play(at(1000 * second));
                    if [SERVER, CLIENT].iter().all(|node| session.ending(*node).is_none()) {
                        low += [SERVER, CLIENT].iter().filter(|node| session.largest(**node) < 1200).count();
                    }
                }
                let what = format!("{game:?}, {bytes_per_second} B/s, a queue of {queue_bytes} bytes");
                let ended = [SERVER, CLIENT].map(|node| session.ending(node));
                println!("{what}: below 1200 bytes in {low} of 78 seconds, {ended:?}");
                assert_eq!(ended, [None, None], "{what}");
                // An acknowledgement takes the room that a probe needs in a queue of 1200 bytes; one of 8000 bytes drains
                // for 0.8 s at 10 kB/s.
                let most = if queue_bytes == 1200 || bytes_per_second <= 10_000 { 30 } else { 8 };
                assert!(low < most, "{what}: below 1200 bytes in {low} of 78 seconds");
            }
        }
    }
}
