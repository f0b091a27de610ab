//! What connections hold of the heap when they are at rest: counted by an allocator of our own.
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
    /// Bytes that this thread allocated and did not free, and how often it allocated.
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
/// Bytes of the heap that each end of a connection holds at rest at most.
const AT_REST: i64 = 5 << 10;
const MODES: [Delivery; 4] =
    [Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::Sequenced, Delivery::Unreliable];

/// A server and its clients, each of whom has one connection.
struct Party {
    net: Net,
    clients: Vec<ConnectionId>,
    servers: Vec<ConnectionId>,
    /// Bytes of the heap with endpoints and without connections.
    empty: i64,
}

impl Party {
    fn new(clients: usize, change: impl Fn(&mut Config)) -> Self {
        let mut config = Config::new(APPLICATION);
        config.channels = MODES.map(ChannelConfig::new).to_vec();
        change(&mut config);
        let mut nodes = Vec::new();
        for index in 0..=clients {
            config.access = if index == SERVER { Access::Open } else { Access::Closed };
            let (seed, address) = (index as u8 + 1, format!("10.0.0.{}:7777", index + 1));
            let secrets = Secrets::new([seed; 32]);
            nodes.push(Node::new(config.clone(), secrets, seed, &address, Instant::ZERO));
        }
        drop(config);
        let mut net = Net::new(nodes, Duration::from_millis(20));
        let (key, to) = (net.nodes[SERVER].endpoint.public_key(), net.nodes[SERVER].address);
        net.forget();
        let (empty, now) = (live(), net.now);
        let connect = |node: &mut Node| node.endpoint.connect(now, to, ConnectOptions::new(key)).unwrap();
        let clients: Vec<ConnectionId> = net.nodes[1..].iter_mut().map(connect).collect();
        net.run_for(SECOND);
        let servers = net.nodes[SERVER].events.iter().filter_map(|event| match event {
            Event::Connected { connection, .. } => Some(*connection),
            _ => None,
        });
        let servers: Vec<ConnectionId> = servers.collect();
        assert_eq!(servers.len(), clients.len());
        Self { net, clients, servers, empty }
    }

    /// Both ends of each connection send `count` messages of `bytes` on a channel at once.
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

    /// Bytes of the heap that each end of each connection holds.
    fn held(&mut self) -> i64 {
        self.net.forget();
        (live() - self.empty) / (2 * self.clients.len() as i64)
    }
}

#[test]
fn ten_seconds_after_a_burst_of_small_messages_each_end_of_a_connection_holds_less_than_five_kilobytes() {
    for clients in [1, 20] {
        let mut party = Party::new(clients, |_| {});
        party.net.run_for(SECOND * 10);
        let before = party.held();
        for channel in 0..MODES.len() as u8 {
            party.burst(channel, 2000, 30);
            party.net.run_for(SECOND * 2);
            let after = party.held();
            party.net.run_for(SECOND * 10);
            let rested = party.held();
            println!(
                "{clients} clients, channel {channel}: {before} B before, {after} B after the burst, {rested} B at rest"
            );
            assert!(rested <= AT_REST, "{clients} clients, channel {channel}: {rested}");
        }
    }
}
