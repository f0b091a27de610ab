//! Tests of the receiving side alone, mostly against peers that send false data.

mod crowd;
mod idle;
mod unreliable;

use alloc::vec;
use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::*;
use crate::channel::compress::Compressor;
use crate::limits::{
    HELD_FREE, HELD_PER_RECEIVED, MESSAGE_OVERHEAD, PAGE_LEAST, REASSEMBLY_OVERHEAD, REASSEMBLY_RANGES,
    RELIABLE_WINDOW, RESUME_RANGES, UNRELIABLE_BACKLOG, UNRELIABLE_REASSEMBLIES, UNRELIABLE_REASSEMBLY_BYTES,
};
use crate::time::Span;

const MOST: usize = 1 << 20;
const WINDOW: u64 = 4 << 20;
const NOW: Instant = Instant::ZERO;
const ORDERED: u8 = 0;
const UNORDERED: u8 = 1;
const SEQUENCED: u8 = 2;
const UNRELIABLE: u8 = 3;
const COMPRESSED: u8 = 4;

struct Peer {
    side: ReceiveSide,
    arena: Arena,
    now: Instant,
}

impl Peer {
    fn new(window: u64) -> Self {
        let mut channels = [
            Delivery::ReliableOrdered,
            Delivery::ReliableUnordered,
            Delivery::Sequenced,
            Delivery::Unreliable,
            Delivery::ReliableOrdered,
        ]
        .map(ChannelConfig::new);
        channels[usize::from(COMPRESSED)].compress = true;
        Self { side: ReceiveSide::new(channels.into(), MOST, window), arena: Arena::default(), now: NOW }
    }

    fn frame(
        &mut self,
        channel: u8,
        id: Option<u32>,
        part: MessagePart,
        data: &[u8],
    ) -> Result<Receipt, Violation> {
        let frame = MessageFrame { channel: ChannelId(channel), id, part, data };
        self.side.on_message(self.now, &frame, &mut self.arena)
    }

    fn whole(&mut self, channel: u8, id: u32, data: &[u8]) -> Result<Receipt, Violation> {
        self.frame(channel, Some(id), MessagePart::Whole, data)
    }

    fn part(
        &mut self,
        channel: u8,
        id: u32,
        total: u64,
        offset: u64,
        data: &[u8],
    ) -> Result<Receipt, Violation> {
        self.frame(channel, Some(id), MessagePart::Fragment { total, offset }, data)
    }

    fn unreliable(&mut self, data: &[u8]) -> Result<Receipt, Violation> {
        self.frame(UNRELIABLE, None, MessagePart::Whole, data)
    }

    fn popped(&mut self) -> Vec<Bytes> {
        core::iter::from_fn(|| self.side.pop()).map(|(_, message)| message).collect()
    }
}

fn peer() -> Peer {
    Peer::new(WINDOW)
}

#[test]
fn a_fragment_past_the_end_of_its_message_is_a_violation() {
    for channel in [ORDERED, UNORDERED, SEQUENCED, UNRELIABLE] {
        assert_eq!(peer().part(channel, 0, 10, 5, &[0; 6]), Err(Violation::BadFragment));
        assert_eq!(peer().part(channel, 0, 10, u64::MAX, &[0; 6]), Err(Violation::BadFragment));
    }
}

#[test]
fn a_fragment_that_changes_the_size_of_its_message_is_a_violation() {
    for channel in [ORDERED, UNORDERED, SEQUENCED, UNRELIABLE] {
        let mut peer = peer();
        assert_eq!(peer.part(channel, 0, 1000, 0, &[0; 100]), Ok(Receipt::Taken));
        assert_eq!(peer.part(channel, 0, 1001, 100, &[0; 100]), Err(Violation::BadFragment));
    }
    let mut peer = peer();
    peer.part(ORDERED, 0, 1000, 0, &[0; 100]).unwrap();
    assert_eq!(peer.whole(ORDERED, 0, &[0; 999]), Err(Violation::BadFragment));
}

#[test]
fn a_large_declared_message_length_reserves_memory_only_for_received_bytes() {
    for channel in [ORDERED, UNORDERED, SEQUENCED, UNRELIABLE] {
        let mut peer = peer();
        peer.part(channel, 0, MOST as u64, 70_000, &[0; 100]).unwrap();
        assert!(peer.side.memory() <= 300, "{}", peer.side.memory());
        let more = MOST as u64 + 1;
        assert_eq!(peer.part(channel, 1, more, 0, &[0; 100]), Err(Violation::MessageTooLarge));
        assert_eq!(peer.part(channel, 1, u64::MAX, 0, &[0; 100]), Err(Violation::MessageTooLarge));
    }
}

