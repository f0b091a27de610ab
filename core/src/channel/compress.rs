//! Payloads of compressed channels. If the first byte is 0, the uncompressed message follows. If the first byte is 1,
//! the length of the message as a varint follows, and then an LZ4 block.
//!
//! The encoder is our own because the block that `lz4_flex` writes depends on the target's word size and byte order,
//! and the same calls must give the same bytes on every target. Every target decodes a block to the same result.

use alloc::vec::Vec;

use bytes::Bytes;

use super::arena::{self, Pool};
use crate::event::Violation;
use crate::limits::{ARENA_SHARED, COMPRESS_MAX};
use crate::wire::{Reader, Writer};

/// The length in bytes below which messages are sent uncompressed, because compression would save little.
const WORTHWHILE: usize = 64;
const RAW: u8 = 0;
const BLOCK: u8 = 1;
/// The minimum length of an LZ4 match, in bytes.
const MATCH_MIN: usize = 4;
/// The minimum distance from the start of the final LZ4 match to the end of the message, in bytes.
const MATCH_MARGIN: usize = 12;
/// The number of bytes at the end of an LZ4 block that must be literals.
const TAIL: usize = 5;
/// The maximum distance back to an LZ4 match, in bytes.
const REACH: usize = 65_535;

/// A compressor, which reuses its hash table for each message.
#[derive(Debug, Default)]
pub(super) struct Compressor {
    /// The latest position in the message of four bytes with each hash, plus one. 0 means no position.
    table: Vec<u32>,
    block: Vec<u8>,
    chunks: Pool,
}

impl Compressor {
    /// Returns the payload that a compressed channel sends for `message`.
    pub(super) fn payload(&mut self, message: &[u8]) -> Bytes {
        let mut length = [0; 9];
        let mut writer = Writer::new(&mut length);
        let written = writer.varint(message.len() as u64).map_or(0, |()| writer.written());
        let (length, _) = length.split_at(written);
        let room = message.len().saturating_sub(written);
        let is_block = (WORTHWHILE..=COMPRESS_MAX).contains(&message.len()) && self.compress(message, room);
        let (kind, length, rest) =
            if is_block { ([BLOCK], length, self.block.as_slice()) } else { ([RAW], [].as_slice(), message) };
        let (parts, size) = ([&kind, length, rest].into_iter(), 1 + length.len() + rest.len());
        let payload =
            if size > ARENA_SHARED { arena::own(parts, size) } else { self.chunks.concat(parts, size) };
        if self.block.capacity() > REACH {
            self.block = Vec::new();
        }
        payload
    }

    /// Compresses `message` into `self.block`. Returns `true` if the block takes less than `room` bytes.
    fn compress(&mut self, message: &[u8], room: usize) -> bool {
        let bits = message.len().ilog2().clamp(8, 12);
        self.table.clear();
        self.table.resize(1 << bits, 0);
        self.block.clear();
        let limit = message.len().saturating_sub(MATCH_MARGIN);
        let (mut at, mut anchor, mut misses) = (0usize, 0usize, 0usize);
        while at < limit && self.block.len() < room {
            let Some(found) = self.find(message, at, bits) else {
                // The longer nothing is found, the faster it is given up.
                at += 1 + (misses >> 6);
                misses += 1;
                continue;
            };
            misses = 0;
            let end = message.len() - TAIL;
            let length = common(message, found, at, end);
            self.sequence(message.get(anchor..at).unwrap_or_default(), Some((at - found, length)));
            at += length;
            anchor = at;
        }
        self.sequence(message.get(anchor..).unwrap_or_default(), None);
        self.block.len() < room
    }

    /// Returns the latest earlier position with the same four bytes as the position `at`, if the distance is at most
    /// [`REACH`]. Records the position `at` in the table.
    fn find(&mut self, message: &[u8], at: usize, bits: u32) -> Option<usize> {
        let here = four(message, at)?;
        let hash = here.wrapping_mul(2_654_435_761) >> (32 - bits);
        let slot = self.table.get_mut(hash as usize)?;
        let last = core::mem::replace(slot, at as u32 + 1).checked_sub(1)? as usize;
        (at - last <= REACH && four(message, last)? == here).then_some(last)
    }

