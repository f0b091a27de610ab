//! Tests of the sending side alone.

mod fates;
mod idle;
mod resume;
mod sender;

use alloc::vec;
use alloc::vec::Vec;
use core::iter;

use self::sender::Sender;
use super::*;
use crate::config::Delivery;
use crate::event::Fate;
use crate::limits::{FRAGMENT_MIN, RELIABLE_WINDOW, WHOLE_FRAME};
use crate::time::Span;
use crate::wire::message::{self, Chain, MessagePart};
use crate::wire::{Reader, Writer};

const MOST: usize = 1 << 20;
const NOW: Instant = Instant::ZERO;
const FIRST: ChannelId = ChannelId(0);

fn side(channels: &[ChannelConfig]) -> Sender {
    Sender::new(channels, u64::MAX / 2)
}

fn ordered() -> Sender {
    side(&[ChannelConfig { receipts: true, ..ChannelConfig::new(Delivery::ReliableOrdered) }])
}

fn bytes(length: usize) -> Bytes {
    vec![1; length].into()
}

fn send_many(side: &mut Sender, channel: u8, count: u32, length: usize) {
    (0..count).for_each(|_| assert!(side.enqueue(NOW, ChannelId(channel), bytes(length)).is_ok()));
}

fn send(side: &mut Sender, channel: u8, length: usize) -> MessageId {
    side.enqueue(NOW, ChannelId(channel), bytes(length)).unwrap()
}

/// The content of a frame: channel, id, part, length.
type Frame = (u8, Option<u32>, MessagePart, usize);

fn packet_of(side: &mut Sender, room: usize) -> (Vec<Frame>, Vec<PieceRecord>) {
    let mut buffer = vec![0; room];
    let (mut writer, mut records) = (Writer::new(&mut buffer), Vec::new());
    side.write_pieces(NOW, &mut writer, |record| records.push(record));
    let length = writer.written();
    let (mut reader, mut chain) = (Reader::new(&buffer[..length]), Chain::default());
    let mut frames = Vec::new();
    while let Ok(first) = reader.u8() {
        let frame = message::read(first, &mut reader, &mut chain).unwrap();
        frames.push((frame.channel.0, frame.id, frame.part, frame.data.len()));
    }
    assert_eq!(frames.len(), records.len());
    (frames, records)
}

/// Builds packets until the sender has nothing to send. Returns the frames and the records of all packets.
fn drain(side: &mut Sender, room: usize) -> (Vec<Frame>, Vec<PieceRecord>) {
    let (mut frames, mut records) = (Vec::new(), Vec::new());
    while side.has_sendable() {
        let (more_frames, more_records) = packet_of(side, room);
        assert!(!more_frames.is_empty(), "what is sendable is sent");
        frames.extend(more_frames);
        records.extend(more_records);
    }
    (frames, records)
}

fn packet(side: &mut Sender) -> (Vec<Frame>, Vec<PieceRecord>) {
    packet_of(side, WHOLE_FRAME)
}

fn ack(side: &mut Sender, records: &[PieceRecord]) {
    records.iter().for_each(|record| side.on_acked(*record));
}

fn lose(side: &mut Sender, records: &[PieceRecord]) {
    records.iter().for_each(|record| side.on_lost(*record));
}

fn delivered(side: &mut Sender) -> Vec<u64> {
    iter::from_fn(|| side.take_delivered()).map(|(_, id)| id.0).collect()
}

#[test]
fn a_full_send_queue_reports_ready_exactly_once_after_half_of_its_messages_were_sent() {
    let mut side =
        side(&[ChannelConfig { queue_messages: 10, ..ChannelConfig::new(Delivery::ReliableOrdered) }]);
    send_many(&mut side, 0, 10, 500);
    assert_eq!(side.enqueue(NOW, FIRST, bytes(500)), Err(SendError::Full(bytes(500))));
    assert_eq!(side.take_ready(), None);
    packet(&mut side);
    packet(&mut side);
    assert_eq!((side.stats(FIRST).unwrap().queued, side.take_ready()), (6, None));
    packet(&mut side);
    assert_eq!(side.take_ready(), Some(FIRST));
    assert_eq!(side.take_ready(), None, "once");
    assert_eq!(side.stats(FIRST).unwrap().full, 1);
}

#[test]
fn a_send_queue_full_by_bytes_reports_ready_when_the_refused_message_fits() {
    let mut side =
        side(&[ChannelConfig { queue_bytes: 10_000, ..ChannelConfig::new(Delivery::ReliableOrdered) }]);
    send_many(&mut side, 0, 4, 1000);
    assert_eq!(side.enqueue(NOW, FIRST, bytes(9000)), Err(SendError::Full(bytes(9000))));
    assert_eq!(side.queued_bytes(), 4 * 1064);
    for _ in 0..4 {
        assert_eq!(side.take_ready(), None, "half is free, but the message would not fit");
        packet(&mut side);
    }
    assert_eq!(side.take_ready(), Some(FIRST));
}

