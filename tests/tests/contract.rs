//! The contract of the core, clause by clause: each test names the clause that it would see broken.
//!
//! Cases come from a fixed seed; `CONTRACT_SEED` draws others, and `CONTRACT_CASES` is how many times as many.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod script;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use quickcheck::{Arbitrary, Gen, QuickCheck, Testable};
use script::allocation::{self, Counting};
use script::duo::{CLIENT, Duo, SERVER, frames};
use script::forge;
use script::op::{Fate, How, Op};
use script::provider;
use script::world::{Manner, Output, Setup, World};
use tickwire_core::crypto::default_provider;
use tickwire_core::drop::DropReason;
use tickwire_core::wire::writers::{Chain, Writer, write_message};
use tickwire_core::wire::{DataHeader, Frame, MessageFrame, Part};
use tickwire_core::{
    Access, Bytes, ChannelConfig, ChannelId, CloseReason, ConnectionId, ConnectionState, Delivery, Duration,
    Ecn, Event, Fate as MessageFate, Instant, MessageId, limits,
};
use tickwire_sim::rng::Draws;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn check<T: Testable>(cases: u64, size: usize, property: T) {
    let seed = number("CONTRACT_SEED", 0x7469_636b);
    let cases = cases * number("CONTRACT_CASES", 1);
    QuickCheck::new().rng(Gen::from_size_and_seed(size, seed)).tests(cases).quickcheck(property);
}

/// Which cryptography a case runs on: mostly none, sometimes the real one.
fn provider_for(seed: u64) -> std::sync::Arc<dyn tickwire_core::crypto::Provider> {
    if seed % 16 == 7 { default_provider() } else { provider::null() }
}

/// The operations of a script that leave nothing to chance but time: whoever lets it run gets what was sent.
fn honest(script: &[Op]) -> Vec<Op> {
    let mut kept = vec![
        Op::Connect { node: 1, to: 0, how: How::Pinned },
        Op::Connect { node: 0, to: 2, how: How::Ticket },
        Op::Run { millis: 300 },
    ];
    kept.extend(script.iter().filter_map(|op| match *op {
        // Reliable channels only.
        Op::Send { node, connection, channel, size } => {
            Some(Op::Send { node, connection, channel: channel % 2, size })
        }
        Op::Run { millis } => Some(Op::Run { millis: millis.min(2000) }),
        _ => None,
    }));
    kept.push(Op::Run { millis: 5000 });
    kept
}

fn received(manner: Manner, script: &[Op]) -> Vec<u64> {
    let mut world = World::new(Setup { manner, ..Setup::new(provider::null(), 1) });
    world.play(script);
    world.nodes.iter().map(|node| node.received).collect()
}

#[test]
fn clause_01_any_call_in_any_order_at_any_time() {
    fn clamped_and_never_stuck(script: Vec<Op>, seed: u64) {
        let setup = Setup::new(provider_for(seed), seed);
        let mut world = World::new(setup.clone());
        world.play(&script);
        world.expect_kept(1);
        let mut clamped = World::new(Setup { clamps: true, ..setup });
        clamped.play(&script);
        world.expect_same(&clamped, "a time that runs backwards is not clamped");
        recovers(&mut world);
    }
    fn no_polling_order(script: Vec<Op>) {
        let script = honest(&script);
        let expected = received(Manner::Orderly { every: None, order: 0 }, &script);
        for order in 1..6 {
            assert_eq!(received(Manner::Orderly { every: None, order }, &script), expected, "order {order}");
        }
    }
    check(1200, 100, clamped_and_never_stuck as fn(Vec<Op>, u64));
    check(10, 30, no_polling_order as fn(Vec<Op>));
}

/// Whatever was done to the world: a good driver makes it work again.
fn recovers(world: &mut World) {
    let latest = world.nodes.iter().fold(world.now, |latest, node| latest.max(node.latest));
    if latest > Instant::MAX - Duration::from_secs(1000) {
        return;
    }
    for connection in 0..=u8::MAX {
        for node in 0..3 {
            world.step(Op::Close { node, connection, gently: false });
        }
    }
    world.step(Op::Run { millis: 20_000 });
    let before = world.nodes[0].received;
    world.connect(1, 0, How::Pinned);
    let latest = world.nodes[1].connections.len() - 1;
    world.send(1, latest as u8, 0, 5000);
    world.step(Op::Run { millis: 3000 });
    assert_eq!(world.nodes[0].received - before, 5000, "nothing works any more");
}

#[test]
fn clause_02_while_a_poll_would_return_something_poll_timeout_is_due_and_names_its_cause() {
    fn due(script: Vec<Op>, seed: u64) {
        let manner = Manner::CauseOnly;
        let mut world = World::new(Setup { manner, ..Setup::new(provider_for(seed), seed) });
        world.play(&script);
        world.expect_kept(2);
    }
    fn sloppy_is_enough(script: Vec<Op>) {
        let script = honest(&script);
        let expected = received(Manner::Orderly { every: None, order: 0 }, &script);
        assert_eq!(received(Manner::CauseOnly, &script), expected);
    }
    check(1200, 100, due as fn(Vec<Op>, u64));
    check(20, 30, sloppy_is_enough as fn(Vec<Op>));
}

#[test]
fn clause_03_repeating_handle_timeout_and_draining_ends_and_then_poll_timeout_lies_later() {
    fn no_spin(script: Vec<Op>, seed: u64) {
        let mut world = World::new(Setup::new(provider_for(seed), seed));
        for part in script.chunks(10) {
            world.play(part);
            for node in 0..3 {
                let rounds = world.settle(node, 20);
                assert!(
                    rounds.is_some(),
                    "node {node} spins: {:?}",
                    world.nodes[node].endpoint.poll_timeout()
                );
            }
        }
    }
    check(1200, 100, no_spin as fn(Vec<Op>, u64));
}

/// One round of polls that find nothing to do.
fn idle_polls(duo: &mut Duo, end: usize) {
    let mut buffer = [0; 1200];
    let endpoint = &mut duo.ends[end];
    endpoint.handle_timeout(duo.now);
    assert!(endpoint.poll_transmit(duo.now, &mut buffer).is_none());
    assert!(endpoint.poll_event().is_none());
    assert!(endpoint.poll_timeout().0 > duo.now);
}

