//! Clause 7: no input causes a panic or an allocation beyond the limits.

use std::net::SocketAddr;

use tickwire_core::wire::writers::{Chain, Writer, write_message};
use tickwire_core::wire::{DataHeader, MessageFrame, MessagePart};
use tickwire_core::{Access, ChannelConfig, ChannelId, ConnectionState, Delivery, Ecn, limits};
use tickwire_sim::pair::{CLIENT, SERVER};
use tickwire_sim::rng::Draws;
use tickwire_tests::allocation;

use super::{check, fragment, greedy_packet};
use crate::script::op::Op;
use crate::script::pairs;
use crate::script::world::{Setup, World};
use crate::script::{forge, provider};

#[test]
fn clause_07_no_input_causes_a_panic() {
    fn survives(script: Vec<Op>, seed: u64) {
        // With a provider that believes everything, whoever forges a packet is a peer gone bad.
        let mut world = World::new(Setup::new(provider::gullible(), seed));
        world.play(&script);
    }
    fn is_counted(first: u8, length: u16, seed: u64) {
        let mut pair = pairs::new(|_| {});
        let mut noise = forge::garbage(first, length.into(), seed);
        pair.give(SERVER, &mut noise);
        let (replies, dropped) = (pair.take(SERVER).len() as u64, pair.ends[SERVER].drops().total());
        assert!(pair.events(SERVER).is_empty(), "noise is an event");
        assert!(dropped == 1 || replies == 1, "{replies} replies, {dropped} dropped");
    }
    check(1500, 120, survives as fn(Vec<Op>, u64));
    check(1000, 100, is_counted as fn(u8, u16, u64));
}

#[test]
fn clause_07_strangers_make_an_endpoint_allocate_no_more_than_its_limits() {
    fn bounded(access: bool, seed: u64) {
        let mut pair = pairs::new(|config| {
            config.access = if access { Access::Open } else { Access::Closed };
            config.cookie_threshold = 64;
        });
        pair.dial();
        let hello = pair.take(CLIENT).remove(0);
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
            pair.ends[SERVER].handle_datagram(pair.now, from, Ecn::NotCapable, &mut datagram);
        }
        let held = allocation::counted();
        let replies = limits::REPLY_QUEUE * (1200 + 64);
        let most = replies + limits::HALF_OPEN * limits::HALF_OPEN_BYTES + (64 << 10);
        assert!(held.live <= most as i64, "{held:?}, and no more than {most} are allowed");
        // The table of sources that handshakes are counted by is the largest.
        assert!(held.largest <= 64 << 10, "{held:?}");
    }
    check(20, 100, bounded as fn(bool, u64));
}

#[test]
fn clause_07_a_peer_makes_an_endpoint_allocate_no_more_than_its_limits() {
    fn bounded(kind: u8, seed: u64) {
        let mut pair = pairs::connected(1, |config| config.provider = provider::gullible());
        pair.send(CLIENT, 3, vec![1; 8]);
        let first = pair.take(CLIENT).remove(0);
        let mut header = DataHeader::read(&first).unwrap();
        header.pn_len = 4;
        let mut draws = Draws::new(seed);
        allocation::start();
        for _ in 0..12_000 {
            header.packet_number += 1;
            let mut packet = greedy_packet(kind, &header, &mut draws);
            pair.give(SERVER, &mut packet);
        }
        let peak = allocation::counted().peak as u64;
        let reliable = limits::RECEIVE_WINDOW * limits::REASSEMBLY_OVERHEAD;
        let unreliable = limits::UNRELIABLE_BACKLOG + limits::UNRELIABLE_REASSEMBLY_BYTES + (4 << 20);
        assert!(peak <= reliable + unreliable, "{peak} bytes by kind {}", kind % 5);
        assert!(pair.ends[SERVER].memory() <= reliable + unreliable);
        let server = pair.connections[SERVER][0];
        assert_eq!(pair.ends[SERVER].state(server), ConnectionState::Connected, "kind {}", kind % 5);
    }
    for kind in 0..5 {
        bounded(kind, 1);
    }
    check(5, 100, bounded as fn(u8, u64));
}

/// The kind of frames with which a peer fills the server's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hoard {
    /// Complete messages out of order.
    Whole,
    /// The first fragments of messages.
    Begun,
    /// Messages in two fragments, out of order.
    InPieces,
    /// Only the final message of each channel's receive window.
    Last,
}

/// Returns the frames of 32 ordered channels with messages of `size` bytes. The first message of each channel is
/// missing.
fn hoarded(hoard: Hoard, size: u32, count: u32) -> impl Iterator<Item = (u8, u32, MessagePart, u32)> {
    let ids = if hoard == Hoard::Last { 2047..2048 } else { 1..2047 };
    let piece = move |offset| fragment(u64::from(size) * 2, u64::from(offset * size));
    let messages = ids.flat_map(|id| (0..32).map(move |channel| (channel, id))).take(count as usize);
    messages.flat_map(move |(channel, id)| {
        let parts = match hoard {
            Hoard::Whole | Hoard::Last => [Some(MessagePart::Whole), None],
            Hoard::Begun => [Some(piece(0)), None],
            Hoard::InPieces => [Some(piece(1)), Some(piece(0))],
        };
        parts.into_iter().flatten().map(move |part| (channel, id, part, size))
    })
}

/// Returns the bytes that the server holds for `frames`: by its own count, and on the heap.
fn held_for(frames: impl Iterator<Item = (u8, u32, MessagePart, u32)>) -> (u64, u64) {
    let mut pair = pairs::connected(1, |config| {
        config.provider = provider::gullible();
        config.channels = vec![ChannelConfig::new(Delivery::ReliableOrdered); 32];
    });
    pair.send(CLIENT, 0, vec![1; 8]);
    let first = pair.take(CLIENT).remove(0);
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
        pair.give(SERVER, &mut bytes);
    }
    let heap = allocation::counted().live as u64;
    assert_eq!(pair.ends[SERVER].state(pair.connections[SERVER][0]), ConnectionState::Connected);
    (pair.ends[SERVER].memory(), heap)
}

#[test]
fn clause_07_the_reported_memory_is_at_least_half_of_the_bytes_held_for_a_peer() {
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
