//! The heap bytes that idle connections hold, measured with a counting allocator.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{APPLICATION, Net, Node, Pass};
use tickwire_core::{
    Access, ChannelConfig, ChannelId, Config, ConnectOptions, ConnectionId, Delivery, Duration, Event,
    Instant, Secrets,
};

thread_local! {
    /// The heap bytes that this thread allocated and did not free, and the number of its allocations.
    static LIVE: Cell<(i64, u64)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(bytes: i64, times: u64) {
    let _ = LIVE.try_with(|cell| {
        let (live, allocations) = cell.get();
        cell.set((live + bytes, allocations + times));
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64, 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as i64), 0);
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64, 1);
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> i64 {
    LIVE.get().0
}

const SERVER: usize = 0;
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(16_667);
/// The largest number of heap bytes that each end of an idle connection may hold.
const AT_REST: i64 = 5000;
/// The heap bytes of one used channel at one end.
const CHANNEL: i64 = 200;
/// The heap bytes for losses at one end of a connection: the lost packets, and the ranges that acknowledgements still
/// report.
const LOSSES: i64 = 200;
/// The heap bytes of connection ids that an endpoint does not reuse soon, as if each end of one connection held them.
const IDS: i64 = 200;
const MODES: [Delivery; 4] =
    [Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::Sequenced, Delivery::Unreliable];

/// A server and its clients, which have one connection each. The guest, which is the last node, connected and left
/// before them.
struct Party {
    net: Net,
    clients: Vec<ConnectionId>,
    servers: Vec<ConnectionId>,
    /// The heap bytes of the endpoints without connections. They include the server's table of handshakes by source, which
    /// takes 32 KiB.
    empty: i64,
}

impl Party {
    fn new(clients: usize, change: impl Fn(&mut Config)) -> Self {
        let mut config = Config::new(APPLICATION);
        config.channels = MODES.map(ChannelConfig::new).to_vec();
        change(&mut config);
        let mut nodes = Vec::new();
        for index in 0..=clients + 1 {
            config.access = if index == SERVER { Access::Open } else { Access::Closed };
            let (seed, address) = (index as u8 + 1, format!("10.0.0.{}:7777", index + 1));
            let secrets = Secrets::new([seed; 32]);
            nodes.push(Node::new(config.clone(), secrets, seed, &address, Instant::ZERO));
        }
        drop(config);
        let mut net = Net::new(nodes, Duration::from_millis(20));
        let (key, to) = (net.nodes[SERVER].endpoint.public_key(), net.nodes[SERVER].address);
        visit(&mut net, clients + 1);
        net.forget();
        let (empty, now) = (live(), net.now);
        let connect = |node: &mut Node| node.endpoint.connect(now, to, ConnectOptions::new(key)).unwrap();
        let clients: Vec<ConnectionId> = net.nodes[1..=clients].iter_mut().map(connect).collect();
        net.run_for(SECOND);
        let servers = net.nodes[SERVER].events.iter().filter_map(|event| match event {
            Event::Connected { connection, .. } => Some(*connection),
            _ => None,
        });
        let servers: Vec<ConnectionId> = servers.collect();
        assert_eq!(servers.len(), clients.len());
        Self { net, clients, servers, empty }
    }

    /// Makes both ends of each connection send `count` messages of `bytes` bytes on a channel at once.
    fn burst(&mut self, channel: u8, count: usize, bytes: usize) {
        let now = self.net.now;
        let mut send = |node: usize, connection: ConnectionId| {
            for number in 0..count {
                let message = vec![number as u8; bytes];
                let _ = self.net.nodes[node].endpoint.send(now, connection, ChannelId(channel), message);
            }
        };
        for (index, &connection) in self.clients.iter().enumerate() {
            send(index + 1, connection);
        }
        self.servers.iter().for_each(|&connection| send(SERVER, connection));
    }

    /// Returns the heap bytes that each end of each connection holds.
    fn held(&mut self) -> i64 {
        self.net.forget();
        (live() - self.empty) / (2 * self.clients.len() as i64)
    }
}

/// Makes a client connect and leave, and waits until both ends have forgotten the connection.
fn visit(net: &mut Net, guest: usize) {
    let (key, to, now) = (net.nodes[SERVER].endpoint.public_key(), net.nodes[SERVER].address, net.now);
    let connection = net.nodes[guest].endpoint.connect(now, to, ConnectOptions::new(key)).unwrap();
    net.run_for(SECOND);
    let now = net.now;
    net.nodes[guest].endpoint.close(now, connection, 0, "");
    net.run_for(SECOND * 30);
    net.nodes.iter_mut().for_each(|node| node.events.clear());
}

/// Returns the increase of the heap bytes of each end ten seconds after `burst`, and all heap bytes of each end.
fn rested(party: &mut Party, burst: impl Fn(&mut Party)) -> (i64, i64) {
    party.net.run_for(SECOND * 11);
    let before = party.held();
    burst(party);
    let during = party.held();
    party.net.run_for(SECOND * 10);
    let rested = party.held();
    println!("{before} B before, {during} B after the burst, {rested} B at rest");
    assert!(during > before + 20_000, "{during}: that was no burst");
    (rested - before, rested)
}

#[test]
fn ten_seconds_after_a_burst_of_small_messages_each_end_of_a_connection_holds_less_than_five_kilobytes() {
    for channel in 0..MODES.len() as u8 {
        let (_, rested) = rested(&mut Party::new(20, |_| {}), |party| {
            party.burst(channel, 2000, 30);
            party.net.run_for(SECOND);
        });
        assert!(rested <= AT_REST, "channel {channel}: {rested}");
    }
}

#[test]
fn an_idle_connection_keeps_only_the_memory_of_channels_after_a_burst_of_empty_messages() {
    leaves_nothing_but_channels(0);
}

#[test]
fn an_idle_connection_keeps_only_the_memory_of_channels_after_a_burst_of_messages() {
    for bytes in [30, 1000, 3000, 20_000] {
        leaves_nothing_but_channels(bytes);
    }
}

/// Sends bursts of messages of `bytes` bytes on all channels, some of which are compressed or give receipts, over a path
/// that loses 5 %. Checks that only the channels take memory afterwards.
fn leaves_nothing_but_channels(bytes: usize) {
    for clients in [1, 5, 20] {
        let mut party = Party::new(clients, |config| {
            config.channels[1].compress = true;
            config.channels[0].receipts = true;
        });
        let mut draws = 7u32;
        party.net.filter = Box::new(move |_, _, _| {
            draws = draws.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if draws >> 16 < 3000 { Pass::Drop } else { Pass::Deliver }
        });
        let count = 2000 / (1 + bytes / 30);
        let (more, rested) = rested(&mut party, |party| {
            for _ in 0..20 {
                (0..MODES.len() as u8).for_each(|channel| party.burst(channel, count, bytes));
                party.net.run_for(SECOND / 10);
            }
            party.net.run_for(SECOND * 2);
        });
        let most = CHANNEL * MODES.len() as i64 + LOSSES;
        assert!(more <= most, "{clients} clients, {bytes} bytes: {more} more");
        assert!(rested <= AT_REST, "{clients} clients, {bytes} bytes: {rested}");
    }
}

#[test]
fn an_idle_connection_with_frequent_heartbeats_releases_the_memory_of_a_burst() {
    let mut party = Party::new(1, |config| config.heartbeat = Duration::from_millis(500));
    let (more, _) = rested(&mut party, |party| {
        party.burst(0, 2000, 0);
        party.net.run_for(SECOND);
    });
    assert!(more <= CHANNEL, "{more} more");
}

#[test]
fn after_a_burst_an_idle_connection_sends_no_more_datagrams_than_an_unused_connection() {
    let wakes = |is_used: bool| {
        let mut party = Party::new(1, |_| {});
        if is_used {
            party.burst(0, 2000, 30);
        }
        party.net.run_for(SECOND * 30);
        let before = party.net.datagrams;
        party.net.run_for(SECOND * 300);
        party.net.datagrams - before
    };
    assert!(wakes(true).abs_diff(wakes(false)) <= 2, "one heartbeat and its answer");
}

#[test]
fn a_connection_in_steady_use_makes_the_same_number_of_allocations_every_second() {
    let mut party = Party::new(1, |_| {});
    let mut play = |ticks: usize| {
        for _ in 0..ticks {
            (0..MODES.len() as u8).for_each(|channel| party.burst(channel, 3, 30));
            party.net.run_for(TICK);
            party.net.nodes.iter_mut().for_each(|node| node.events.clear());
        }
        LIVE.get().1
    };
    let before = play(600);
    let after = play(60);
    // A message of the test's own each, and the two copies that the test's network makes of a datagram.
    println!("{} allocations in 60 ticks", after - before);
    let (a, b) = (play(60), play(60));
    assert_eq!(b - a, after - before, "the same in each second");
}

#[test]
fn the_memory_of_a_burst_is_released_within_ten_seconds_at_heartbeat_intervals_of_15_to_60_seconds() {
    for heartbeat in [15, 30, 60] {
        let mut party = Party::new(5, |config| {
            config.heartbeat = Duration::from_secs(heartbeat);
            config.idle_timeout = Duration::from_secs(heartbeat * 4);
        });
        let (_, rested) = rested(&mut party, |party| {
            party.burst(0, 2000, 30);
            party.net.run_for(SECOND);
        });
        assert!(rested <= AT_REST, "heartbeats of {heartbeat} s: {rested}");
    }
}

#[test]
fn a_session_resumed_in_the_middle_of_a_burst_releases_its_memory_when_idle() {
    for channel in 0..MODES.len() as u8 {
        let mut party = Party::new(5, |_| {});
        party.net.run_for(SECOND * 11);
        party.burst(channel, 2000, 30);
        party.net.run_for(SECOND / 50);
        party.net.filter = Box::new(|_, _, _| Pass::Drop);
        party.net.run_for(SECOND * 30);
        party.net.filter = Box::new(|_, _, _| Pass::Deliver);
        party.net.run_for(SECOND * 3);
        let resumed = |node: &Node| node.has(|event| matches!(event, Event::Resumed { .. }));
        assert!(party.net.nodes[1..=5].iter().all(resumed));
        party.net.run_for(SECOND * 10);
        let held = party.held();
        assert!(held <= AT_REST, "channel {channel}: {held}");
    }
}

#[test]
fn the_memory_of_a_session_does_not_grow_with_the_number_of_resumptions() {
    for clients in [1, 5] {
        let mut party = Party::new(clients, |_| {});
        party.net.run_for(SECOND * 11);
        let before = party.held();
        for round in 1..4 {
            party.net.filter = Box::new(|_, _, _| Pass::Drop);
            party.net.run_for(SECOND * 30);
            party.net.filter = Box::new(|_, _, _| Pass::Deliver);
            party.net.run_for(SECOND * 13);
            let after = party.held();
            assert!(
                after - before <= IDS,
                "{clients} clients, round {round}: {before} before, {after} after"
            );
        }
    }
}