#[test]
fn an_empty_send_queue_accepts_a_message_larger_than_its_byte_limit() {
    let mut side = side(&[ChannelConfig { queue_bytes: 100, ..ChannelConfig::new(Delivery::Unreliable) }]);
    send(&mut side, 0, MOST);
    assert_eq!(side.enqueue(NOW, FIRST, bytes(1)), Err(SendError::Full(bytes(1))));
}

#[test]
fn unread_receipts_count_towards_the_limit_of_messages_in_the_send_queue() {
    let config =
        ChannelConfig { receipts: true, queue_messages: 5, ..ChannelConfig::new(Delivery::ReliableOrdered) };
    let mut side = side(&[config]);
    send_many(&mut side, 0, 5, 1);
    let (_, records) = packet(&mut side);
    ack(&mut side, &records);
    assert!(side.enqueue(NOW, FIRST, bytes(1)).is_err());
    assert_eq!(side.take_ready(), None);
    assert_eq!(delivered(&mut side), [0, 1, 2, 3, 4]);
    assert_eq!(side.take_ready(), Some(FIRST));
}

#[test]
fn a_message_for_an_unknown_channel_or_above_the_size_limit_is_returned_in_the_error() {
    let mut side = ordered();
    assert_eq!(side.enqueue(NOW, ChannelId(1), bytes(1)), Err(SendError::NoSuchChannel(bytes(1))));
    let large = bytes(MOST + 1);
    assert_eq!(
        side.enqueue(NOW, FIRST, large.clone()),
        Err(SendError::TooLarge { message: large, most: MOST })
    );
}

#[test]
fn channels_share_the_bandwidth_in_proportion_to_two_to_the_power_of_their_priority() {
    for delivery in [Delivery::ReliableOrdered, Delivery::Unreliable] {
        let priorities = [0, 1, 3, 7];
        let configs = priorities.map(|priority| ChannelConfig {
            priority,
            queue_messages: usize::MAX,
            queue_bytes: u64::MAX,
            ..ChannelConfig::new(delivery)
        });
        let mut side = side(&configs);
        let mut bytes = [0u64; 4];
        // Sizes differ by channel: shares are of bytes, not of messages. They are large, or what fits into the rest of
        // a packet would decide.
        for channel in 0..4u8 {
            send_many(&mut side, channel, 2000, 3000 + 1000 * usize::from(channel));
        }
        for _ in 0..4000 {
            let (frames, records) = packet(&mut side);
            frames.iter().for_each(|&(channel, .., length)| bytes[usize::from(channel)] += length as u64 + 3);
            ack(&mut side, &records);
        }
        let total: u64 = bytes.iter().sum();
        for (sent, priority) in bytes.iter().zip(priorities) {
            let fair = total * (1 << priority) / (1 + 2 + 8 + 128);
            assert!(sent.abs_diff(fair) < fair / 20 + 2000, "{priority}: {sent} of {fair}");
        }
    }
}

#[test]
fn a_channel_that_was_idle_gets_no_more_than_its_share_of_the_bandwidth_afterwards() {
    let mut side =
        side(&[ChannelConfig::new(Delivery::Unreliable), ChannelConfig::new(Delivery::Unreliable)]);
    for _ in 0..1000 {
        send(&mut side, 0, 500);
        packet(&mut side);
    }
    send_many(&mut side, 0, 100, 500);
    send_many(&mut side, 1, 100, 500);
    let frames: Vec<_> = (0..20).flat_map(|_| packet(&mut side).0).collect();
    let first = frames.iter().filter(|frame| frame.0 == 0).count();
    assert!((19..=21).contains(&first), "{first} of {}", frames.len());
}

#[test]
fn a_message_that_does_not_fit_the_rest_of_a_packet_waits_while_another_channel_fills_that_space() {
    let mut side =
        side(&[ChannelConfig::new(Delivery::ReliableOrdered), ChannelConfig::new(Delivery::Unreliable)]);
    send(&mut side, 0, 800);
    send(&mut side, 0, 800);
    send_many(&mut side, 1, 3, 300);
    let (frames, _) = packet(&mut side);
    assert!(
        frames.contains(&(0, Some(0), MessagePart::Whole, 800))
            && frames.contains(&(1, None, MessagePart::Whole, 300))
    );
    assert_eq!(packet(&mut side).0, [(1, None, MessagePart::Whole, 300); 2]);
    assert_eq!(packet(&mut side).0, [(0, Some(1), MessagePart::Whole, 800)]);
}