/// Counted in instructions, where they can be.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn clause_04_an_idle_poll_costs_the_same_however_many_connections_there_are() {
    use script::steps;
    let count = 10_000;
    let (mut one, mut many) = (Duo::connected(1, |_| {}), Duo::connected(count, |_| {}));
    for end in [SERVER, CLIENT] {
        // What the first of many polls finds to do is not the question.
        idle_polls(&mut one, end);
        idle_polls(&mut many, end);
        let few = steps::count(|| idle_polls(&mut one, end));
        let most = steps::count(|| idle_polls(&mut many, end));
        println!("{few} instructions with one connection, {most} with {count}");
        assert!(most < few + few / 4, "{few} instructions with one connection, {most} with {count}");
        // Whoever looked at a tenth of the connections would be seen.
        let tenth = count / 10;
        let looked = steps::count(|| assert_eq!(many.ends[end].connections().take(tenth).count(), tenth));
        assert!(looked > few * 2, "{looked}");
    }
}

#[test]
fn clause_05_poll_timeout_is_pure_and_may_be_early_but_is_never_late() {
    fn never_late(script: Vec<Op>, seed: u64, every: u8) {
        let lazy = Setup::new(provider_for(seed), seed);
        let every = Some(Duration::from_micros(7001 + u64::from(every) * 211));
        let eager = Setup { manner: Manner::Orderly { every, order: 0 }, ..lazy.clone() };
        let (mut lazy, mut eager) = (World::new(lazy), World::new(eager));
        lazy.play(&script);
        eager.play(&script);
        lazy.expect_kept(5);
        lazy.expect_same(&eager, "who asks more often gets something earlier");
    }
    check(640, 60, never_late as fn(Vec<Op>, u64, u8));
}

/// Lets time go by as the client's or the server's `poll_timeout` alone says, until it has something to send.
fn next_datagrams(duo: &mut Duo, end: usize, latest: Instant) -> Vec<Vec<u8>> {
    loop {
        let (at, cause) = duo.ends[end].poll_timeout();
        assert!(at <= latest, "due at {at:?} for {cause:?}, and not by {latest:?}");
        duo.now = duo.now.max(at);
        duo.ends[end].handle_timeout(duo.now);
        let datagrams = duo.take(end);
        if !datagrams.is_empty() {
            return datagrams;
        }
    }
}

#[test]
fn clause_05_an_acknowledgement_that_is_held_back_leaves_within_the_delay() {
    fn in_time(millis: u8) {
        let delay = Duration::from_millis(u64::from(millis % 100) + 1);
        let mut duo = Duo::connected(1, |config| config.ack_delay = delay);
        for _ in 0..5 {
            duo.send(CLIENT, 0, vec![1; 10]);
            let mut datagrams = duo.take(CLIENT);
            assert_eq!(datagrams.len(), 1);
            let number = u64::from(DataHeader::read(&datagrams[0]).unwrap().packet_number);
            duo.give(SERVER, &mut datagrams[0]);
            duo.events(SERVER);
            let latest = duo.now + delay;
            let acks = next_datagrams(&mut duo, SERVER, latest);
            let is_it = |frame: &Frame<'_>| matches!(frame, Frame::Ack(ack) if ack.ranges(number + 1).map(Result::unwrap).any(|range| range.contains(&number)));
            assert!(frames(&acks[0]).iter().any(is_it), "{:?}", frames(&acks[0]));
            for mut ack in acks {
                duo.give(CLIENT, &mut ack);
            }
            duo.flush();
        }
    }
    check(50, 100, in_time as fn(u8));
}

#[test]
fn clause_05_what_is_paced_leaves_as_soon_as_the_rate_allows() {
    fn in_time(rate: u16) {
        let rate = 2000 + u64::from(rate);
        let mut duo = Duo::connected(1, |config| {
            config.connection_bandwidth = Some(rate);
            config.max_datagram = 1200;
            // Then nothing is in flight, and no acknowledgement wakes the sender.
            config.ack_delay = Duration::ZERO;
        });
        duo.send(CLIENT, 0, vec![1; 60_000]);
        duo.flush();
        // What a datagram costs, each part of it rounded up, and the pacer's millisecond.
        let datagram = Duration::from_micros(1200 * 1_000_000 / rate) + Duration::from_micros(1010);
        for _ in 0..20 {
            let latest = duo.now + datagram;
            for mut datagram in next_datagrams(&mut duo, CLIENT, latest) {
                duo.give(SERVER, &mut datagram);
            }
            duo.flush();
        }
    }
    check(50, 100, in_time as fn(u16));
}

#[test]
fn clause_06_the_same_calls_with_the_same_seed_give_the_same_bytes() {
    fn twice(script: Vec<Op>, seed: u64) {
        let play = || {
            let mut world = World::new(Setup::new(provider_for(seed), seed));
            world.play(&script);
            world.trace
        };
        assert_eq!(play(), play());
    }
    check(800, 100, twice as fn(Vec<Op>, u64));
}

#[test]
fn clause_07_no_input_panics_and_noise_is_counted() {
    fn survives(script: Vec<Op>, seed: u64) {
        // With a provider that believes everything, whoever forges a packet is a peer gone bad.
        let mut world = World::new(Setup::new(provider::gullible(), seed));
        world.play(&script);
    }
    fn is_counted(first: u8, length: u16, seed: u64) {
        let mut duo = Duo::new(|_| {});
        let mut noise = forge::garbage(first, length.into(), seed);
        duo.give(SERVER, &mut noise);
        let (replies, dropped) = (duo.take(SERVER).len() as u64, duo.ends[SERVER].drops().total());
        assert!(duo.events(SERVER).is_empty(), "noise is an event");
        assert!(dropped == 1 || replies == 1, "{replies} replies, {dropped} dropped");
    }
    check(1500, 120, survives as fn(Vec<Op>, u64));
    check(1000, 100, is_counted as fn(u8, u16, u64));
}

