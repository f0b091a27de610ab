//! Attacks that other protocol implementations did not withstand, each against a whole endpoint, in one file per kind. Comments
//! name the rows of the table in `fuzz/README.md`, which also lists the other tests of each row.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod acknowledgements;
mod datagrams;
mod fragments;
mod frames;
mod handshakes;
mod numbers;
mod paths;

use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::crypto::Provider;
use tickwire_core::drop::DropReason;
use tickwire_core::event::Violation;
use tickwire_core::wire::MessagePart;
use tickwire_core::{Access, CloseReason, Config, Delivery, Endpoint, Event, Instant, VIOLATION_CODES};
use tickwire_fuzz::handshake;
use tickwire_fuzz::hostile::{Arena, config, message_bytes};
use tickwire_fuzz::watch::Watched;
use tickwire_sim::provider::NullProvider;
use tickwire_tests::allocation::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the number of heap bytes that this thread holds.
fn held_now() -> i64 {
    allocation::counted().live
}

/// The indexes of the channels in the list of `tickwire_fuzz::channels::channels`.
const ORDERED: u8 = 0;
const UNORDERED: u8 = 1;
const SEQUENCED: u8 = 2;
const UNRELIABLE: u8 = 3;
const COMPRESSED: u8 = 4;

fn whole(channel: u8, id: u32, data: &[u8]) -> Vec<u8> {
    message_bytes(channel, Some(id), MessagePart::Whole, data)
}

/// Creates a server under attack.
fn server() -> Arena {
    Arena::with_client(&config(), None)
}

/// Checks that `packets` close the connection for `violation` at a server and at a client, and that the peer receives
/// the close code of this violation.
fn closes_for(violation: Violation, packets: &[Vec<u8>]) {
    for mut arena in [server(), Arena::with_server(&config(), None)] {
        for packet in packets {
            assert_eq!(arena.reason(), None, "closed too early");
            arena.send(packet);
            arena.settle();
        }
        assert_eq!(arena.reason(), Some(&CloseReason::Violation(violation)));
        assert!(arena.closed_with.is_some_and(|code| code >= VIOLATION_CODES));
    }
}

/// Checks that the connection still delivers a message from its peer.
fn is_alive(arena: &mut Arena) {
    arena.settle();
    assert_eq!(arena.reason(), None);
    arena.send(&message_bytes(UNRELIABLE, None, MessagePart::Whole, b"alive"));
    arena.settle();
    let arrived = |event: &Event| matches!(event, Event::Message { data, .. } if data == "alive");
    assert!(arena.events.iter().any(arrived), "the connection is dead");
}

fn drops(arena: &Arena, reason: DropReason) -> u64 {
    arena.tested.endpoint.drops().of(reason)
}

fn listening(access: Access, change: impl FnOnce(&mut Config)) -> (Config, Watched) {
    let provider: Arc<dyn Provider> = Arc::new(NullProvider);
    let mut config = handshake::config(provider, access);
    change(&mut config);
    let secrets = handshake::secrets(&*config.provider);
    let endpoint = Endpoint::new(config.clone(), secrets, [1; 32], Instant::ZERO).unwrap();
    (config, Watched::new(endpoint, 1 << 20))
}

fn source(index: u32) -> SocketAddr {
    let [a, b, c, d] = (0x0b00_0000 + index).to_be_bytes();
    SocketAddr::from(([a, b, c, d], 5000))
}

#[test]
fn the_channel_constants_of_the_attack_tests_match_their_deliveries() {
    let deliveries: Vec<Delivery> = config().channels.iter().map(|channel| channel.delivery).collect();
    let expected = [
        (ORDERED, Delivery::ReliableOrdered),
        (UNORDERED, Delivery::ReliableUnordered),
        (SEQUENCED, Delivery::Sequenced),
    ];
    assert!(expected.iter().all(|(place, delivery)| deliveries[usize::from(*place)] == *delivery));
    assert_eq!(deliveries[usize::from(UNRELIABLE)], Delivery::Unreliable);
    assert!(config().channels[usize::from(COMPRESSED)].compress);
}