#[test]
fn a_message_above_the_negotiated_size_limit_is_a_violation() {
    let large = vec![0; MOST + 2];
    assert_eq!(peer().whole(ORDERED, 0, &large), Err(Violation::MessageTooLarge));
    assert_eq!(peer().unreliable(&large), Err(Violation::MessageTooLarge));
    assert_eq!(peer().whole(COMPRESSED, 0, &large), Err(Violation::MessageTooLarge));
    assert_eq!(peer().whole(COMPRESSED, 0, &large[..=MOST]), Ok(Receipt::Taken));
}

#[test]
fn a_reliable_message_id_is_accepted_only_between_the_lowest_missing_id_and_the_end_of_the_window() {
    for channel in [ORDERED, UNORDERED] {
        let mut peer = peer();
        assert_eq!(peer.whole(channel, RELIABLE_WINDOW - 1, b""), Ok(Receipt::Taken));
        assert_eq!(peer.whole(channel, RELIABLE_WINDOW, b""), Err(Violation::CreditExceeded));
        assert_eq!(peer.part(channel, RELIABLE_WINDOW, 100, 0, b"1"), Err(Violation::CreditExceeded));
        assert_eq!(peer.whole(channel, 1 << 23, b""), Err(Violation::CreditExceeded));
        assert_eq!(peer.whole(channel, (1 << 24) - 1, b""), Err(Violation::CreditExceeded));
        assert_eq!(peer.whole(channel, RELIABLE_WINDOW - 1, b""), Ok(Receipt::Duplicate));
        assert_eq!(peer.whole(channel, 0, b""), Ok(Receipt::Taken));
        assert_eq!(peer.whole(channel, 0, b""), Ok(Receipt::Duplicate));
        assert_eq!(peer.part(channel, 0, 100, 0, b"1"), Ok(Receipt::Duplicate));
        assert_eq!(peer.whole(channel, RELIABLE_WINDOW, b""), Ok(Receipt::Taken));
        assert_eq!(peer.side.stats(ChannelId(channel)).unwrap().duplicates, 3);
    }
}

#[test]
fn data_beyond_the_granted_flow_control_credit_is_a_violation() {
    let mut peer = Peer::new(1000);
    assert_eq!(peer.whole(ORDERED, 0, &[0; 436]), Ok(Receipt::Taken));
    assert_eq!(peer.part(UNORDERED, 0, 436, 0, &[0; 64]), Ok(Receipt::Taken));
    assert_eq!(peer.part(UNORDERED, 0, 436, 64, &[0; 64]), Ok(Receipt::Taken), "charged once");
    assert_eq!(peer.whole(UNORDERED, 1, b""), Err(Violation::CreditExceeded));
}

#[test]
fn new_credit_is_due_when_the_application_has_read_a_quarter_of_the_flow_control_window() {
    let mut peer = Peer::new(1000);
    peer.whole(ORDERED, 0, &[0; 100]).unwrap();
    peer.whole(ORDERED, 2, &[0; 100]).unwrap();
    assert_eq!(peer.popped().len(), 1);
    assert_eq!(peer.side.grant_due(), None);
    peer.whole(ORDERED, 1, &[0; 100]).unwrap();
    assert_eq!(peer.side.grant_due(), None, "nobody took it yet");
    assert_eq!(peer.popped().len(), 2);
    assert_eq!(peer.side.grant_due(), Some(1492));
    assert_eq!(peer.whole(ORDERED, 3, &[0; 500]), Err(Violation::CreditExceeded), "due is not granted");
    peer.side.on_grant_sent(1492);
    assert_eq!(peer.side.grant_due(), None);
    peer.side.on_grant_lost();
    assert_eq!(peer.side.grant_due(), Some(1492));
    assert_eq!(peer.whole(ORDERED, 3, &[0; 500]), Ok(Receipt::Taken), "it may have arrived");
}

#[test]
fn a_channel_accepts_only_the_frame_kinds_of_its_delivery_guarantee() {
    assert_eq!(peer().whole(UNRELIABLE, 0, b"1"), Err(Violation::BadChannel));
    for channel in [ORDERED, UNORDERED, SEQUENCED] {
        assert_eq!(peer().frame(channel, None, MessagePart::Whole, b"1"), Err(Violation::BadChannel));
    }
    assert_eq!(peer().whole(5, 0, b"1"), Err(Violation::BadChannel));
}

