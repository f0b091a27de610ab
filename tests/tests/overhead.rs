//! Bytes on the wire: of one packet, and of one message with the packets that it causes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{Net, Pass};
use tickwire_core::wire::{DataHeader, PacketKind, classify};
use tickwire_core::{Config, ConnectionId, Duration, Instant};
use tickwire_sim::provider::NullProvider;

const SECOND: Duration = Duration::from_secs(1);
const TAG: usize = 16;
/// The reliable, ordered channel of the default configuration.
const RELIABLE_ORDERED: u8 = 0;
const UNRELIABLE: u8 = 3;

/// The observed data packets: the index of the sender, and the bytes.
type Seen = Rc<RefCell<Vec<(usize, Vec<u8>)>>>;

/// Creates two connected, idle ends with an RTT of 100 ms, and the log of their later packets.
fn connected(change: impl Fn(&mut Config)) -> (Net, ConnectionId, Seen) {
    let mut net = Net::pair(change);
    let client = net.connect();
    net.run_for(SECOND * 2);
    let seen = Seen::default();
    let log = Rc::clone(&seen);
    net.filter = Box::new(move |_: Instant, node, bytes: &mut Vec<u8>| {
        assert_eq!(classify(bytes), Some(PacketKind::Data));
        log.borrow_mut().push((node, bytes.clone()));
        Pass::Deliver
    });
    (net, client, seen)
}

/// Selects the null provider, whose packets are readable and have the sizes of real packets.
fn readable(config: &mut Config) {
    config.provider = std::sync::Arc::new(NullProvider);
}

/// Returns the number of bytes before and after the frames of a packet.
fn overhead(packet: &[u8]) -> usize {
    DataHeader::read(packet).unwrap().header_len() + TAG
}

/// Sends `per_tick` messages of 100 bytes per tick of a 60 Hz game in one direction for ten seconds. Returns the bytes
/// on the wire per message, in both directions together.
fn bytes_per_message(per_tick: u32, change: impl Fn(&mut Config)) -> f64 {
    let (mut net, client, seen) = connected(change);
    let ticks = 600;
    for _ in 0..ticks {
        for _ in 0..per_tick {
            net.send(1, client, RELIABLE_ORDERED, vec![0xab; 100]);
        }
        net.run_for(Duration::from_micros(16_667));
    }
    net.run_for(SECOND);
    assert_eq!(net.nodes[0].messages().len(), (ticks * per_tick) as usize);
    let bytes: usize = seen.borrow().iter().map(|(_, packet)| packet.len()).sum();
    bytes as f64 / f64::from(ticks * per_tick)
}

#[test]
fn one_reliable_message_of_100_bytes_per_tick_costs_at_most_136_bytes() {
    for change in [|_: &mut Config| {}, readable] {
        let bytes = bytes_per_message(1, change);
        assert!((116.0..=136.0).contains(&bytes), "{bytes:.2}");
    }
}

#[test]
fn ten_reliable_messages_of_100_bytes_per_tick_cost_at_most_106_bytes_each() {
    for change in [|_: &mut Config| {}, readable] {
        let bytes = bytes_per_message(10, change);
        assert!((101.0..=106.0).contains(&bytes), "{bytes:.2}");
    }
}

#[test]
fn the_overhead_of_a_data_packet_is_21_to_24_bytes() {
    let (mut net, client, seen) = connected(|_| {});
    let server = net.nodes[0].connected().unwrap();
    for tick in 0..3000_u32 {
        net.send(1, client, UNRELIABLE, vec![1; 60]);
        net.send(0, server, UNRELIABLE, vec![2; 200]);
        if tick % 10 == 0 {
            net.send(1, client, RELIABLE_ORDERED, vec![3; 5000]);
        }
        net.run_for(Duration::from_micros(16_667));
    }
    let overheads: Vec<usize> = seen.borrow().iter().map(|(_, packet)| overhead(packet)).collect();
    assert!(overheads.len() > 6000);
    assert!(overheads.iter().all(|bytes| (21..=24).contains(bytes)));
    let typical = overheads.iter().filter(|bytes| **bytes <= 22).count();
    assert!(typical * 100 >= overheads.len() * 99, "{typical} of {}", overheads.len());
}

