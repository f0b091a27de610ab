//! Fuzzes the parsers of headers, acknowledgements and frames. Each parsed value must encode to the same bytes.

use std::collections::BTreeSet;

use tickwire_core::limits::{ACK_BITMAP, ACK_RANGES, ACK_RANGES_KEPT};
use tickwire_core::wire::writers::{
    ACK, ACK_BITS, ACK_BITS_MARKS, ACK_LAST, AckRanges, Chain, Reader, Writer, encode_packet_number,
    write_ack,
};
use tickwire_core::wire::{
    AckFrame, DataHeader, Frame, FrameReader, PacketKind, classify, decode_packet_number,
};
use tickwire_core::{Duration, Instant};

use crate::Script;

/// Parses arbitrary data packet headers, and encodes and decodes packet numbers. Asserts that a header has exactly one
/// encoding, and that the receiver decodes the packet number that the sender encoded.
pub fn header(bytes: &[u8]) {
    let kind = classify(bytes);
    let header = DataHeader::read(bytes);
    assert!(
        header.is_err() || kind == Some(PacketKind::Data),
        "a packet that is not a data packet has a data header"
    );
    if let Ok(header) = header {
        let mut buffer = [0; DataHeader::MAX_LEN];
        let mut writer = Writer::new(&mut buffer);
        header.write(&mut writer).unwrap();
        let written = writer.written();
        assert_eq!(written, header.header_len());
        assert_eq!(buffer[..written], bytes[..written]);
    }
    let mut script = Script::new(bytes);
    let (acked, ahead, behind) = (script.number(), script.number(), script.number());
    // As a sender may: at most 2^31 packets wait for an acknowledgement.
    let number = acked.saturating_add(ahead % (1 << 31)).max(acked.saturating_add(1));
    let received = number.saturating_sub(1 + behind % (number - acked).max(1));
    let (truncated, length) = encode_packet_number(number, Some(acked));
    if number > acked {
        assert_eq!(decode_packet_number(received.max(acked), truncated, length), number);
    }
    // Any number at all decodes to one that ends in the same bits.
    let decoded = decode_packet_number(script.number(), truncated, length);
    let bits = 8 * u32::from(length);
    assert_eq!(decoded & (u64::MAX >> (64 - bits)), u64::from(truncated));
}

/// Parses arbitrary ACK frames. Asserts that a frame has exactly one encoding, and that its ACK ranges descend without
/// touching each other.
pub fn ack_frame(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let next = script.number();
    let frame = script.rest();
    let mut reader = Reader::new(frame);
    let Ok(first @ (ACK..=ACK_LAST | ACK_BITS | ACK_BITS_MARKS)) = reader.u8() else { return };
    let Ok(ack) = AckFrame::read(first, &mut reader) else { return };
    let used = frame.len() - reader.remaining();
    let mut buffer = vec![0; used];
    let mut writer = Writer::new(&mut buffer);
    ack.write(&mut writer).unwrap();
    assert_eq!(writer.written(), used);
    assert_eq!(buffer, frame[..used], "the frame has a second encoding");
    let mut below: Option<u64> = None;
    let mut count = 0;
    let mut ranges = ack.ranges(next);
    for range in ranges.by_ref() {
        count += 1;
        let Ok(range) = range else { break };
        assert!(range.start() <= range.end());
        match below {
            None => {
                assert_eq!(*range.end() as u16, ack.largest);
                assert!(*range.end() <= next.saturating_add(1 << 15));
                // At the end of all numbers there are fewer above.
                let least = next.saturating_add(1 << 15).saturating_sub(0xffff);
                assert!(*range.end() >= least, "{} for {next}", range.end());
            }
            Some(below) => assert!(range.end().saturating_add(1) < below, "ACK ranges touch or overlap"),
        }
        below = Some(*range.start());
    }
    assert!(ranges.next().is_none(), "the iterator returned ACK ranges after its end");
    assert!(count <= if first <= ACK_LAST { ACK_RANGES } else { 4 * ACK_BITMAP + 1 });
}