#[test]
fn a_message_at_the_limit_of_received_ranges_accepts_only_fragments_that_extend_a_range() {
    let mut peer = peer();
    let total = MOST as u64;
    // A connection may hold four times the bytes received: those of message 2 earn the room that the crumbs of message 0 take.
    peer.part(UNORDERED, 2, total, 0, &[0; 65_000]).unwrap();
    for crumb in 0..REASSEMBLY_RANGES as u64 {
        assert_eq!(peer.part(UNORDERED, 0, total, 2 * crumb, b"1"), Ok(Receipt::Taken));
    }
    let beyond = 2 * REASSEMBLY_RANGES as u64;
    assert_eq!(peer.part(UNORDERED, 0, total, beyond, b"1"), Ok(Receipt::Refused));
    assert_eq!(peer.part(UNORDERED, 0, total, beyond - 1, b"1"), Ok(Receipt::Taken));
    assert_eq!(peer.part(UNORDERED, 0, total, 1, b"1"), Ok(Receipt::Taken), "a gap is filled");
    assert_eq!(peer.part(UNORDERED, 0, total, beyond + 1, b"1"), Ok(Receipt::Taken), "there is room again");
    assert_eq!(peer.part(UNORDERED, 1, total, beyond, b"1"), Ok(Receipt::Taken), "others have room");
    assert_eq!(peer.whole(ORDERED, 0, b""), Ok(Receipt::Taken));

    for crumb in 0..=REASSEMBLY_RANGES as u64 {
        assert_eq!(peer.part(UNRELIABLE, 0, total, 2 * crumb, b"1"), Ok(Receipt::Taken));
    }
    assert_eq!(peer.side.stats(ChannelId(UNRELIABLE)).unwrap().abandoned, 1);
}

#[test]
fn tiny_fragments_of_many_messages_are_refused_at_the_limit_of_reassembly_memory() {
    let window = 16_000;
    let mut peer = Peer::new(window);
    let total = 2000;
    let mut refused = 0;
    for id in 0..4 {
        for offset in (0..total).step_by(2) {
            refused += u64::from(peer.part(UNORDERED, id, total, offset, b"1").unwrap() == Receipt::Refused);
            assert!(peer.side.memory() <= window * REASSEMBLY_OVERHEAD);
        }
    }
    assert!(refused > 0);
    assert_eq!(peer.whole(ORDERED, 0, b""), Ok(Receipt::Taken));
}

#[test]
fn a_compressed_message_with_an_impossible_length_or_an_unknown_format_is_a_violation() {
    let bomb = |claim: &[u8], block: &[u8]| peer().whole(COMPRESSED, 0, &[&[1], claim, block].concat());
    assert_eq!(bomb(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1], &[0; 1000]), Err(Violation::InvalidMessages));
    assert_eq!(bomb(&[0x7f], &[]), Err(Violation::InvalidMessages));
    assert_eq!(bomb(&[], &[]), Err(Violation::InvalidMessages));
    assert_eq!(peer().whole(COMPRESSED, 0, &[]), Err(Violation::InvalidMessages));
    assert_eq!(peer().whole(COMPRESSED, 0, &[7, 7]), Err(Violation::InvalidMessages));
}

#[test]
fn compressed_messages_use_flow_control_credit_for_their_decompressed_size() {
    let payload = Compressor::default().payload(&vec![0; 100_000]);
    assert!(payload.len() < 500);
    let mut peer = Peer::new(250_000);
    assert_eq!(peer.whole(COMPRESSED, 0, &payload), Ok(Receipt::Taken));
    let half = payload.len() / 2;
    let total = payload.len() as u64;
    assert_eq!(peer.part(COMPRESSED, 1, total, half as u64, &payload[half..]), Ok(Receipt::Taken));
    assert_eq!(peer.part(COMPRESSED, 1, total, 0, &payload[..half]), Ok(Receipt::Taken));
    assert_eq!(peer.side.memory(), 200_128);
    assert_eq!(peer.whole(COMPRESSED, 2, &payload), Err(Violation::CreditExceeded));
    let messages = peer.popped();
    assert!(messages.len() == 2 && messages.iter().all(|message| *message == vec![0; 100_000]));
    assert_eq!(peer.side.grant_due(), Some(250_000 + 200_128));
}