#[test]
fn clause_07_strangers_make_an_endpoint_allocate_no_more_than_its_limits() {
    fn bounded(access: bool, seed: u64) {
        let mut duo = Duo::new(|config| {
            config.access = if access { Access::Open } else { Access::Closed };
            config.cookie_threshold = 64;
        });
        duo.dial();
        let hello = duo.take(CLIENT).remove(0);
        let mut draws = Draws::new(seed);
        allocation::start();
        for round in 0..4000u64 {
            let mut datagram = if draws.chance(700_000) {
                let mut changed = hello.clone();
                for _ in 0..draws.below(4) {
                    let bit = draws.below(150 * 8) as usize;
                    changed[bit / 8] ^= 1 << (bit % 8);
                }
                changed
            } else {
                forge::garbage(draws.between(4, 15) as u8, draws.below(1300) as usize, round)
            };
            let from = SocketAddr::from(([10, 2, (round >> 8) as u8, round as u8], 1000));
            duo.ends[SERVER].handle_datagram(duo.now, from, Ecn::NotCapable, &mut datagram);
        }
        let held = allocation::counted();
        let replies = limits::REPLY_QUEUE * (1200 + 64);
        let most = replies + limits::HALF_OPEN * limits::HALF_OPEN_BYTES + (64 << 10);
        assert!(held.live <= most as i64, "{held:?}, and no more than {most} are allowed");
        assert!(held.largest <= limits::MAX_DATAGRAM, "{held:?}");
    }
    check(20, 100, bounded as fn(bool, u64));
}

/// Packets of a peer that takes whatever it is given: none of them is forbidden, all of them cost memory.
fn greedy_packet(kind: u8, header: &DataHeader, draws: &mut Draws) -> Vec<u8> {
    static DATA: [u8; 1000] = [7; 1000];
    let mut bytes = vec![0; 1200 - limits::TAG];
    let mut writer = Writer::new(&mut bytes);
    header.write(&mut writer).unwrap();
    let mut chain = Chain::default();
    while writer.remaining() >= 100 {
        let (channel, id, part, length) = match kind % 5 {
            // Unreliable messages that nobody takes.
            0 => (3, None, Part::Whole, draws.below(100)),
            // Beginnings of large ones.
            1 => (3, Some(draws.below(1 << 24)), fragment(1 << 20, draws.below(1 << 20)), 1),
            2 => (2, Some(draws.below(1 << 22)), fragment(5000, draws.below(4000)), 900),
            // Crumbs of as many reliable messages as credit allows.
            3 => (1, Some(draws.below(2040)), fragment(900, draws.below(450) * 2), 1),
            // All but the first of an ordered channel.
            _ => (0, Some(draws.between(1, 2000)), Part::Whole, 900),
        };
        let data = &DATA[..length as usize];
        let frame = MessageFrame { channel: ChannelId(channel), id: id.map(|id| id as u32), part, data };
        if write_message(&frame, &mut writer, &mut chain).is_err() {
            break;
        }
    }
    let length = writer.written();
    bytes.resize(length + limits::TAG, 0);
    bytes
}

fn fragment(total: u64, offset: u64) -> Part {
    Part::Fragment { total, offset }
}

#[test]
fn clause_07_a_peer_makes_an_endpoint_allocate_no_more_than_its_limits() {
    fn bounded(kind: u8, seed: u64) {
        let mut duo = Duo::connected(1, |config| config.provider = provider::gullible());
        duo.send(CLIENT, 3, vec![1; 8]);
        let first = duo.take(CLIENT).remove(0);
        let mut header = DataHeader::read(&first).unwrap();
        header.pn_len = 4;
        let mut draws = Draws::new(seed);
        allocation::start();
        for _ in 0..12_000 {
            header.packet_number += 1;
            let mut packet = greedy_packet(kind, &header, &mut draws);
            duo.give(SERVER, &mut packet);
        }
        let peak = allocation::counted().peak as u64;
        let reliable = limits::RECEIVE_WINDOW * limits::REASSEMBLY_OVERHEAD;
        let unreliable = limits::UNRELIABLE_BACKLOG + limits::UNRELIABLE_REASSEMBLY_BYTES + (4 << 20);
        assert!(peak <= reliable + unreliable, "{peak} bytes by kind {}", kind % 5);
        assert!(duo.ends[SERVER].memory() <= reliable + unreliable);
        let server = duo.connections[SERVER][0];
        assert_eq!(duo.ends[SERVER].state(server), ConnectionState::Connected, "kind {}", kind % 5);
    }
    for kind in 0..5 {
        bounded(kind, 1);
    }
    check(5, 100, bounded as fn(u8, u64));
}

/// What a peer sends that has the server keep as many messages as it can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hoard {
    /// Whole messages out of order.
    Whole,
    /// Beginnings.
    Begun,
    /// Messages in two pieces, out of order.
    InPieces,
    /// The last message of each channel's window, and no other.
    Last,
}

/// Frames of 32 ordered channels whose messages have `size` bytes; the first of each channel is never sent.
fn hoarded(hoard: Hoard, size: u32, count: u32) -> impl Iterator<Item = (u8, u32, Part, u32)> {
    let ids = if hoard == Hoard::Last { 2047..2048 } else { 1..2047 };
    let piece = move |offset| fragment(u64::from(size) * 2, u64::from(offset * size));
    let messages = ids.flat_map(|id| (0..32).map(move |channel| (channel, id))).take(count as usize);
    messages.flat_map(move |(channel, id)| {
        let parts = match hoard {
            Hoard::Whole | Hoard::Last => [Some(Part::Whole), None],
            Hoard::Begun => [Some(piece(0)), None],
            Hoard::InPieces => [Some(piece(1)), Some(piece(0))],
        };
        parts.into_iter().flatten().map(move |part| (channel, id, part, size))
    })
}