#[test]
fn the_overhead_of_a_packet_is_at_most_24_bytes_during_a_blackout() {
    let (mut net, client, _) = connected(|config| config.idle_timeout = SECOND * 600);
    let seen = Seen::default();
    let log = Rc::clone(&seen);
    net.filter = Box::new(move |_: Instant, node, bytes: &mut Vec<u8>| {
        log.borrow_mut().push((node, bytes.clone()));
        if node == 1 { Pass::Drop } else { Pass::Deliver }
    });
    for _ in 0..2000 {
        net.send(1, client, UNRELIABLE, vec![1; 10]);
        net.run_for(Duration::from_millis(5));
    }
    let most = seen.borrow().iter().map(|(_, packet)| overhead(packet)).max();
    assert!(matches!(most, Some(22..=24)), "{most:?}");
}

#[test]
fn the_length_field_of_a_message_below_128_bytes_takes_one_byte() {
    for (size, length_bytes) in [(0, 1), (1, 1), (127, 1), (128, 2), (1000, 2)] {
        let (mut net, client, seen) = connected(readable);
        net.send(1, client, UNRELIABLE, vec![9; size]);
        net.run_for(Duration::from_millis(10));
        let seen = seen.borrow();
        let (_, packet) = &seen[0];
        // Nothing but one frame: its type, the length, the message.
        assert_eq!(packet.len() - overhead(packet), 1 + length_bytes + size, "a message of {size} bytes");
    }
}

#[test]
fn ack_datagrams_have_at_most_45_bytes_on_average_in_long_flows_with_losses() {
    let (mut net, client, _) = connected(readable);
    let sizes = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&sizes);
    let mut count = 0_u32;
    net.filter = Box::new(move |_: Instant, node, bytes: &mut Vec<u8>| {
        if node == 0 {
            log.borrow_mut().push(bytes.len());
            return Pass::Deliver;
        }
        count += 1;
        if count.is_multiple_of(20) { Pass::Drop } else { Pass::Deliver }
    });
    for _ in 0..20_000 {
        net.send(1, client, RELIABLE_ORDERED, vec![0xab; 100]);
        net.run_for(Duration::from_micros(16_667));
    }
    let sizes = sizes.borrow();
    let late = &sizes[sizes.len() - 1000..];
    let mean = late.iter().sum::<usize>() / late.len();
    assert!(mean <= 45, "{mean} bytes on average");
}

/// Packet numbers take one byte while fewer than 128 packets are unacknowledged, and the clocks drift apart while no
/// end measures the delay.
#[test]
fn an_end_that_only_receives_uses_one_byte_packet_numbers_and_knows_the_peer_clock_within_60_ms() {
    let (mut net, client, seen) = connected(|_| {});
    for _ in 0..7200 {
        net.send(1, client, RELIABLE_ORDERED, vec![0xab; 100]);
        net.run_for(Duration::from_micros(16_667));
    }
    let listener = net.nodes[0].connected().unwrap();
    let error = net.nodes[0].endpoint.peer_clock(listener).unwrap().error(net.now);
    assert!(error < Duration::from_millis(60), "{error:?}");
    let seen = seen.borrow();
    let acks: Vec<&Vec<u8>> = seen.iter().filter(|(node, _)| *node == 0).map(|(_, packet)| packet).collect();
    assert!(acks.len() >= 2000);
    let short = acks.iter().filter(|packet| overhead(packet) == 5 + TAG).count();
    assert!(short * 100 >= acks.len() * 98, "{short} of {}", acks.len());
}