#[test]
fn a_message_that_fits_a_packet_is_never_split() {
    let mut side = side(&[
        ChannelConfig::new(Delivery::ReliableOrdered),
        ChannelConfig::new(Delivery::Unreliable),
        ChannelConfig::new(Delivery::Sequenced),
    ]);
    for length in 0..=1144 {
        for channel in 0..3 {
            send(&mut side, channel, length);
        }
    }
    send(&mut side, 1, 1147);
    let (frames, _) = drain(&mut side, WHOLE_FRAME);
    assert!(frames.iter().all(|frame| frame.2 == MessagePart::Whole));
    send(&mut side, 0, 1145);
    assert!(matches!(packet(&mut side).0[..], [(0, _, MessagePart::Fragment { total: 1145, offset: 0 }, _)]));
}

#[test]
fn a_fragment_fills_the_rest_of_a_packet_if_at_least_64_bytes_fit() {
    let mut side = ordered();
    send(&mut side, 0, 1000);
    send(&mut side, 0, 5000);
    let (frames, _) = packet(&mut side);
    let [(_, _, MessagePart::Whole, 1000), (_, _, MessagePart::Fragment { total: 5000, offset: 0 }, length)] =
        frames[..]
    else {
        panic!("{frames:?}")
    };
    assert_eq!(length, WHOLE_FRAME - 1006 - 9);
    for room in 5..600 {
        let mut side = ordered();
        send(&mut side, 0, 1500);
        let mut left = 1500;
        for room in [room, WHOLE_FRAME, WHOLE_FRAME, WHOLE_FRAME] {
            for frame in packet_of(&mut side, room).0 {
                assert!(frame.3 >= FRAGMENT_MIN, "{room}: {frame:?}");
                left -= frame.3;
            }
        }
        assert_eq!(left, 0, "{room}");
    }
}

#[test]
fn messages_slightly_larger_than_a_packet_take_at_most_two_packets_each() {
    let mut side = ordered();
    send_many(&mut side, 0, 3, 1130);
    let frames: Vec<_> = (0..6).flat_map(|_| packet_of(&mut side, 1116).0).collect();
    assert_eq!(frames.iter().map(|frame| frame.3).sum::<usize>(), 3 * 1130);
}

#[test]
fn lost_pieces_of_messages_are_resent_before_new_data() {
    let mut side = ordered();
    send_many(&mut side, 0, 3, 700);
    let (_, first) = packet(&mut side);
    let (_, second) = packet(&mut side);
    lose(&mut side, &second);
    lose(&mut side, &first);
    let (frames, again) = packet(&mut side);
    assert_eq!(frames, [(0, Some(0), MessagePart::Whole, 700)]);
    // The late acknowledgement of the doubted packet counts.
    ack(&mut side, &second);
    assert_eq!(packet(&mut side).0, [(0, Some(2), MessagePart::Whole, 700)]);
    lose(&mut side, &second);
    // The first transmission is lost for good, but the second is underway.
    lose(&mut side, &first);
    assert!(!side.has_sendable());
    ack(&mut side, &again);
    assert_eq!(delivered(&mut side), [0, 1]);
}

#[test]
fn a_lost_fragment_is_split_after_the_datagram_size_decreased() {
    let mut side = ordered();
    send(&mut side, 0, 3000);
    let (_, first) = packet_of(&mut side, 1400);
    let (_, second) = packet_of(&mut side, 1400);
    let (_, third) = packet_of(&mut side, 1400);
    ack(&mut side, &first);
    ack(&mut side, &third);
    lose(&mut side, &second);
    lose(&mut side, &second);
    let (frames, records) = drain(&mut side, 600);
    assert!(
        frames.iter().all(|frame| matches!(frame.2, MessagePart::Fragment { total: 3000, offset: 1300.. }))
    );
    let left = frames.iter().map(|frame| frame.3).sum::<usize>();
    assert!((1300..1400).contains(&left), "only what was lost: {left}");
    assert!(delivered(&mut side).is_empty());
    ack(&mut side, &records);
    assert_eq!(delivered(&mut side), [0]);
    assert!(side.is_drained());
}

#[test]
fn a_fragment_declared_lost_and_then_acknowledged_is_not_resent() {
    let mut side = ordered();
    send(&mut side, 0, 3000);
    let (_, records) = drain(&mut side, WHOLE_FRAME);
    lose(&mut side, &records);
    ack(&mut side, &records[1..]);
    let (frames, _) = drain(&mut side, WHOLE_FRAME);
    assert!(matches!(frames[..], [(0, Some(0), MessagePart::Fragment { total: 3000, offset: 0 }, _)]));
    lose(&mut side, &records[1..]);
    assert!(!side.has_sendable());
    ack(&mut side, &records[..1]);
    assert!(side.is_drained());
}