/// What `frames` make the server hold: by its own count, and of the heap.
fn held_for(frames: impl Iterator<Item = (u8, u32, Part, u32)>) -> (u64, u64) {
    let mut duo = Duo::connected(1, |config| {
        config.provider = provider::gullible();
        config.channels = vec![ChannelConfig::new(Delivery::ReliableOrdered); 32];
    });
    duo.send(CLIENT, 0, vec![1; 8]);
    let first = duo.take(CLIENT).remove(0);
    let mut header = DataHeader::read(&first).unwrap();
    header.pn_len = 4;
    allocation::start();
    let mut frames = frames.peekable();
    while frames.peek().is_some() {
        header.packet_number += 1;
        let mut bytes = vec![0; 1200 - limits::TAG];
        let mut writer = Writer::new(&mut bytes);
        header.write(&mut writer).unwrap();
        let mut chain = Chain::default();
        while let Some((channel, id, part, size)) =
            frames.next_if(|(.., size)| writer.remaining() >= *size as usize + 40)
        {
            let data = &[7; 1100][..size as usize];
            let frame = MessageFrame { channel: ChannelId(channel), id: Some(id), part, data };
            write_message(&frame, &mut writer, &mut chain).unwrap();
        }
        let length = writer.written();
        bytes.resize(length + limits::TAG, 0);
        duo.give(SERVER, &mut bytes);
    }
    let heap = allocation::counted().live as u64;
    assert_eq!(duo.ends[SERVER].state(duo.connections[SERVER][0]), ConnectionState::Connected);
    (duo.ends[SERVER].memory(), heap)
}

#[test]
fn clause_07_memory_says_what_a_peer_makes_an_endpoint_hold_within_a_factor_of_two() {
    for size in [1, 20, 65, 129, 300, 1100] {
        for hoard in [Hoard::Whole, Hoard::Begun, Hoard::InPieces, Hoard::Last] {
            // As many as credit allows, and one more than half a table's places.
            for count in [31_000, 32 * 1025, 32 * 513] {
                let count = count.min(limits::RECEIVE_WINDOW as u32 / (2 * size + 64));
                let (counted, heap) = held_for(hoarded(hoard, size, count));
                // Records of packets are not held for the peer's messages.
                let most = 2 * counted + (96 << 10);
                assert!(heap <= most, "{heap} for {counted}: {count} of {size} bytes, {hoard:?}");
            }
        }
    }
}

#[test]
fn clause_08_datagrams_are_built_when_they_leave() {
    fn is_fresh(bulk: u16, wait: u8, packets: u8) {
        let mut duo = Duo::connected(1, |config| {
            let [mut urgent, mut stale] = [Delivery::Unreliable; 2].map(ChannelConfig::new);
            urgent.priority = 7;
            stale.lifetime = Some(Duration::from_millis(100));
            config.channels = vec![urgent, ChannelConfig::new(Delivery::ReliableOrdered), stale];
        });
        // The socket is full; meanwhile there is this to say, part of which nobody wants to hear later ...
        duo.send(CLIENT, 2, b"a message that grows stale".to_vec());
        duo.send(CLIENT, 1, vec![0x42; usize::from(bulk)]);
        // ... and the server says something.
        let mut last = 0;
        for _ in 0..packets % 20 {
            duo.now += Duration::from_micros(100);
            duo.send(SERVER, 0, vec![1; 10]);
            for mut datagram in duo.take(SERVER) {
                last = DataHeader::read(&datagram).unwrap().packet_number;
                duo.give(CLIENT, &mut datagram);
            }
        }
        let wait = Duration::from_millis(u64::from(wait) * 2);
        duo.now += wait;
        duo.send(CLIENT, 0, b"the freshest of all".to_vec());
        let mut datagrams = duo.take(CLIENT);
        let has = |datagram: &Vec<u8>, text: &[u8]| datagram.windows(text.len()).any(|window| window == text);
        assert!(has(&datagrams[0], b"the freshest of all"), "what is fresh waits behind what is not");
        let is_late =
            wait + Duration::from_micros(100) * u32::from(packets % 20) >= Duration::from_millis(100);
        let is_stale = |datagram| has(datagram, b"grows stale");
        assert_eq!(datagrams.iter().any(is_stale), !is_late, "after {wait:?}");
        if !packets.is_multiple_of(20) {
            let acked = frames(&datagrams[0]).into_iter().find_map(|frame| match frame {
                Frame::Ack(ack) => Some(ack.largest),
                _ => None,
            });
            assert_eq!(acked, Some(last as u16), "an acknowledgement of yesterday");
        }
        // A datagram that was built when it was asked for is complete: the bulk needs no more of them than it must.
        let total: usize = datagrams.drain(..).map(|datagram| datagram.len()).sum();
        assert!(total <= usize::from(bulk) + usize::from(bulk) / 20 + 300, "{total} bytes");
    }
    check(300, 100, is_fresh as fn(u16, u8, u8));
}

/// What the network does to the datagrams of a game.
#[derive(Clone, Copy, Debug)]
struct Weather {
    /// One of so many datagrams is lost; none at 0.
    lost: u64,
    /// Datagrams arrive up to so many ticks late, and overtake each other.
    jitter: u64,
}

/// Bytes per second: a network without a bottleneck would let windows grow for ever, and tables with them.
const BANDWIDTH: u64 = 1_000_000;
/// Datagrams on their way at most: as many as two ends may have in flight.
const FLIGHT: usize = 2 * limits::PACKETS_IN_FLIGHT;

/// A busy game between two ends, three ticks apart, without help from the allocator on the harness's side.
struct Game {
    duo: Duo,
    weather: Weather,
    /// Bytes of the messages that each end sends per tick, one on each channel.
    sizes: &'static [usize],
    draws: Draws,
    datagrams: u64,
    messages: u64,
    /// What is too large to share memory has come so often.
    large: u64,
    ticks: u64,
    /// Datagrams on their way: when they arrive, where, and how long they are.
    flight: Vec<Option<(u64, usize, usize)>>,
    bytes: Vec<[u8; 1200]>,
}