    fn sequence(&mut self, literals: &[u8], copy: Option<(usize, usize)>) {
        let extra = copy.map_or(0, |(_, length)| length - MATCH_MIN);
        self.block.push((literals.len().min(15) << 4 | extra.min(15)) as u8);
        self.long(literals.len());
        self.block.extend_from_slice(literals);
        if let Some((offset, _)) = copy {
            self.block.extend_from_slice(&(offset as u16).to_le_bytes());
            self.long(extra);
        }
    }

    fn long(&mut self, length: usize) {
        let Some(mut rest) = length.checked_sub(15) else { return };
        while rest >= 255 {
            self.block.push(255);
            rest -= 255;
        }
        self.block.push(rest as u8);
    }
}

fn four(message: &[u8], at: usize) -> Option<u32> {
    message.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// Returns the number of equal bytes from the positions `one` and `other` on. The comparison from `other` stops at
/// `end`.
fn common(message: &[u8], one: usize, other: usize, end: usize) -> usize {
    let ahead = message.get(other..end).unwrap_or_default();
    let behind = message.get(one..).unwrap_or_default();
    ahead.iter().zip(behind).take_while(|(a, b)| a == b).count()
}

/// A received payload of a compressed channel, which is validated but not decompressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packed<'a> {
    /// The uncompressed message.
    Raw(&'a [u8]),
    /// A block that decompresses to `length` bytes according to its header. [`Self::open`] rejects a `length` that a
    /// block of this size cannot reach.
    Block {
        /// The length of the message according to the header, in bytes.
        length: usize,
        /// The LZ4 block.
        block: &'a [u8],
    },
}

impl<'a> Packed<'a> {
    /// Parses and validates the header of `payload`. `most` is the length of the largest message, in bytes.
    pub(super) fn open(payload: &'a [u8], most: usize) -> Result<Self, Violation> {
        let mut reader = Reader::new(payload);
        let packed = match reader.u8() {
            Ok(RAW) => Self::Raw(reader.rest()),
            Ok(BLOCK) => {
                let length = reader.varint().ok().and_then(|length| usize::try_from(length).ok());
                Self::Block { length: length.ok_or(Violation::InvalidMessages)?, block: reader.rest() }
            }
            _ => return Err(Violation::InvalidMessages),
        };
        match packed {
            Self::Raw(message) if message.len() > most => Err(Violation::MessageTooLarge),
            // No byte of a block stands for more than 255, and a block that saves nothing is never sent.
            Self::Block { length, block }
                if length > most
                    || length > COMPRESS_MAX
                    || length <= block.len()
                    || length > block.len().saturating_mul(255) =>
            {
                Err(Violation::InvalidMessages)
            }
            _ => Ok(packed),
        }
    }

    /// Returns the length of the message in bytes, according to the header.
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Raw(message) => message.len(),
            Self::Block { length, .. } => *length,
        }
    }

    /// Returns the message. Decompresses a block into `room`.
    pub(super) fn unpack<'b>(self, room: &'b mut Vec<u8>) -> Result<&'b [u8], Violation>
    where
        'a: 'b,
    {
        match self {
            Self::Raw(message) => Ok(message),
            Self::Block { length, block } => {
                room.clear();
                room.resize(length, 0);
                match lz4_flex::block::decompress_into(block, room) {
                    Ok(written) if written == length => Ok(room),
                    _ => Err(Violation::InvalidMessages),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use quickcheck::quickcheck;

    use super::*;

    fn unpack(payload: &[u8], most: usize) -> Result<Bytes, Violation> {
        Packed::open(payload, most)?.unpack(&mut Vec::new()).map(Bytes::copy_from_slice)
    }

    fn text(seed: u32, length: usize) -> Vec<u8> {
        let words = ["tick ", "wire ", "channel ", "reliable ", "of ", "the ", "packet ", "12345 "];
        let mut state = seed | 1;
        let mut text = Vec::new();
        while text.len() < length {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.extend_from_slice(words[(state >> 29) as usize].as_bytes());
            text.push((state >> 16) as u8);
        }
        text.truncate(length);
        text
    }

    #[test]
    fn a_compressed_payload_round_trips_at_every_size_around_the_boundaries_of_the_format() {
        let mut compressor = Compressor::default();
        for length in (0..700).chain([4096, 65_535, 65_536, 70_000, 200_000]) {
            for message in [vec![7; length], text(length as u32, length)] {
                let payload = compressor.payload(&message);
                assert_eq!(unpack(&payload, 1 << 20).unwrap(), message, "{length}");
            }
        }
    }

    #[test]
    fn only_payloads_that_shrink_are_sent_compressed() {
        let mut compressor = Compressor::default();
        assert!(compressor.payload(&vec![0; 100_000]).len() < 420);
        for length in [200, 1000, 10_000, 200_000] {
            let message = text(1, length);
            let peer = lz4_flex::block::compress_into(&message, &mut vec![0; 2 * length]).unwrap();
            let ours = compressor.payload(&message).len();
            assert!(ours <= peer + peer / 20 + 4, "{length}: {ours} bytes, {peer} by others");
            assert!(length < 1000 || ours < length * 3 / 4);
        }
        let mut noise = vec![0; 10_000];
        crate::rng::Rng::from_seed([7; 32]).fill(&mut noise);
        assert_eq!(compressor.payload(&noise).len(), 10_001);
        assert_eq!(compressor.payload(&[0; 63]).len(), 64);
        assert_eq!(compressor.payload(&vec![0; COMPRESS_MAX + 1]).len(), COMPRESS_MAX + 2);
    }

    #[test]
    fn the_compressed_bytes_of_a_message_do_not_depend_on_earlier_messages() {
        let mut used = Compressor::default();
        used.payload(&text(3, 50_000));
        for length in [100, 1000, 70_000] {
            let message = text(9, length);
            assert_eq!(used.payload(&message), Compressor::default().payload(&message));
        }
    }

    #[test]
    fn a_declared_length_above_the_limit_or_255_times_the_compressed_length_is_refused() {
        let claim = |length: u64, block: &[u8]| {
            let mut bytes = vec![0; 16];
            let mut writer = Writer::new(&mut bytes);
            writer.u8(BLOCK).unwrap();
            writer.varint(length).unwrap();
            writer.bytes(block).unwrap();
            let written = writer.written();
            bytes.truncate(written);
            Packed::open(&bytes, 1 << 20).map(|packed| packed.len())
        };
        assert_eq!(claim(u64::MAX, b"abc"), Err(Violation::InvalidMessages));
        assert_eq!(claim((1 << 20) + 1, b"abc"), Err(Violation::InvalidMessages));
        assert_eq!(claim(3 * 255 + 1, b"abc"), Err(Violation::InvalidMessages));
        assert_eq!(claim(3 * 255, b"abc"), Ok(765));
    }

    #[test]
    fn a_compressed_block_whose_size_differs_from_its_declared_size_is_invalid() {
        let payload = Compressor::default().payload(&vec![5; 1000]);
        let claim = |length: u16| {
            let mut changed = payload.to_vec();
            changed[1..3].copy_from_slice(&[0x80 | (length & 0x3f) as u8, (length >> 6) as u8]);
            unpack(&changed, 1 << 20)
        };
        assert!(claim(1000).is_ok());
        assert_eq!(claim(999), Err(Violation::InvalidMessages));
        assert_eq!(claim(1001), Err(Violation::InvalidMessages));
        assert_eq!(unpack(&[], 10), Err(Violation::InvalidMessages));
        assert_eq!(unpack(&[2, 1], 10), Err(Violation::InvalidMessages));
        assert_eq!(unpack(&[0, 1, 2], 1), Err(Violation::MessageTooLarge));
    }

    quickcheck! {
        fn no_compressed_payload_causes_a_panic_or_exceeds_the_size_limit(payload: Vec<u8>, length: u8) -> bool {
            let _ = unpack(&payload, 1000);
            let hinted = [&[BLOCK, length & 0x7f], payload.as_slice()].concat();
            !unpack(&hinted, 1000).is_ok_and(|message| message.len() > 1000)
        }
    }
}