#[test]
fn a_lost_whole_message_is_resent_in_fragments_after_the_datagram_size_decreased() {
    let mut side = ordered();
    send(&mut side, 0, 1300);
    let (frames, first) = packet_of(&mut side, 1400);
    assert_eq!(frames, [(0, Some(0), MessagePart::Whole, 1300)]);
    lose(&mut side, &first);
    let (_, one) = packet(&mut side);
    let (_, two) = packet(&mut side);
    lose(&mut side, &first);
    assert!(!side.has_sendable(), "its pieces are underway");
    ack(&mut side, &one);
    assert!(side.has_unacked_reliable());
    ack(&mut side, &two);
    assert!(!side.has_unacked_reliable());
}

#[test]
fn a_late_ack_of_a_whole_message_stops_the_resending_of_its_fragments() {
    let mut side = ordered();
    send(&mut side, 0, 1300);
    let (_, first) = packet_of(&mut side, 1400);
    lose(&mut side, &first);
    packet(&mut side);
    ack(&mut side, &first);
    assert!(side.is_drained() && !side.has_sendable());
    assert_eq!(delivered(&mut side), [0]);
}

#[test]
fn reliable_messages_in_flight_stay_within_the_window_above_the_lowest_unacknowledged_id() {
    let config = ChannelConfig { queue_messages: 20_000, ..ChannelConfig::new(Delivery::ReliableOrdered) };
    let mut side = side(&[config]);
    send_many(&mut side, 0, RELIABLE_WINDOW + 10, 0);
    let (_, records) = drain(&mut side, WHOLE_FRAME);
    assert_eq!(records.len(), RELIABLE_WINDOW as usize);
    ack(&mut side, &records[1..]);
    assert!(!side.has_sendable());
    ack(&mut side, &records[..1]);
    assert_eq!(packet(&mut side).1.len(), 10);
}

#[test]
fn a_reliable_message_is_not_started_without_flow_control_credit_for_its_whole_length() {
    let configs = [ChannelConfig::new(Delivery::ReliableOrdered), ChannelConfig::new(Delivery::Unreliable)];
    let mut side = Sender::new(&configs, 3064 + 74);
    send(&mut side, 0, 3000);
    send(&mut side, 0, 11);
    let (_, records) = packet(&mut side);
    packet(&mut side);
    packet(&mut side);
    assert!(!side.has_sendable(), "the second costs one byte too much");
    lose(&mut side, &records);
    assert!(side.has_sendable());
    packet(&mut side);
    assert!(!side.has_sendable());
    send(&mut side, 1, 5);
    assert_eq!(packet(&mut side).0.len(), 1);
    side.on_credit(3064 + 75);
    side.on_credit(0);
    assert_eq!(packet(&mut side).0, [(0, Some(1), MessagePart::Whole, 11)]);
}

#[test]
fn small_messages_do_not_starve_a_large_message_of_flow_control_credit() {
    let small = ChannelConfig { priority: 7, ..ChannelConfig::new(Delivery::ReliableUnordered) };
    let large = ChannelConfig { priority: 0, ..ChannelConfig::new(Delivery::ReliableOrdered) };
    let window = 100_000;
    let mut side = Sender::new(&[small, large], window);
    let (mut waiting, mut consumed, mut granted) = (VecDeque::new(), 0, window);
    for round in 0..3000 {
        while side.enqueue(NOW, FIRST, bytes(1000)).is_ok() {}
        if round == 200 {
            send(&mut side, 1, 45_000);
        }
        let (frames, records) = drain(&mut side, WHOLE_FRAME);
        waiting.extend(frames.iter().map(|frame| frame.3 as u64 + MESSAGE_OVERHEAD));
        ack(&mut side, &records);
        // The application is slow: credit is what everybody waits for.
        consumed += waiting.drain(..waiting.len().min(10)).sum::<u64>();
        if consumed + window >= granted + window / 4 {
            granted = consumed + window;
            side.on_credit(granted);
        }
        if side.fate(ChannelId(1), MessageId(0)) == Some(Fate::Delivered) {
            return;
        }
    }
    panic!("the large message starves");
}

#[test]
fn the_channel_counters_count_messages_fragments_and_retransmissions() {
    let mut side = ordered();
    send(&mut side, 0, 2000);
    send(&mut side, 0, 5);
    let (_, records) = packet(&mut side);
    lose(&mut side, &records);
    packet(&mut side);
    packet(&mut side);
    let stats = side.stats(FIRST).unwrap();
    assert_eq!((stats.messages, stats.repeated, stats.fragments, stats.in_flight), (2, 1, 3, 2));
    assert_eq!((stats.queued, stats.queued_bytes, side.queued_bytes()), (0, 0, 0));
    assert!(stats.bytes > 3000);
    assert_eq!(side.stats(ChannelId(9)), None);
}