impl Game {
    fn new(duo: Duo, sizes: &'static [usize], weather: Weather) -> Self {
        let (flight, bytes) = (vec![None; FLIGHT], vec![[0; 1200]; FLIGHT]);
        let draws = Draws::new(1);
        Self { duo, weather, sizes, draws, datagrams: 0, messages: 0, large: 0, ticks: 0, flight, bytes }
    }

    fn tick(&mut self) {
        static MESSAGE: [u8; 200_000] = [9; 200_000];
        self.ticks += 1;
        self.duo.now += Duration::from_millis(16);
        for place in 0..self.flight.len() {
            if let Some((_, end, size)) = self.flight[place].take_if(|flying| flying.0 <= self.ticks) {
                self.duo.give(end, &mut self.bytes[place][..size]);
            }
        }
        for end in [SERVER, CLIENT] {
            self.duo.ends[end].handle_timeout(self.duo.now);
            let connection = self.duo.connections[end][0];
            for (channel, size) in (0..).map(ChannelId).zip(self.sizes) {
                let message = Bytes::from_static(&MESSAGE[..*size]);
                // A full queue is no reason to stop.
                let _ = self.duo.ends[end].send(self.duo.now, connection, channel, message);
            }
            let place = |flight: &[Option<_>]| flight.iter().position(Option::is_none).unwrap();
            let mut free = place(&self.flight);
            while let Some(transmit) = self.duo.ends[end].poll_transmit(self.duo.now, &mut self.bytes[free]) {
                self.datagrams += 1;
                if self.weather.lost == 0 || self.draws.below(self.weather.lost) > 0 {
                    let late = 3 + self.draws.below(self.weather.jitter + 1);
                    self.flight[free] = Some((self.ticks + late, 1 - end, transmit.size));
                    free = place(&self.flight);
                }
            }
            while let Some(event) = self.duo.ends[end].poll_event() {
                let Event::Message { data: message, .. } = event else { continue };
                assert!(message.iter().all(|byte| *byte == 9));
                self.messages += 1;
                self.large += u64::from(message.len() > limits::ARENA_LARGE);
            }
        }
    }
}

impl Game {
    /// What is allocated while the game goes on for a while.
    fn measure(&mut self) -> allocation::Allocations {
        (self.datagrams, self.messages, self.large) = (0, 0, 0);
        let ((), allocated) = allocation::during(|| (0..1000).for_each(|_| self.tick()));
        let (weather, sizes) = (self.weather, self.sizes);
        assert!(
            self.datagrams >= 2000 && self.messages >= 500,
            "{} datagrams, {} messages, {sizes:?} {weather:?} {:?}",
            self.datagrams,
            self.messages,
            self.duo.ends[0].stats(self.duo.connections[0][0])
        );
        allocated
    }

    /// Plays in worse weather, for tables to grow.
    fn warm_up(&mut self) {
        let Weather { lost, jitter } = self.weather;
        self.weather = Weather { lost: lost / 3, jitter: jitter * 2 };
        (0..2000).for_each(|_| self.tick());
        self.weather = Weather { lost, jitter };
        (0..1000).for_each(|_| self.tick());
    }
}

/// Messages of all four kinds, whole, in few fragments, and in many.
const SIZES: [&[usize]; 3] = [&[100; 4], &[1500, 3000, 2000, 1200], &[9000, 70, 6000, 5000]];
const WEATHERS: [Weather; 3] =
    [Weather { lost: 0, jitter: 0 }, Weather { lost: 50, jitter: 0 }, Weather { lost: 20, jitter: 4 }];

#[test]
fn clause_09_in_steady_state_nothing_is_allocated_per_packet() {
    for provider in [provider::null(), default_provider()] {
        for (sizes, weather) in SIZES.into_iter().flat_map(|sizes| WEATHERS.map(|weather| (sizes, weather))) {
            for compress in [false, true] {
                let duo = Duo::connected(1, |config| {
                    config.provider = provider.clone();
                    config.channels.iter_mut().for_each(|channel| channel.compress = compress);
                    config.connection_bandwidth = Some(BANDWIDTH);
                });
                let mut game = Game::new(duo, sizes, weather);
                game.warm_up();
                // A table grows once more when chance brings more at a time than ever, which is rare. What is allocated
                // for each packet, or each loss, is allocated in every stretch of a thousand ticks.
                let counts: Vec<_> =
                    (0..12).map(|_| game.measure().count).take_while(|count| *count > 0).collect();
                assert!(counts.len() < 12, "{counts:?}, {sizes:?}, {weather:?}, {compress}");
            }
        }
    }
}

#[test]
fn clause_09_what_is_larger_than_any_datagram_is_allocated_once() {
    for weather in WEATHERS {
        let duo = Duo::connected(1, |config| config.connection_bandwidth = Some(BANDWIDTH));
        let mut game = Game::new(duo, &[0, 100_000], weather);
        game.warm_up();
        let allocated = game.measure();
        // What is on its way at the beginning or at the end may count or not, and notes on gaps may still grow.
        let slack = if weather.lost == 0 { 0 } else { game.datagrams / 100 };
        let counts = (allocated.count, game.large, game.datagrams);
        assert!(
            game.large >= 100 && allocated.count.abs_diff(game.large) <= slack,
            "{counts:?}, {weather:?}"
        );
    }
}

/// Connections that let a message's lifetime end at the same time.
fn forgetful(count: usize) -> Duo {
    let mut duo = Duo::connected(count, |config| config.channels = script::world::channels());
    for &connection in &duo.connections[CLIENT] {
        duo.ends[CLIENT].send(duo.now, connection, ChannelId(4), vec![1; 10]).unwrap();
    }
    duo.now += Duration::from_millis(100);
    duo
}

/// How many of them have noticed.
fn noticed(duo: &Duo) -> usize {
    let expired = |connection: &&ConnectionId| {
        duo.ends[CLIENT].channel_stats(**connection, ChannelId(4)).unwrap().sent.expired > 0
    };
    duo.connections[CLIENT].iter().filter(expired).count()
}

