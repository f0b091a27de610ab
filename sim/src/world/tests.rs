mod violations;

use core::net::SocketAddr;
use core::time::Duration;

use super::*;
use crate::fault::{Kind, Profile, Target, draw, parse_list, print_list};
use crate::host::Boot;
use crate::host::Outgoing;
use crate::network::home_address;
use crate::shrink::shrink;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A simple host. It numbers its messages, and repeats each message every 200 ms until the other end has echoed it.
struct Toy {
    server: bool,
    queue: Vec<(SocketAddr, Vec<u8>)>,
    pending: BTreeMap<u32, Instant>,
    events: Vec<ToyEvent>,
    boot: Boot,
    timeouts: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum ToyEvent {
    Received(SocketAddr, u32),
    Echoed(u32),
}

const RETRY: Duration = Duration::from_millis(200);
const LENGTH: usize = 12;

impl Toy {
    fn say(&mut self, now: Instant, number: u32) {
        self.pending.insert(number, now + RETRY);
        self.queue.push((home_address(0), encode(number)));
    }
}

fn encode(number: u32) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    let check = xxhash_rust::xxh3::xxh3_64_with_seed(&bytes, 0);
    bytes.extend(check.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<u32> {
    let number = u32::from_le_bytes(*bytes.first_chunk()?);
    (encode(number) == bytes).then_some(number)
}

impl Host for Toy {
    type Event = ToyEvent;

    fn handle_datagram(&mut self, _: Instant, from: SocketAddr, _: Ecn, bytes: &mut [u8]) {
        let Some(number) = decode(bytes) else { return };
        if self.server {
            self.queue.push((from, bytes.to_vec()));
            self.events.push(ToyEvent::Received(from, number));
        } else if self.pending.remove(&number).is_some() {
            self.events.push(ToyEvent::Echoed(number));
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.timeouts += 1;
        for (&number, due) in self.pending.iter_mut().filter(|(_, due)| **due <= now) {
            *due = now + RETRY;
            self.queue.push((home_address(0), encode(number)));
        }
    }

    fn poll_transmit(&mut self, _: Instant, buffer: &mut [u8]) -> Option<Outgoing> {
        let (to, bytes) = (!self.queue.is_empty()).then(|| self.queue.remove(0))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Some(Outgoing { to: to.into(), size: bytes.len(), segment_size: LENGTH, ecn: Ecn::Capable0 })
    }

    fn poll_event(&mut self) -> Option<ToyEvent> {
        (!self.events.is_empty()).then(|| self.events.remove(0))
    }

    fn poll_timeout(&self) -> Instant {
        self.pending.values().min().copied().unwrap_or(Instant::MAX)
    }
}

/// An application in which every client sends a number every 50 ms until the time `quiet`.
#[derive(Default)]
struct Chat {
    quiet: Instant,
    /// `true` if only the first incarnation of a client sends numbers.
    first_only: bool,
    said: u32,
    echoed: Vec<u32>,
    boots: Vec<(NodeId, u32, [u8; 32])>,
    sources: Vec<SocketAddr>,
    ticks: Vec<(NodeId, Instant)>,
}

impl Application for Chat {
    type Host = Toy;

    fn build(&mut self, boot: Boot) -> Toy {
        self.boots.push((boot.node, boot.incarnation, boot.seed));
        let (queue, pending, events) = (Vec::new(), BTreeMap::new(), Vec::new());
        Toy { server: boot.node == 0, queue, pending, events, boot, timeouts: 0 }
    }

    fn started(&mut self, context: &mut Context<'_, Toy>) {
        assert_eq!(context.host.boot.incarnation, context.incarnation);
        if context.node != 0 && !(self.first_only && context.incarnation > 0) {
            context.tick_in(50 * MS);
        }
    }

    fn event(&mut self, _: &mut Context<'_, Toy>, event: ToyEvent) {
        match event {
            ToyEvent::Received(from, _) if !self.sources.contains(&from) => self.sources.push(from),
            ToyEvent::Received(..) => {}
            ToyEvent::Echoed(number) => self.echoed.push(number),
        }
    }

    fn tick(&mut self, context: &mut Context<'_, Toy>) {
        self.ticks.push((context.node, context.time));
        if context.time < self.quiet {
            context.host.say(context.now, self.said);
            self.said += 1;
            context.tick_in(50 * MS);
        }
    }
}

fn at(duration: Duration) -> Instant {
    Instant::ZERO + duration
}

fn world(clients: usize, faults: Vec<Fault>) -> World<Chat> {
    let topology = Topology::star(clients, 20 * MS);
    let config = WorldConfig::new(1, topology).faults(faults).text();
    World::new(config, Chat { quiet: at(10 * SECOND), ..Chat::default() })
}

fn fault(from: Duration, until: Duration, target: Target, kind: Kind) -> Fault {
    Fault { from: at(from), until: at(until), target, kind, seed: 77 }
}

fn swarm(seed: u64) -> World<Chat> {
    world(4, draw(seed, &Profile::new(5, 4, 10 * SECOND)))
}

#[test]
fn without_faults_every_message_is_echoed_after_one_rtt() {
    let mut world = world(2, Vec::new());
    world.run_until(at(11 * SECOND)).unwrap();
    let chat = world.application();
    assert_eq!((chat.said, chat.echoed.len()), (398, 398));
    assert_eq!(world.host(1).unwrap().timeouts, 0);
    assert_eq!(world.counters().sent, 4 * 199);
    assert_eq!(world.counters().delivered, 4 * 199);
}

#[test]
fn two_runs_have_the_same_hash_if_and_only_if_their_seeds_are_equal() {
    let run = |seed| {
        let mut world = swarm(seed);
        world.run_until(at(12 * SECOND)).unwrap();
        (world.trace().hash(), world.trace().text().to_owned())
    };
    for seed in 0..10 {
        assert_eq!(run(seed), run(seed));
        assert_ne!(run(seed).0, run(seed + 100).0);
    }
}

#[test]
fn the_hash_of_a_run_does_not_depend_on_the_times_at_which_the_run_is_interrupted() {
    let mut whole = swarm(3);
    whole.run_until(at(12 * SECOND)).unwrap();
    let config = WorldConfig::new(1, Topology::star(4, 20 * MS));
    let config = config.faults(draw(3, &Profile::new(5, 4, 10 * SECOND)));
    let mut pieces = World::new(config, Chat { quiet: at(10 * SECOND), ..Chat::default() });
    while pieces.now() < at(12 * SECOND) {
        pieces.run_for(7 * MS).unwrap();
    }
    assert_eq!(whole.trace().hash(), pieces.trace().hash());
    assert!(pieces.trace().text().is_empty());
}

#[test]
fn the_hash_of_a_run_is_the_same_on_every_target() {
    let mut world = swarm(5);
    world.run_until(at(12 * SECOND)).unwrap();
    assert_eq!(world.trace().hash(), 8_273_485_896_096_059_299);
}

#[test]
fn every_message_is_delivered_after_healing_ends_all_faults() {
    for seed in 0..50 {
        let mut faults = draw(seed, &Profile::new(5, 4, 20 * SECOND));
        // The toy cannot survive losing its state.
        faults.retain(|fault| !matches!(fault.kind, Kind::Restart {}));
        let mut world = world(4, faults);
        world.run_until(at(10 * SECOND)).unwrap();
        world.heal().unwrap();
        // A clog holds what it holds for 5 s at most; a clock that jumped back is as late as it jumped.
        world.run_for(20 * SECOND).unwrap();
        let chat = world.application();
        assert_eq!(chat.echoed.len(), chat.said as usize, "seed {seed}");
    }
}

#[test]
fn every_kind_of_fault_except_mtu_has_an_effect_within_forty_seeds() {
    let mut counts = BTreeMap::new();
    for seed in 0..40 {
        let mut world = swarm(seed);
        world.run_until(at(12 * SECOND)).unwrap();
        for (kind, count) in world.fired_by_kind() {
            *counts.entry(kind).or_default() += count;
        }
    }
    // The toy's datagrams are too small for any MTU.
    counts.insert(KindName::Mtu, 1);
    let all: Vec<KindName> =
        counts.iter().filter(|&(_, &count): &(_, &u64)| count > 0).map(|(&kind, _)| kind).collect();
    assert_eq!(all, KindName::ALL);
}

#[test]
fn datagrams_to_the_old_address_of_a_rebound_node_are_lost() {
    let kind = Kind::Rebind { every: SECOND };
    let mut world = world(1, vec![fault(1030 * MS, 10 * SECOND, Target::Node(1), kind)]);
    world.run_until(at(12 * SECOND)).unwrap();
    let chat = world.application();
    assert_eq!((world.fired(0), chat.sources.len()), (9, 10));
    assert!(world.counters().unreachable > 0);
    assert_eq!(chat.echoed.len(), chat.said as usize);
    assert_eq!(world.address(1).port(), 7777 + 9);
}

#[test]
fn a_paused_node_reads_datagrams_only_after_the_pause() {
    let mut world = world(1, vec![fault(SECOND, 3 * SECOND, Target::Node(0), Kind::Pause {})]);
    world.run_until(at(2900 * MS)).unwrap();
    let before = world.application().echoed.len();
    assert_eq!(before, 19);
    world.run_until(at(3 * SECOND)).unwrap();
    let waited = world.host(0).unwrap().queue.len();
    assert_eq!(waited, 0);
    assert!(world.counters().delivered > 2 * 19);
    world.run_until(at(3021 * MS)).unwrap();
    assert!(world.application().echoed.len() >= 39, "{}", world.application().echoed.len());
}

#[test]
fn a_full_socket_buffer_of_a_paused_node_drops_further_datagrams() {
    let mut world = world(1, vec![fault(SECOND, 3 * SECOND, Target::Node(0), Kind::Pause {})]);
    for _ in 0..1000 {
        world.inject(at(2 * SECOND), home_address(9), home_address(0), &[0; 1000]);
    }
    world.run_until(at(2 * SECOND)).unwrap();
    assert!((800..900).contains(&world.counters().overflowed), "{}", world.counters().overflowed);
}

#[test]
fn a_tick_due_during_a_pause_fires_once_after_the_pause() {
    let mut world = world(1, vec![fault(SECOND, 3 * SECOND, Target::Node(1), Kind::Pause {})]);
    world.run_until(at(3060 * MS)).unwrap();
    let ticks: Vec<u64> = world.application().ticks.iter().map(|(_, at)| at.as_micros() / 1000).collect();
    assert_eq!(ticks[18..], [950, 3000, 3050]);
}

#[test]
fn a_tick_requested_before_a_restart_of_the_node_does_not_fire() {
    let mut world = world(1, vec![fault(1020 * MS, 1030 * MS, Target::Node(1), Kind::Restart {})]);
    world.application.first_only = true;
    world.run_until(at(1100 * MS)).unwrap();
    let ticks: Vec<u64> = world.application().ticks.iter().map(|(_, at)| at.as_micros() / 1000).collect();
    assert_eq!(ticks[19..], [1000]);
}

#[test]
fn healing_ends_active_faults_and_cancels_future_faults() {
    let dark = |from| fault(from, from + 2 * SECOND, Target::All, Kind::Partition {});
    let pause = fault(1020 * MS, 9 * SECOND, Target::Node(1), Kind::Pause {});
    let mut world = world(1, vec![dark(SECOND), pause, dark(4 * SECOND)]);
    // At the very instant of a tick, which the pause swallowed.
    world.run_until(at(1050 * MS)).unwrap();
    let lost = world.counters().lost;
    world.heal().unwrap();
    world.run_until(at(8 * SECOND)).unwrap();
    assert_eq!((world.counters().lost, world.fired(2)), (lost, 0));
    assert!(world.application().said > 150, "{}", world.application().said);
}

#[test]
fn a_restarted_node_boots_with_a_new_seed_when_the_fault_ends() {
    let restart = |from| fault(from, from + SECOND, Target::Node(0), Kind::Restart {});
    let mut world = world(1, vec![restart(SECOND), restart(5 * SECOND)]);
    world.run_until(at(1990 * MS)).unwrap();
    assert!(world.counters().unreachable > 10);
    assert_eq!(world.application().echoed.len(), 19);
    world.run_until(at(12 * SECOND)).unwrap();
    let boots = &world.application().boots;
    assert_eq!(
        boots.iter().map(|boot| (boot.0, boot.1)).collect::<Vec<_>>(),
        [(0, 0), (1, 0), (0, 1), (0, 2)]
    );
    let mut seeds: Vec<_> = boots.iter().map(|boot| boot.2).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 4);
    assert_eq!(world.application().echoed.len(), world.application().said as usize);
}

#[test]
fn overlapping_restarts_and_pauses_end_at_the_latest_of_their_end_times() {
    let node = Target::Node(0);
    let mut world = world(
        1,
        vec![
            fault(SECOND, 3 * SECOND, node, Kind::Restart {}),
            fault(2 * SECOND, 4 * SECOND, node, Kind::Restart {}),
            fault(SECOND, 5 * SECOND, node, Kind::Pause {}),
        ],
    );
    world.run_until(at(4990 * MS)).unwrap();
    assert_eq!((world.application().boots.len(), world.application().echoed.len()), (3, 19));
    world.run_until(at(12 * SECOND)).unwrap();
    assert_eq!(world.application().echoed.len(), world.application().said as usize);
}

#[test]
fn timers_fire_early_on_a_fast_clock_and_late_on_a_slow_clock() {
    let blackout = fault(Duration::ZERO, 60 * SECOND, Target::All, Kind::Partition {});
    let timeouts = |kind| {
        let mut faults = vec![blackout.clone()];
        faults.extend(kind);
        let mut world = world(1, faults);
        world.application.quiet = at(60 * MS);
        world.run_until(at(40 * SECOND + 100 * MS)).unwrap();
        world.host(1).unwrap().timeouts
    };
    let whole = |kind| Some(fault(Duration::ZERO, 60 * SECOND, Target::Node(1), kind));
    assert_eq!(timeouts(None), 200);
    assert_eq!(timeouts(whole(Kind::Skew { ppm: 100_000 })), 220);
    assert_eq!(timeouts(whole(Kind::Skew { ppm: -100_000 })), 180);
    let half = fault(Duration::ZERO, 20 * SECOND, Target::Node(1), Kind::Skew { ppm: 100_000 });
    assert_eq!(timeouts(Some(half)), 210);
}

#[test]
fn a_forward_clock_jump_fires_timers_immediately_and_a_backward_jump_delays_them() {
    let timeouts = |micros| {
        let blackout = fault(Duration::ZERO, 60 * SECOND, Target::All, Kind::Partition {});
        let jump = fault(5 * SECOND, 6 * SECOND, Target::Node(1), Kind::Jump { micros });
        let mut world = world(1, vec![blackout, jump]);
        world.application.quiet = at(60 * MS);
        world.run_until(at(10 * SECOND)).unwrap();
        let lines = world.trace().text().lines().filter(|line| line.contains("Timeout"));
        lines.map(|line| line.split_once('s').unwrap().0.to_owned()).skip(23).take(3).collect::<Vec<_>>()
    };
    assert_eq!(timeouts(0), ["4.850000", "5.050000", "5.250000"]);
    assert_eq!(timeouts(2_000_000), ["4.850000", "5.000000", "5.200000"]);
    assert_eq!(timeouts(-2_000_000), ["4.850000", "7.050000", "7.250000"]);
}

#[test]
fn injected_datagrams_arrive_on_time_and_unchanged() {
    let mut world = world(1, vec![fault(Duration::ZERO, SECOND, Target::All, Kind::Partition {})]);
    world.inject(at(500 * MS), home_address(40), home_address(0), &encode(9));
    world.run_until(at(500 * MS)).unwrap();
    assert_eq!(world.application().sources, [home_address(40)]);
}
