//! The cost of fragments for their receiver: instructions, heap bytes, and the memory that other messages need.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
mod script;

use std::net::SocketAddr;

use common::{APPLICATION, Net, Node, Pass};
use script::provider;
use script::rogues::{ORDERED, Piece, Rogues, SEQUENCED, UNORDERED, UNRELIABLE, fragment, packet, whole};
use tickwire_core::{
    Access, ChannelConfig, ChannelId, Config, ConnectOptions, ConnectionState, Delivery, Duration, Ecn,
    Event, Instant, Secrets, limits,
};
use tickwire_sim::pair::{SERVER, address};
use tickwire_sim::rng::Draws;
use tickwire_tests::allocation::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The number of such fragments that fit in one packet on every channel. The whole messages that the test compares them with
/// have the same number.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const PIECES: u32 = 75;

/// Returns fragments with one byte at the end of each of 98 messages, which are as large as the credit permits.
fn crumbs(channel: u8, first: u32, max_message: u64) -> impl Iterator<Item = Piece> {
    let is_reliable = channel == ORDERED || channel == UNORDERED;
    let total = if is_reliable { max_message.max(1 << 20) * 2 / 320 } else { max_message };
    (first..first + 98).map(move |id| fragment(channel, id, (total, total - 1), 1))
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_packet_of_tiny_fragments_takes_at_most_three_times_the_instructions_of_whole_messages() {
    use script::steps;
    // A step takes the system tens of microseconds, so all channels are measured only with the largest message.
    let least = [UNORDERED, UNRELIABLE].map(|channel| (1 << 16, channel));
    let most = [UNORDERED, ORDERED, SEQUENCED, UNRELIABLE].map(|channel| (limits::MESSAGE_SIZE_MAX, channel));
    for (max_message, channel) in least.into_iter().chain(most) {
        let measure = |pieces: &dyn Fn(u32) -> Vec<Piece>| {
            let mut rogues = Rogues::new(1, |config| config.max_message = max_message);
            // The first packet makes what a channel has from then on.
            for first in [1, 101] {
                rogues.send(0, pieces(first).into_iter());
            }
            let mut packets = rogues.packets(0, pieces(201).into_iter());
            assert_eq!(packets.len(), 1);
            let steps =
                steps::count(|| packets.iter_mut().for_each(|packet| rogues.pair.give(SERVER, packet)));
            rogues.give(packets);
            let server = rogues.pair.connections[SERVER][0];
            assert_eq!(rogues.pair.ends[SERVER].state(server), ConnectionState::Connected);
            steps
        };
        let messages = measure(&|first| (first..first + PIECES).map(|id| whole(channel, id, 1)).collect());
        let crumbs =
            measure(&|first| crumbs(channel, first, max_message as u64).take(PIECES as usize).collect());
        println!("{max_message} on {channel}: {messages} for whole messages, {crumbs} for crumbs");
        assert!(crumbs <= 3 * messages, "{crumbs} for crumbs, {messages} for whole messages: {max_message}");
    }
}

#[test]
fn a_tiny_fragment_allocates_the_same_memory_at_any_limit_on_message_size() {
    let allocated = |max_message: usize, channel: u8| {
        let mut rogues = Rogues::new(1, |config| config.max_message = max_message);
        let mut packets = rogues.packets(0, crumbs(channel, 1, max_message as u64));
        allocation::during(|| packets.iter_mut().for_each(|packet| rogues.pair.give(SERVER, packet))).1
    };
    for channel in [UNORDERED, ORDERED, SEQUENCED, UNRELIABLE] {
        let (small, large) = (allocated(1 << 20, channel), allocated(limits::MESSAGE_SIZE_MAX, channel));
        assert!(large.peak <= small.peak + 1024 && large.count <= small.count + 8, "{small:?}, {large:?}");
        assert!(large.largest <= 8 << 10, "{large:?}");
    }
}

/// A pattern of fragments with which a peer makes the server hold much memory for few bytes.
#[derive(Clone, Copy, Debug)]
enum Pattern {
    /// One byte at the end of each page of a message.
    EndsOfPages,
    /// One byte at the end of each message.
    EndsOfMessages,
    /// Every second byte of a message.
    Alternating,
    /// Fragments of this size in bytes, from the end of a message to its beginning.
    Reversed(usize),
    /// Fragments of this size in bytes, in order. The first fragment of the message is missing.
    Headless(usize),
    /// Fragments at random positions.
    Anywhere,
    /// Complete ordered messages of this size in bytes. The first message is missing.
    Early(usize),
    /// Every second ordered message, complete, of this size in bytes.
    EarlyAlternating(usize),
    /// A mixture of all patterns.
    Mixed,
}

const PATTERNS: [Pattern; 14] = [
    Pattern::EndsOfPages,
    Pattern::EndsOfMessages,
    Pattern::Alternating,
    Pattern::Reversed(1),
    Pattern::Reversed(33),
    Pattern::Reversed(1100),
    Pattern::Headless(64),
    Pattern::Headless(1100),
    Pattern::Anywhere,
    Pattern::Early(1),
    Pattern::Early(0),
    Pattern::EarlyAlternating(1),
    Pattern::EarlyAlternating(200),
    Pattern::Mixed,
];

impl Pattern {
    /// Returns fragment `number` of a channel. The credit suffices for its messages.
    fn piece(self, channel: u8, number: u64, draws: &mut Draws) -> Piece {
        const TOTAL: u64 = 1 << 20;
        let reversed = |size: usize| TOTAL - (number % (TOTAL / size as u64) + 1) * size as u64;
        let pages = TOTAL / 4096;
        match self {
            Self::EndsOfPages => {
                fragment(channel, (number / pages) as u32 % 2, (TOTAL, number % pages * 4096 + 4095), 1)
            }
            Self::EndsOfMessages => fragment(channel, 1 + (number % 2000) as u32, (128, 127), 1),
            Self::Alternating => {
                fragment(channel, (number / 1000) as u32 % 20, (2001, number % 1000 * 2 + 1), 1)
            }
            Self::Reversed(size) => fragment(channel, 0, (TOTAL, reversed(size)), size),
            Self::Headless(size) => {
                let count = TOTAL / size as u64 - 1;
                fragment(
                    channel,
                    (number / count) as u32 % 2,
                    (TOTAL, (1 + number % count) * size as u64),
                    size,
                )
            }
            Self::Anywhere => {
                let length = draws.between(1, 300);
                fragment(
                    channel,
                    draws.below(20) as u32,
                    (50_000, draws.below(50_000 - length)),
                    length as usize,
                )
            }
            Self::Early(length) => whole(ORDERED, 1 + (number % 2000) as u32, length),
            Self::EarlyAlternating(length) => whole(ORDERED, 1 + (number * 2 % 2000) as u32, length),
            Self::Mixed => {
                let id = draws.below(1000) as u32 + 1;
                match draws.below(3) {
                    0 => whole(ORDERED, id, draws.below(100) as usize),
                    1 => fragment(channel, 2000 - id % 100, (10_000, draws.below(9_000)), 1),
                    _ => fragment(channel, 1900 - id % 10, (10_000, draws.below(9_000)), 1000),
                }
            }
        }
    }
}

#[test]
fn a_server_holds_at_most_four_times_the_received_bytes_plus_64_kib_per_connection() {
    for pattern in PATTERNS {
        for channel in [ORDERED, UNORDERED, SEQUENCED, UNRELIABLE] {
            for (count, rounds) in [(1, 600u64), (8, 60)] {
                let mut rogues = Rogues::new(count, |_| {});
                let mut draws = Draws::new(rounds);
                allocation::start();
                for round in 0..rounds {
                    for connection in 0..count {
                        let pieces: Vec<_> = (0..20)
                            .map(|step| pattern.piece(channel, round * 20 + step, &mut draws))
                            .collect();
                        rogues.send(connection, pieces.into_iter());
                    }
                    // What waits to be sent, or for the application, is not held for reassembly.
                    rogues.pair.events(SERVER);
                    rogues.pair.take(SERVER);
                    rogues.expect_within_bounds(&format!("{pattern:?} on {channel}, {count}, round {round}"));
                }
                let server = rogues.pair.connections[SERVER][0];
                let state = rogues.pair.ends[SERVER].state(server);
                assert_eq!(state, ConnectionState::Connected, "{pattern:?} on {channel}");
            }
        }
    }
}

/// Fills the server's memory with messages without their last byte, until the server accepts no more.
fn fill(rogues: &mut Rogues, channel: u8) {
    const TOTAL: u64 = 1 << 20;
    for connection in 0..rogues.headers.len() {
        let pieces =
            |id| (0..TOTAL - 1100).step_by(1100).map(move |at| fragment(channel, id, (TOTAL, at), 1100));
        rogues.send(connection, pieces(0).chain(pieces(1)));
        rogues.pair.events(SERVER);
        rogues.pair.take(SERVER);
    }
}

#[test]
fn all_connections_together_hold_at_most_the_configured_reassembly_memory_plus_64_kib_each() {
    for (most, count) in [(limits::REASSEMBLY_MEMORY, 40), (8 << 20, 20)] {
        let mut rogues = Rogues::new(count, |config| config.reassembly_memory = most);
        allocation::start();
        fill(&mut rogues, UNORDERED);
        let live = allocation::counted().live;
        let others = (64 << 10) * count as i64;
        assert!(live > most as i64 / 3 && live <= most as i64 + others, "{live} of {most}");
    }
}

#[test]
fn reassembly_memory_is_released_when_connections_end() {
    for is_silent in [false, true] {
        for channel in [ORDERED, UNORDERED, SEQUENCED] {
            let mut rogues = Rogues::new(10, |_| {});
            allocation::start();
            fill(&mut rogues, channel);
            rogues.send(0, (1..1000).map(|id| whole(ORDERED, 10 + id, 100)));
            assert!(allocation::counted().live > 100_000);
            if !is_silent {
                for connection in rogues.pair.connections[SERVER].clone() {
                    rogues.pair.ends[SERVER].close(rogues.pair.now, connection, 0, "");
                }
            }
            // Idle timeout, resume window, and rest.
            for _ in 0..100 {
                rogues.pair.now += Duration::from_secs(1);
                rogues.pair.ends[SERVER].handle_timeout(rogues.pair.now);
                rogues.pair.events(SERVER);
                rogues.pair.take(SERVER);
            }
            let live = allocation::counted().live;
            assert!(live < 64 << 10, "{live} bytes stay, silent: {is_silent}, channel {channel}");
        }
    }
}

#[test]
fn reassembly_memory_is_released_within_ten_idle_seconds() {
    let mut rogues = Rogues::new(4, |_| {});
    allocation::start();
    for connection in 0..4 {
        for id in 0..20 {
            let pieces = (0..40u64).rev().map(|at| fragment(UNORDERED, id, (40_000, at * 1000), 1000));
            rogues.send(connection, pieces);
            rogues.pair.events(SERVER);
            rogues.pair.take(SERVER);
        }
    }
    for _ in 0..10 {
        rogues.pair.now += Duration::from_secs(1);
        rogues.pair.ends[SERVER].handle_timeout(rogues.pair.now);
        rogues.pair.events(SERVER);
        rogues.pair.take(SERVER);
    }
    let live = allocation::counted().live;
    assert!(live < 4 * 5000, "{live} bytes stay");
}

/// Runs the server and one honest client. Returns the time until the client's message has arrived, or `None` after
/// `most`.
fn honest_message_arrives(rogues: &mut Rogues, size: usize, most: Duration) -> Option<Duration> {
    let pair = &mut rogues.pair;
    let mut config = Config::new(4);
    config.provider = provider::gullible();
    let mut client = tickwire_core::Endpoint::new(config, Secrets::new([9; 32]), [9; 32], pair.now).unwrap();
    let home = SocketAddr::from(([10, 0, 0, 77], 1));
    let options = ConnectOptions::new(pair.ends[SERVER].public_key());
    let connection = client.connect(pair.now, address(SERVER), options).unwrap();
    client.send(pair.now, connection, ChannelId(ORDERED), vec![5; size]).unwrap();
    let (began, mut buffer) = (pair.now, vec![0; 1200]);
    while pair.now - began < most {
        while let Some(transmit) = client.poll_transmit(pair.now, &mut buffer) {
            pair.ends[SERVER].handle_datagram(pair.now, home, Ecn::NotCapable, &mut buffer[..transmit.size]);
        }
        while let Some(transmit) = pair.ends[SERVER].poll_transmit(pair.now, &mut buffer) {
            if transmit.path.remote == home.into() {
                client.handle_datagram(
                    pair.now,
                    address(SERVER),
                    Ecn::NotCapable,
                    &mut buffer[..transmit.size],
                );
            }
        }
        while client.poll_event().is_some() {}
        while let Some(event) = pair.ends[SERVER].poll_event() {
            if matches!(&event, Event::Message { data, .. } if data.len() == size && data[0] == 5) {
                return Some(pair.now - began);
            }
        }
        // Rogues go on: they are heard, and ask for more.
        pair.now += Duration::from_millis(20);
        pair.ends[SERVER].handle_timeout(pair.now);
        client.handle_timeout(pair.now);
        if (pair.now - began).as_millis().is_multiple_of(1000) {
            for index in 0..rogues.headers.len() {
                let pieces = [2, 3].map(|id| fragment(UNORDERED, id, (1 << 16, 0), 100));
                let mut packet = packet(&mut rogues.headers[index], &mut pieces.into_iter().peekable());
                pair.give(SERVER, &mut packet);
            }
        }
    }
    None
}

#[test]
fn connections_that_fill_the_reassembly_memory_do_not_block_messages_of_honest_connections() {
    for size in [20_000, 1 << 20] {
        let mut rogues = Rogues::new(40, |config| {
            config.reassembly_memory = 8 << 20;
            config.max_connections = 100;
        });
        fill(&mut rogues, UNORDERED);
        let took = honest_message_arrives(&mut rogues, size, Duration::from_secs(300));
        println!("{size} bytes arrive after {took:?}");
        let most = if size < 100_000 { Duration::from_secs(3) } else { Duration::from_secs(240) };
        assert!(took.is_some_and(|took| took < most), "{size} bytes arrive after {took:?}");
    }
}

#[test]
fn honest_connections_that_exceed_the_reassembly_memory_complete_all_their_messages() {
    const CLIENTS: usize = 12;
    let mut server = Config::new(APPLICATION);
    server.reassembly_memory = 1 << 20;
    server.max_message = 1 << 20;
    server.channels = vec![ChannelConfig::new(Delivery::ReliableUnordered); 2];
    let mut client = server.clone();
    server.access = Access::Open;
    client.access = Access::Closed;
    let mut nodes = vec![Node::new(server, Secrets::new([1; 32]), 1, "10.0.0.1:7777", Instant::ZERO)];
    for index in 0..CLIENTS as u8 {
        let at = format!("10.0.0.{}:4000", index + 2);
        nodes.push(Node::new(client.clone(), Secrets::new([index + 2; 32]), index + 2, &at, Instant::ZERO));
    }
    let mut net = Net::new(nodes, Duration::from_millis(20));
    // Some loss, so that messages wait for pieces.
    let mut draws = Draws::new(3);
    net.filter = Box::new(move |_, _, _| if draws.below(50) == 0 { Pass::Drop } else { Pass::Deliver });
    let (to, key, now) = (net.nodes[0].address, net.nodes[0].endpoint.public_key(), net.now);
    for node in &mut net.nodes[1..] {
        let connection = node.endpoint.connect(now, to, ConnectOptions::new(key)).unwrap();
        for channel in [0, 1] {
            node.endpoint.send(now, connection, ChannelId(channel), vec![7; 1 << 20]).unwrap();
        }
    }
    let arrived =
        |net: &Net| net.nodes[0].events.iter().filter(|event| matches!(event, Event::Message { .. })).count();
    net.run_until(Duration::from_secs(120), |net| arrived(net) == 2 * CLIENTS);
    println!("all are there after {:?}", net.now - Instant::ZERO);
    net.run_for(Duration::from_secs(10));
    assert_eq!(net.nodes[0].endpoint.memory(), 0);
    assert!(
        net.nodes[0]
            .events
            .iter()
            .all(|event| !matches!(event, Event::Interrupted { .. } | Event::Closed { .. }))
    );
}