#[test]
fn clause_10_each_call_does_bounded_work_and_the_rest_stays_due() {
    fn timeouts(count: u8, settled: bool) {
        let count = usize::from(count) * 2;
        let mut duo = forgetful(count);
        if settled {
            // Every timer is set before the first of them is due.
            duo.now = duo.now - Duration::from_millis(50);
            (0..=count / 64).for_each(|_| duo.ends[CLIENT].handle_timeout(duo.now));
            duo.now += Duration::from_millis(50);
        }
        // A socket that takes nothing: only the clock goes on.
        for round in 0.. {
            let before = noticed(&duo);
            assert!(before >= count.min(round * 16), "round {round}: {before}");
            if before == count {
                break;
            }
            duo.ends[CLIENT].handle_timeout(duo.now);
            assert!(noticed(&duo) - before <= limits::TIMERS_PER_CALL, "{}", noticed(&duo) - before);
            assert!(
                noticed(&duo) == count || duo.ends[CLIENT].poll_timeout().0 <= duo.now,
                "not due any more"
            );
        }
    }
    fn transmits(count: u8) {
        let count = usize::from(count) * 2;
        let mut duo = forgetful(count);
        let before = noticed(&duo);
        assert!(duo.take_one(CLIENT).is_none(), "what was stale was sent");
        assert!(noticed(&duo) - before <= limits::TIMERS_PER_CALL, "{} at once", noticed(&duo) - before);
        assert!(noticed(&duo) == count || duo.ends[CLIENT].poll_timeout().0 <= duo.now, "not due any more");
    }
    fn datagrams(size: u16) {
        let mut duo = Duo::connected(1, |_| {});
        duo.send(CLIENT, 0, vec![1; 200_000]);
        let mut buffer = vec![0; usize::from(size) * 8 + 1200];
        let transmit = duo.ends[CLIENT].poll_transmit(duo.now, &mut buffer).unwrap();
        assert!(transmit.datagrams(&buffer).count() <= limits::DATAGRAMS_PER_TRANSMIT);
    }
    check(20, 100, timeouts as fn(u8, bool));
    check(20, 100, transmits as fn(u8));
    check(50, 100, datagrams as fn(u16));
}

#[test]
fn clause_10_connections_that_were_used_are_seen_to_a_bounded_number_at_a_time() {
    let count = 300;
    // Whoever waited for what was held back would have probes to send.
    let mut duo = Duo::connected(count, |config| config.ack_delay = Duration::ZERO);
    for &connection in &duo.connections[CLIENT] {
        duo.ends[CLIENT].send(duo.now, connection, ChannelId(0), vec![1; 10]).unwrap();
    }
    for mut datagram in duo.take(CLIENT) {
        duo.give(SERVER, &mut datagram);
    }
    duo.events(SERVER);
    // Acknowledgements, upon which nothing is to be done but to set timers.
    let acks = duo.take(SERVER);
    assert_eq!(acks.len(), count);
    duo.now += Duration::from_micros(1);
    for mut ack in acks {
        duo.give(CLIENT, &mut ack);
    }
    duo.now += Duration::from_micros(1);
    let client = &mut duo.ends[CLIENT];
    for seen in (0..count).step_by(limits::CONNECTIONS_PER_POLL) {
        assert!(client.poll_timeout().0 <= duo.now, "no more than {seen} can have been seen to");
        client.handle_timeout(duo.now);
    }
    let due = client.poll_timeout();
    assert!(due.0 > duo.now, "{due:?}");
}

#[test]
fn clause_10_connections_with_nothing_to_tell_after_all_are_passed_over_a_bounded_number_at_a_time() {
    let count = 150;
    let mut duo = Duo::connected(count, |config| {
        config.idle_timeout = Duration::from_secs(1);
        config.heartbeat = Duration::from_millis(250);
        config.resume_window = Duration::from_secs(60);
    });
    fn exchange(duo: &mut Duo, is_dark: bool) {
        for _ in 0..30 {
            duo.now += Duration::from_millis(50);
            duo.ends.iter_mut().for_each(|end| end.handle_timeout(duo.now));
            for end in [CLIENT, SERVER, CLIENT, SERVER] {
                for mut datagram in duo.take(end) {
                    if !is_dark {
                        duo.give(1 - end, &mut datagram);
                    }
                }
            }
        }
    }
    exchange(&mut duo, true);
    let is_away = |event: &Event| matches!(event, Event::Interrupted { .. });
    assert_eq!(duo.events(SERVER).iter().filter(|event| is_away(event)).count(), count);
    // All come back, and are gone again before anybody was told.
    exchange(&mut duo, false);
    let server = duo.connections[SERVER][0];
    assert_eq!(duo.ends[SERVER].state(server), ConnectionState::Connected);
    exchange(&mut duo, true);
    // Behind them, one that has something to tell.
    let options = tickwire_core::ConnectOptions::new(duo.ends[CLIENT].public_key());
    let path = SocketAddr::from(([10, 0, 0, 9], 1));
    let last = duo.ends[SERVER].connect(duo.now, path, options).unwrap();
    duo.ends[SERVER].close(duo.now, last, 0, "");
    let server = &mut duo.ends[SERVER];
    for passed in (0..=count - limits::CONNECTIONS_PER_POLL).step_by(limits::CONNECTIONS_PER_POLL) {
        let event = server.poll_event();
        assert!(event.is_none(), "{event:?} behind more than {passed} others");
        assert!(server.poll_timeout().0 <= duo.now, "not due any more");
    }
    assert!(matches!(server.poll_event(), Some(Event::Closed { .. })));
}

#[test]
fn clause_10_half_open_handshakes_expire_a_bounded_number_at_a_time() {
    fn expire(count: u8) {
        let mut duo = Duo::new(|_| {});
        for _ in 0..count {
            duo.dial();
        }
        // Two round trips, but for the first Data.
        for _ in 0..2 {
            for mut datagram in duo.take(CLIENT) {
                duo.give(SERVER, &mut datagram);
            }
            for mut datagram in duo.take(SERVER) {
                duo.give(CLIENT, &mut datagram);
            }
        }
        let server = &mut duo.ends[SERVER];
        assert_eq!(server.half_open(), usize::from(count));
        let late = duo.now + Duration::from_secs(11);
        while server.half_open() > 0 {
            let before = server.half_open();
            assert!(server.poll_timeout().0 <= late);
            server.handle_timeout(late);
            let gone = before - server.half_open();
            assert!((1..=limits::TIMERS_PER_CALL).contains(&gone), "{gone}");
        }
    }
    check(10, 100, expire as fn(u8));
}