#[test]
fn only_ordered_channels_hold_a_message_back_until_all_earlier_messages_arrived() {
    let mut peer = peer();
    for channel in [ORDERED, UNORDERED] {
        for id in [2, 0, 3, 1, 1] {
            peer.whole(channel, id, &[id as u8]).unwrap();
        }
    }
    let expected = [[0, 1, 2, 3], [2, 0, 3, 1]].concat();
    assert_eq!(peer.popped().concat(), expected);
    assert_eq!(peer.side.floor(ChannelId(ORDERED)), Some(4));
    assert_eq!(peer.side.memory(), 0);
}

#[test]
fn a_message_is_reassembled_from_fragments_that_overlap_and_arrive_in_any_order() {
    for channel in [ORDERED, UNORDERED, SEQUENCED, UNRELIABLE] {
        let message: Vec<u8> = (0..200).collect();
        let mut peer = peer();
        for (start, end) in [(150, 200), (0, 50), (20, 100), (20, 100), (90, 160)] {
            assert!(!peer.side.has_messages());
            peer.part(channel, 0, 200, start as u64, &message[start..end]).unwrap();
        }
        assert_eq!(peer.popped(), [message]);
        assert_eq!(peer.side.memory(), 0);
    }
}

#[test]
fn a_message_that_arrives_whole_after_its_fragments_uses_credit_once() {
    let mut peer = Peer::new(264);
    peer.part(ORDERED, 0, 200, 0, &[0; 100]).unwrap();
    assert_eq!(peer.whole(ORDERED, 0, &[1; 200]), Ok(Receipt::Taken));
    assert_eq!(peer.popped(), [vec![1; 200]]);
    assert_eq!((peer.side.memory(), peer.part(ORDERED, 0, 200, 100, &[0; 100])), (0, Ok(Receipt::Duplicate)));
}

#[test]
fn a_sequenced_channel_delivers_only_newer_messages() {
    let mut peer = peer();
    assert_eq!(peer.whole(SEQUENCED, 5, b"5"), Ok(Receipt::Taken));
    assert_eq!(peer.whole(SEQUENCED, 5, b"5"), Ok(Receipt::Stale));
    assert_eq!(peer.whole(SEQUENCED, 4, b"4"), Ok(Receipt::Stale));
    assert_eq!(peer.part(SEQUENCED, 6, 20, 0, &[6; 10]), Ok(Receipt::Taken));
    assert_eq!(peer.part(SEQUENCED, 8, 20, 0, &[8; 10]), Ok(Receipt::Taken));
    assert_eq!(peer.whole(SEQUENCED, 7, b"7"), Ok(Receipt::Taken));
    assert_eq!(peer.part(SEQUENCED, 6, 20, 10, &[6; 10]), Ok(Receipt::Stale));
    assert_eq!(peer.part(SEQUENCED, 8, 20, 10, &[8; 10]), Ok(Receipt::Taken));
    assert_eq!(peer.popped(), [b"5".to_vec(), b"7".to_vec(), vec![8; 20]]);
    let counters = peer.side.stats(ChannelId(SEQUENCED)).unwrap();
    assert_eq!((counters.stale, counters.abandoned, counters.messages), (3, 1, 3));
    assert_eq!(peer.side.memory(), 0);
}

#[test]
fn a_sequenced_channel_delivers_newer_messages_across_the_wrap_of_its_message_ids() {
    let mut peer = peer();
    peer.side = ReceiveSide::with_first_id(
        [ChannelConfig::new(Delivery::Sequenced)].into(),
        MOST,
        WINDOW,
        (3 << 24) - 2,
    );
    let last = (1 << 24) - 1;
    assert_eq!(peer.whole(0, last - 1, b""), Ok(Receipt::Taken));
    assert_eq!(peer.whole(0, 1, b""), Ok(Receipt::Taken));
    assert_eq!(peer.whole(0, last, b""), Ok(Receipt::Stale));
    assert_eq!(peer.whole(0, 0, b""), Ok(Receipt::Stale));
    assert_eq!(peer.whole(0, 2, b""), Ok(Receipt::Taken));
}

#[test]
fn an_incomplete_reliable_message_has_no_reassembly_timeout() {
    for channel in [ORDERED, UNORDERED] {
        let mut peer = peer();
        peer.part(channel, 0, 200, 0, &[0; 100]).unwrap();
        assert_eq!(peer.side.next_expiry(), None);
        peer.now += Span::from_secs(100_000);
        assert!(!peer.side.expire(peer.now, &mut peer.arena));
        assert_eq!(peer.part(channel, 0, 200, 100, &[0; 100]), Ok(Receipt::Taken));
        assert_eq!(peer.popped(), [vec![0; 200]]);
    }
}