/// Compares the packet numbers that a receiver must acknowledge with a reference set, both directly and after an
/// ACK frame was encoded and decoded.
pub fn ack_ranges(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let (mut ranges, mut model) = (AckRanges::default(), Model::default());
    let mut around = 0;
    while !script.is_over() {
        match script.byte() {
            0xff => {
                let below = script.number();
                ranges.remove_below(below);
                model.0 = model.0.split_off(&below);
            }
            0xfe => around = script.number(),
            0xfd => round_trip(&ranges, script.byte()),
            step => {
                let number = around + u64::from(step >> 2).min(u64::MAX - around);
                around = if step & 1 == 0 { number } else { around };
                ranges.insert(number);
                model.insert(number);
            }
        }
        let listed: Vec<_> = ranges.iter().map(|range| (*range.start(), *range.end())).collect();
        assert_eq!(listed, model.ranges());
        assert_eq!(ranges.largest(), model.0.last().copied());
    }
    round_trip(&ranges, 255);
}

#[derive(Default)]
struct Model(BTreeSet<u64>);

impl Model {
    fn insert(&mut self, number: u64) {
        self.0.insert(number);
        let ranges = self.ranges();
        if ranges.len() > ACK_RANGES_KEPT {
            // The oldest eighth of the others gives way, and it with them if it is older.
            let others = ranges.iter().filter(|range| range.0 != number);
            let oldest_kept = others.map(|range| range.0).nth(ACK_RANGES_KEPT - ACK_RANGES_KEPT / 8 - 1);
            let lowest_gone = ranges.iter().map(|range| range.1).find(|end| Some(*end) < oldest_kept);
            let keeps_own = lowest_gone == Some(number);
            self.0.retain(|&other| Some(other) >= oldest_kept || (keeps_own && other == number));
        }
    }

    /// Returns the ranges, the newest first.
    fn ranges(&self) -> Vec<(u64, u64)> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for &number in self.0.iter().rev() {
            match ranges.last_mut() {
                Some((start, _)) if number + 1 == *start => *start = number,
                _ => ranges.push((number, number)),
            }
        }
        ranges
    }
}

fn round_trip(ranges: &AckRanges, room: u8) {
    let mut buffer = vec![0; usize::from(room) * 2];
    let mut writer = Writer::new(&mut buffer);
    let written = write_ack(ranges, Duration::from_micros(80), Instant::ZERO, None, &mut writer);
    let length = writer.written();
    if written.is_err() || ranges.is_empty() {
        assert_eq!(length, 0, "a failed write left bytes in the buffer");
        return;
    }
    let mut reader = Reader::new(&buffer[..length]);
    let first = reader.u8().unwrap();
    let ack = AckFrame::read(first, &mut reader).unwrap();
    assert!(reader.is_empty());
    let next = ranges.largest().unwrap().saturating_add(1);
    let read: Vec<_> = ack.ranges(next).map(Result::unwrap).collect();
    assert!(!read.is_empty());
    // Bits may end within a range.
    let lowest = written.unwrap();
    let told = ranges.iter().take_while(|range| *range.end() >= lowest);
    let told = told.map(|range| (*range.start()).max(lowest)..=*range.end());
    assert!(told.eq(read.iter().cloned()), "the decoded ACK ranges differ from the encoded ranges");
}

/// Parses the frames of an arbitrary packet. Asserts that each frame has exactly one encoding.
pub fn frame(bytes: &[u8]) {
    let mut reader = FrameReader::new(bytes);
    let mut chain = Chain::default();
    let mut at = 0;
    while let Some(frame) = reader.next() {
        let Ok(frame) = frame else {
            assert!(reader.next().is_none(), "the reader returned a frame after a malformed frame");
            return;
        };
        let end = bytes.len() - reader.remaining();
        let source = &bytes[at..end];
        at = end;
        if frame == Frame::Padding {
            assert!(!source.is_empty() && source.iter().all(|&byte| byte == 0));
            continue;
        }
        let mut buffer = vec![0; source.len()];
        let mut writer = Writer::new(&mut buffer);
        frame.write(&mut writer, &mut chain).unwrap();
        assert_eq!(writer.written(), source.len(), "{frame:?}");
        assert_eq!(buffer, source, "the frame {frame:?} has a second encoding");
        let mut short = vec![0; source.len() - 1];
        let mut writer = Writer::new(&mut short);
        // A chain that went on would take the next id for the one after.
        let mut unused = Chain::default();
        if !matches!(frame, Frame::Message(_)) {
            assert!(frame.write(&mut writer, &mut unused).is_err());
            assert_eq!(writer.written(), 0);
        }
    }
    assert_eq!(at, bytes.len(), "the frames do not cover all bytes of the packet");
}