#[test]
fn clause_11_connected_comes_first_and_closed_last_and_once() {
    fn in_order(script: Vec<Op>, seed: u64) {
        let mut world = World::new(Setup::new(provider_for(seed), seed));
        world.play(&script);
        world.expect_kept(11);
        for node in 0..3 {
            world.settle(node, 20);
        }
        world.expect_kept(11);
    }
    check(1600, 120, in_order as fn(Vec<Op>, u64));
}

#[test]
fn clause_11_terminal_events_and_send_ready_have_places_of_their_own() {
    fn are_told(messages: u16, size: u16, close: bool) {
        let mut duo = Duo::new(|config| config.channels[1].queue_messages = 8);
        let client = duo.dial();
        // Nobody looks at the server's events. The client sends until nobody takes any more.
        let exchange = |duo: &mut Duo| {
            for _ in 0..200 {
                for end in [CLIENT, SERVER] {
                    for mut datagram in duo.take(end) {
                        duo.give(1 - end, &mut datagram);
                    }
                }
                duo.now += Duration::from_millis(20);
                duo.ends.iter_mut().for_each(|end| end.handle_timeout(duo.now));
            }
        };
        let mut accepted = 0;
        for _ in 0..messages % 3000 {
            let now = duo.now;
            accepted +=
                u64::from(duo.ends[CLIENT].send(now, client, ChannelId(0), vec![1; size.into()]).is_ok());
        }
        while duo.ends[CLIENT].send(duo.now, client, ChannelId(1), vec![2; 10]).is_ok() {
            accepted += 1;
        }
        exchange(&mut duo);
        if close {
            duo.ends[CLIENT].close(duo.now, client, 3, "");
            exchange(&mut duo);
        }
        let told = duo.events(CLIENT);
        let is_ready = |event: &Event| matches!(event, Event::SendReady { channel: ChannelId(1), .. });
        assert!(close || told.iter().any(is_ready), "SendReady was lost");
        let events = duo.events(SERVER);
        assert!(matches!(events.first(), Some(Event::Connected { .. })), "{:?}", events.first());
        let arrived = events.iter().filter(|event| matches!(event, Event::Message { .. })).count() as u64;
        if close {
            assert!(matches!(events.last(), Some(Event::Closed { .. })), "{:?}", events.last());
        } else {
            exchange(&mut duo);
            let rest = duo.events(SERVER).len() as u64;
            assert!(arrived + rest <= accepted);
        }
    }
    check(60, 100, are_told as fn(u16, u16, bool));
}

#[test]
fn clause_11_what_finds_no_receive_credit_is_not_acknowledged() {
    fn honest(size: u16, count: u16) {
        let size = u64::from(size) + 1;
        let mut duo = Duo::connected(1, |_| {});
        let client = duo.connections[CLIENT][0];
        let count = u64::from(count) % 4000;
        let sent: Vec<MessageId> = (0..count)
            .map_while(|_| duo.ends[CLIENT].send(duo.now, client, ChannelId(1), vec![1; size as usize]).ok())
            .collect();
        let delivered = |duo: &Duo| {
            let fate = |message: &&MessageId| duo.ends[CLIENT].fate(client, ChannelId(1), **message);
            sent.iter().filter(|message| fate(message) == Some(MessageFate::Delivered)).count() as u64
        };
        // The server's application takes nothing.
        for _ in 0..100 {
            for end in [CLIENT, SERVER] {
                for mut datagram in duo.take(end) {
                    duo.give(1 - end, &mut datagram);
                }
            }
            duo.now += Duration::from_millis(30);
            duo.ends.iter_mut().for_each(|end| end.handle_timeout(duo.now));
        }
        let held = duo.ends[SERVER].memory();
        assert!(held <= limits::RECEIVE_WINDOW, "{held} bytes wait");
        assert!(
            delivered(&duo) * (size + limits::MESSAGE_OVERHEAD) <= held,
            "more was acknowledged than is held"
        );
        // Now it does, and nothing was lost.
        duo.pass(Duration::from_secs(20));
        assert_eq!(delivered(&duo), sent.len() as u64);
    }
    check(30, 100, honest as fn(u16, u16));
    refused_packets_are_not_acknowledged();
}

/// A peer that sends more crumbs than there is room for gets no acknowledgement of what was refused.
fn refused_packets_are_not_acknowledged() {
    let mut duo = Duo::connected(1, |config| config.provider = provider::gullible());
    duo.send(CLIENT, 3, vec![1; 8]);
    let first = duo.take(CLIENT).remove(0);
    let mut header = DataHeader::read(&first).unwrap();
    header.pn_len = 4;
    let mut draws = Draws::new(1);
    let mut refused = Vec::new();
    for _ in 0..20_000 {
        header.packet_number += 1;
        let dropped = duo.ends[SERVER].drops().of(DropReason::NoRoom);
        let mut packet = greedy_packet(3, &header, &mut draws);
        duo.give(SERVER, &mut packet);
        if duo.ends[SERVER].drops().of(DropReason::NoRoom) > dropped {
            refused.push(u64::from(header.packet_number));
        }
        for datagram in duo.take(SERVER) {
            for frame in frames(&datagram) {
                let Frame::Ack(ack) = frame else { continue };
                for range in ack.ranges(u64::from(header.packet_number) + 1).map(Result::unwrap) {
                    let wrong = refused.iter().rev().take(100).find(|number| range.contains(number));
                    assert_eq!(wrong, None, "acknowledged, but refused");
                }
            }
        }
    }
    assert!(refused.len() > 100, "only {} were refused", refused.len());
}