#[test]
fn the_resume_state_lists_the_received_messages() {
    let mut peer = peer();
    for channel in [ORDERED, UNORDERED] {
        for id in [0, 1, 3, 4, 7] {
            peer.whole(channel, id, b"").unwrap();
        }
        peer.part(channel, 5, 200, 0, &[0; 100]).unwrap();
        let ranges: Vec<_> = peer.side.ranges(ChannelId(channel)).collect();
        assert_eq!((peer.side.floor(ChannelId(channel)), ranges), (Some(2), vec![1..3, 5..6]));
        for id in (9..1000).step_by(2) {
            peer.whole(channel, id, b"").unwrap();
        }
        assert_eq!(peer.side.ranges(ChannelId(channel)).count(), RESUME_RANGES);
    }
    assert_eq!(peer.side.floor(ChannelId(SEQUENCED)), None);
    assert_eq!(peer.side.ranges(ChannelId(UNRELIABLE)).count(), 0);
}

#[test]
fn a_resume_refunds_the_credit_of_incomplete_messages() {
    let mut peer = Peer::new(1000);
    peer.part(ORDERED, 0, 400, 0, &[0; 100]).unwrap();
    peer.part(UNRELIABLE, 0, 400, 0, &[0; 100]).unwrap();
    peer.whole(ORDERED, 1, &[1; 300]).unwrap();
    peer.side.begin_resume();
    assert!((300..1000).contains(&peer.side.memory()), "what was received whole stays");
    assert_eq!(peer.side.next_expiry(), None);
    assert_eq!(peer.side.grant_due(), Some(1000), "the last grant may be lost with the transport");
    assert_eq!(peer.part(ORDERED, 0, 400, 100, &[0; 300]), Ok(Receipt::Taken));
    assert_eq!(peer.part(ORDERED, 0, 400, 0, &[0; 100]), Ok(Receipt::Taken));
    assert_eq!(peer.popped().len(), 2);
}

#[test]
fn an_empty_message_is_delivered_on_every_channel() {
    let mut peer = peer();
    peer.whole(ORDERED, 0, b"").unwrap();
    peer.whole(SEQUENCED, 0, b"").unwrap();
    peer.unreliable(b"").unwrap();
    peer.whole(COMPRESSED, 0, &[0]).unwrap();
    assert_eq!(peer.popped(), vec![Bytes::new(); 4]);
}

quickcheck! {
    fn an_arbitrary_frame_increases_memory_by_at_most_the_bound_for_its_length(script: Vec<(u8, u8, u16, u16, u8)>) -> bool {
        let window = 2 * (MOST as u64 + MESSAGE_OVERHEAD);
        let mut peer = Peer::new(window);
        for (channel, id, total, offset, length) in script {
            let data = vec![id; usize::from(length)];
            let channel = channel % 6;
            let id = Some(u32::from(id) % 40).filter(|_| channel != UNRELIABLE || length % 2 == 0);
            let part = if offset % 3 == 0 {
                MessagePart::Whole
            } else {
                MessagePart::Fragment { total: u64::from(total) % 600, offset: u64::from(offset) % 500 }
            };
            let before = peer.side.memory();
            // Nothing takes more than twice what came and its place, or what it unpacks to.
            let most = before + (255 * u64::from(length)).max(600) + 3 * MESSAGE_OVERHEAD;
            let result = peer.frame(channel, id, part, &data);
            if result.is_ok() && peer.side.memory() > most {
                return false;
            }
            peer.now += Span::from_millis(u64::from(length));
            peer.side.expire(peer.now, &mut peer.arena);
            if length == 200 {
                peer.side.pop();
            }
        }
        peer.popped();
        true
    }
}

#[test]
fn the_lowest_missing_id_of_an_unused_reliable_channel_is_its_first_message_id() {
    let channels = [Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::Unreliable];
    let side = ReceiveSide::with_first_id(channels.map(ChannelConfig::new).into(), MOST, WINDOW, 77);
    assert_eq!([0, 1, 2, 3].map(|channel| side.floor(ChannelId(channel))), [Some(77), Some(77), None, None]);
    assert_eq!(side.ranges(ChannelId(0)).count(), 0);
    assert!(side.stats(ChannelId(2)).is_some() && side.stats(ChannelId(3)).is_none());
    assert_eq!(side.channels.iter().count(), 0);
}