#[test]
fn scripts_reach_what_they_are_meant_to_reach() {
    let mut g = Gen::from_size_and_seed(100, 1);
    let mut counts = BTreeMap::<String, usize>::new();
    for seed in 0..400 {
        let script = Vec::<Op>::arbitrary(&mut g);
        let mut world = World::new(Setup::new(provider::null(), seed));
        world.play(&script);
        for output in &world.trace {
            let name = match output {
                Output::Event { text, .. } | Output::Returned { what: text, .. } => text,
                Output::Datagram { .. } | Output::Timeout { .. } => continue,
            };
            *counts.entry(name.split([' ', '(']).next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    for event in
        ["Connected", "Message", "Delivered", "SendReady", "Interrupted", "Resumed", "Moved", "Closed"]
    {
        assert!(counts.get(event).copied().unwrap_or(0) >= 20, "{event} is too rare: {counts:#?}");
    }
}
/// The Hello could not be written for want of credit, and its timer stayed due.
#[test]
fn regression_a_dial_over_a_link_without_credit_does_not_spin() {
    let mut world = World::new(Setup::new(provider::null(), 0));
    world.play(&[Op::Connect { node: 2, to: 1, how: How::Link }]);
    assert!(world.settle(2, 20).is_some());
}

/// The second close dropped the transport that the first one's CLOSE was to leave on.
#[test]
fn regression_who_closes_twice_still_says_good_bye() {
    let mut duo = Duo::connected(1, |_| {});
    let client = duo.connections[CLIENT][0];
    for code in [1, 2] {
        duo.ends[CLIENT].close(duo.now, client, code, "");
    }
    for mut datagram in duo.take(CLIENT) {
        duo.give(SERVER, &mut datagram);
    }
    let events = duo.events(SERVER);
    let is_told =
        |event: &Event| matches!(event, Event::Closed { reason: CloseReason::Peer { code: 1, .. }, .. });
    assert!(events.iter().any(is_told), "{events:?}");
    duo.pass(Duration::from_secs(10));
    assert!(duo.ends.iter().all(|end| end.connections().count() == 0));
}

/// The deadline of what was in reassembly was kept after `Closed`, and could never be met.
#[test]
fn regression_a_closed_connection_awaits_no_fragments() {
    let script = [
        Op::Connect { node: 1, to: 2, how: How::Ticket },
        Op::Connect { node: 0, to: 2, how: How::Link },
        Op::Send { node: 1, connection: 118, channel: 0, size: 2340 },
        Op::Connect { node: 0, to: 1, how: How::Pinned },
        Op::Run { millis: 0 },
        Op::Fly { place: 124, fate: Fate::Cut(1046) },
        Op::Run { millis: 6 },
        Op::Close { node: 0, connection: 185, gently: false },
        Op::Advance { micros: 119_079_001 },
        Op::Run { millis: 920 },
    ];
    let manner = Manner::CauseOnly;
    let mut world = World::new(Setup { manner, ..Setup::new(provider::null(), 1) });
    world.play(&script);
    world.expect_kept(2);
}

/// What was queued before the connection was made outlived its lifetime, and the queue had room again.
#[test]
fn regression_send_ready_waits_for_connected() {
    let script = [
        Op::Connect { node: 1, to: 2, how: How::Link },
        Op::Fill { node: 1, connection: 0, channel: 4 },
        Op::Run { millis: 300 },
    ];
    let mut world = World::new(Setup::new(provider::null(), 0));
    world.play(&script);
    world.expect_kept(11);
}

/// Each connection that ended before its turn to send left that turn behind.
#[test]
fn regression_turns_of_closed_connections_do_not_pile_up() {
    let mut duo = Duo::new(|_| {});
    let round = |duo: &mut Duo| {
        let connection = duo.dial();
        duo.ends[CLIENT].close(duo.now, connection, 0, "");
        duo.events(CLIENT);
    };
    (0..100).for_each(|_| round(&mut duo));
    let ((), allocated) = allocation::during(|| (0..5000).for_each(|_| round(&mut duo)));
    assert!(allocated.live < 10_000, "{allocated:?}");
    assert!(duo.take(CLIENT).is_empty());
}

/// Who finished no message for two minutes was taken for a violator, though nothing could reach it.
#[test]
fn regression_a_path_that_is_dark_in_mid_message_ends_no_session() {
    let mut duo = Duo::connected(1, |config| config.idle_timeout = Duration::from_secs(300));
    duo.send(CLIENT, 0, vec![1; 20_000]);
    let mut first = duo.take(CLIENT).remove(0);
    duo.give(SERVER, &mut first);
    for _ in 0..150 {
        duo.now += Duration::from_secs(1);
        for end in [CLIENT, SERVER] {
            duo.ends[end].handle_timeout(duo.now);
            duo.take(end);
        }
    }
    duo.pass(Duration::from_secs(10));
    assert_eq!(arrived(&duo, 0), 1);
}

/// So was who had more urgent things to say.
#[test]
fn regression_a_message_that_is_starved_ends_no_session() {
    let mut duo = Duo::connected(1, |config| {
        config.connection_bandwidth = Some(2000);
        config.channels = vec![ChannelConfig::new(Delivery::ReliableOrdered); 9];
        config.channels[0].priority = 0;
        for channel in &mut config.channels[1..] {
            channel.priority = 7;
            channel.queue_messages = 2;
        }
    });
    let client = duo.connections[CLIENT][0];
    duo.send(CLIENT, 0, vec![1; 100_000]);
    duo.pass(Duration::from_secs(2));
    for _ in 0..200 {
        for channel in 1..9 {
            let _ = duo.ends[CLIENT].send(duo.now, client, ChannelId(channel), vec![2; 1130]);
        }
        duo.pass(Duration::from_secs(1));
    }
    assert_eq!(arrived(&duo, 0), 0, "it was not starved");
    duo.pass(Duration::from_secs(100));
    assert_eq!(arrived(&duo, 0), 1);
}

/// Messages that the server's application was given on a channel of its only connection.
fn arrived(duo: &Duo, channel: u8) -> u64 {
    let server = duo.connections[SERVER][0];
    duo.ends[SERVER].channel_stats(server, ChannelId(channel)).map_or(0, |stats| stats.received.messages)
}
