//! Acknowledgements: the packet numbers that a receiver remembers, and the frame that reports them to the sender.

mod bits;
mod ranges;
#[cfg(test)]
mod tests;

use core::ops::RangeInclusive;

use self::bits::BitRanges;
pub use self::ranges::AckRanges;
use super::{Malformed, NoRoom, Reader, Writer, varint_len};
use crate::limits;
use crate::time::{Duration, Instant, Span};

/// The lowest type byte of ACK frames with ranges. The low four bits of the type byte hold the number of ranges after
/// the first range.
pub const ACK: u8 = 0x20;
/// The bit of an ACK frame's type byte that is set if the ECN counts follow the ranges.
pub(crate) const ACK_MARKS: u8 = 0x10;
/// The highest type byte of ACK frames with ranges. If the low four bits of the type byte are 15, a varint follows, and
/// the number of ranges after the first range is 15 plus the varint.
pub const ACK_LAST: u8 = 0x3f;
/// The type byte of ACK frames with a bitmap of packet numbers, without ECN counts.
pub const ACK_BITS: u8 = 0x40;
/// The type byte of ACK frames with a bitmap of packet numbers, with ECN counts.
pub const ACK_BITS_MARKS: u8 = ACK_BITS | ACK_MARKS;

const COUNT_IN_TYPE: u64 = 15;
const DELAY_UNIT_US: u64 = 8;
const TIME_MASK: u64 = (1 << 24) - 1;
/// The largest number of ranges after the first range.
const FURTHER_MAX: u64 = limits::ACK_RANGES as u64 - 1;
/// The value of [`AckFrame::further`] in a frame with a bitmap.
const IN_BITS: u64 = u64::MAX;

/// The counts of packets received with ECN bits (RFC 3168 section 5), as in RFC 9000 section 19.3.2 but without ECT(1).
/// The counts begin with the first packet under a connection's keys, and include all paths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EcnCounts {
    /// The number of packets received with ECT(0): ECN-capable and not marked.
    pub capable: u64,
    /// The number of packets received with the mark CE: congestion experienced.
    pub experienced: u64,
}

/// Writes an ACK frame with as many of `ranges` as fit, the newest first. Returns the lowest packet number that the
/// frame acknowledges. If there are more than [`limits::ACK_RANGES`] ranges, and a bitmap with one
/// bit for each packet number reaches as low as the ranges that fit, the function writes the bitmap instead. If there are no ranges, the function writes nothing and returns [`u64::MAX`].
///
/// `delay` is the time from the receipt of the largest packet number at `receive_time`, by the receiver's clock, to
/// now. The frame takes at least 8 bytes, and 2 more bytes with `marks`.
///
/// # Errors
/// [`NoRoom`] if not even the first range fits. The function then writes nothing.
pub(crate) fn write_ack(
    ranges: &AckRanges,
    delay: Span,
    receive_time: Instant,
    marks: Option<EcnCounts>,
    writer: &mut Writer<'_>,
) -> Result<u64, NoRoom> {
    let Some((&(mut start, largest), _)) = ranges.ranges.split_last() else { return Ok(u64::MAX) };
    let delay_units = delay.as_micros() / DELAY_UNIT_US;
    let first = largest - start;
    let marks_len = marks.map_or(0, |marks| varint_len(marks.capable) + varint_len(marks.experienced));
    let fixed = 1 + 2 + varint_len(delay_units) + 3 + marks_len;
    let room = writer.remaining().checked_sub(fixed + varint_len(first)).ok_or(NoRoom)?;
    let further = further_that_fit(ranges, room);
    if ranges.len() > limits::ACK_RANGES {
        let bytes = bits::bytes_that_fit(ranges, writer.remaining() - fixed);
        // Where few of many numbers are missing, ranges may reach farther.
        if ranges.len() as u64 > further + 1
            && bytes > 0
            && reaches(ranges, bytes) <= start_of(ranges, further)
        {
            return write_bits(ranges, (delay_units, receive_time), marks, bytes, writer);
        }
    }

    writer.u8(type_of(further, marks))?;
    if let Some(more) = further.checked_sub(COUNT_IN_TYPE) {
        writer.varint(more)?;
    }
    writer.u16(largest as u16)?;
    writer.varint(delay_units)?;
    writer.u24((receive_time.as_micros() & TIME_MASK) as u32)?;
    writer.varint(first)?;
    for range in ranges.iter().skip(1).take(further as usize) {
        writer.varint(start - range.end() - 2)?;
        writer.varint(range.end() - range.start())?;
        start = *range.start();
    }
    write_marks(marks, writer)?;
    Ok(start)
}

/// Returns the lowest packet number that a bitmap of `bytes` bytes covers.
fn reaches(ranges: &AckRanges, bytes: usize) -> u64 {
    ranges.largest().unwrap_or(0).saturating_sub(8 * bytes as u64)
}

/// Returns the start of the range with the index `further`, counted from 0 at the newest range.
fn start_of(ranges: &AckRanges, further: u64) -> u64 {
    ranges.iter().nth(further as usize).map_or(0, |range| *range.start())
}

#[cold]
fn write_bits(
    ranges: &AckRanges,
    (delay_units, receive_time): (u64, Instant),
    marks: Option<EcnCounts>,
    bytes: usize,
    writer: &mut Writer<'_>,
) -> Result<u64, NoRoom> {
    writer.u8(if marks.is_some() { ACK_BITS_MARKS } else { ACK_BITS })?;
    writer.u16(ranges.largest().unwrap_or(0) as u16)?;
    writer.varint(delay_units)?;
    writer.u24((receive_time.as_micros() & TIME_MASK) as u32)?;
    writer.varint(bytes as u64)?;
    let field = writer.slot(bytes)?;
    field.fill(0);
    let lowest = bits::fill(ranges, field);
    write_marks(marks, writer)?;
    Ok(lowest)
}

fn type_of(further: u64, marks: Option<EcnCounts>) -> u8 {
    ACK | if marks.is_some() { ACK_MARKS } else { 0 } | further.min(COUNT_IN_TYPE) as u8
}

fn write_marks(marks: Option<EcnCounts>, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    let Some(marks) = marks else { return Ok(()) };
    writer.varint(marks.capable)?;
    writer.varint(marks.experienced)
}

/// Returns the number of ranges after the first range that fit into `room` bytes and into a frame.
fn further_that_fit(ranges: &AckRanges, mut room: usize) -> u64 {
    let above = ranges.iter().map(|range| *range.start());
    let mut further = 0;
    if ranges.len() == 1 {
        return further;
    }
    for (range, start_above) in ranges.iter().skip(1).take(FURTHER_MAX as usize).zip(above) {
        let count = if further + 1 == COUNT_IN_TYPE { 1 } else { 0 };
        let gap = varint_len(start_above - range.end() - 2);
        let Some(rest) = room.checked_sub(count + gap + varint_len(range.end() - range.start())) else {
            break;
        };
        room = rest;
        further += 1;
    }
    further
}

/// An ACK frame, which reports the packet numbers that its sender received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AckFrame<'a> {
    /// The low 16 bits of the largest packet number acknowledged.
    pub largest: u16,
    /// The time from the receipt of the largest packet number to the sending of the frame, a multiple of 8 µs.
    pub(crate) delay: Span,
    /// The low 24 bits of the time at which the largest packet number was received, in µs by the clock of the
    /// frame's sender.
    pub receive_time_low24: u32,
    /// The number of ranges after the first range, at most [`limits::ACK_RANGES`] - 1, or [`IN_BITS`] in a frame with
    /// a bitmap.
    further: u64,
    /// The varints of all ranges, which [`AckFrame::read`] has validated, or the bitmap.
    ranges: &'a [u8],
    /// The ECN counts, if the frame contains them.
    pub marks: Option<EcnCounts>,
}

impl<'a> AckFrame<'a> {
    /// Returns the time from the receipt of the largest packet number to the sending of the frame, a multiple of 8 µs.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        self.delay.duration()
    }

    /// Reads the rest of the frame, whose type byte `first` is [`ACK`] to [`ACK_LAST`], [`ACK_BITS`], or
    /// [`ACK_BITS_MARKS`].
    ///
    /// # Errors
    /// [`Malformed`] if the frame is cut off, or has more than [`limits::ACK_RANGES`] ranges, more than
    /// [`limits::ACK_BITMAP`] bytes of bits, or a delay above 2^62 µs.
    #[cfg_attr(not(feature = "wire-writers"), doc(hidden))]
    pub fn read(first: u8, reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        if first & ACK_BITS != 0 {
            return Self::read_bits(first, reader);
        }
        let mut further = u64::from(first & 0x0f);
        if further == COUNT_IN_TYPE {
            further = reader.varint()?.checked_add(COUNT_IN_TYPE).ok_or(Malformed)?;
        }
        if further > FURTHER_MAX {
            return Err(Malformed);
        }
        let (largest, delay, receive_time_low24) = read_times(reader)?;
        let mut start = reader.clone();
        for _ in 0..=2 * further {
            reader.varint()?;
        }
        let ranges = start.take(start.remaining() - reader.remaining())?;
        let marks = read_marks(first, reader)?;
        Ok(Self { largest, delay, receive_time_low24, further, ranges, marks })
    }

    #[cold]
    fn read_bits(first: u8, reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (largest, delay, receive_time_low24) = read_times(reader)?;
        let ranges = reader.sized(limits::ACK_BITMAP)?;
        let marks = read_marks(first, reader)?;
        Ok(Self { largest, delay, receive_time_low24, further: IN_BITS, ranges, marks })
    }

    /// Writes the frame in the same form (ranges or bitmap) in which it was read.
    ///
    /// # Errors
    /// [`NoRoom`] if the frame does not fit. The buffer then ends with an incomplete frame.
    #[cfg_attr(not(feature = "wire-writers"), doc(hidden))]
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let is_bits = self.further == IN_BITS;
        if is_bits {
            writer.u8(if self.marks.is_some() { ACK_BITS_MARKS } else { ACK_BITS })?;
        } else {
            writer.u8(type_of(self.further, self.marks))?;
            if let Some(more) = self.further.checked_sub(COUNT_IN_TYPE) {
                writer.varint(more)?;
            }
        }
        writer.u16(self.largest)?;
        writer.varint(self.delay.as_micros() / DELAY_UNIT_US)?;
        writer.u24(self.receive_time_low24)?;
        if is_bits {
            writer.varint(self.ranges.len() as u64)?;
        }
        writer.bytes(self.ranges)?;
        write_marks(self.marks, writer)
    }

    /// Returns the ranges of acknowledged packet numbers, the newest first. The caller is a sender whose next packet
    /// has the number `next_packet_number`. If a range goes below zero, the iterator returns an error and ends.
    ///
    /// The frame holds only the low 16 bits of the largest packet number. The iterator assumes the number in
    /// (`next_packet_number` - 2^15, `next_packet_number` + 2^15] that ends in these bits. If the first range ends at
    /// `next_packet_number` or above, the frame acknowledges a packet that was never sent.
    pub fn ranges(
        &self,
        next_packet_number: u64,
    ) -> impl Iterator<Item = Result<RangeInclusive<u64>, Malformed>> + use<'a> {
        let largest = expand_largest(self.largest, next_packet_number);
        if self.further == IN_BITS {
            Ranges::Bits(BitRanges::new(self.ranges, largest))
        } else {
            Ranges::Listed { reader: Reader::new(self.ranges), end: Some(largest) }
        }
    }
}

/// Reads the first fields of an ACK frame: the low bits of the largest packet number, the delay, and the receive
/// time.
#[inline]
fn read_times(reader: &mut Reader<'_>) -> Result<(u16, Span, u32), Malformed> {
    let largest = reader.u16()?;
    let delay_us = reader.varint()?.checked_mul(DELAY_UNIT_US).and_then(Instant::from_micros);
    let delay = delay_us.ok_or(Malformed)?.since(Instant::ZERO);
    Ok((largest, delay, reader.u24()?))
}

fn read_marks(first: u8, reader: &mut Reader<'_>) -> Result<Option<EcnCounts>, Malformed> {
    if first & ACK_MARKS == 0 {
        return Ok(None);
    }
    Ok(Some(EcnCounts { capable: reader.varint()?, experienced: reader.varint()? }))
}

/// Returns the highest packet number up to 2^15 above `next_packet_number` that ends in `largest`.
///
/// # Errors
/// [`Malformed`] if that number would be below zero.
fn expand_largest(largest: u16, next_packet_number: u64) -> Result<u64, Malformed> {
    let most = next_packet_number.saturating_add(1 << 15);
    most.checked_sub(u64::from((most as u16).wrapping_sub(largest))).ok_or(Malformed)
}

enum Ranges<'a> {
    Listed {
        reader: Reader<'a>,
        /// The end of the next range, or `None` after an error.
        end: Option<Result<u64, Malformed>>,
    },
    Bits(BitRanges<'a>),
}

impl Iterator for Ranges<'_> {
    type Item = Result<RangeInclusive<u64>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let (reader, next_end) = match self {
            Self::Listed { reader, end } => (reader, end),
            Self::Bits(bits) => return bits.next(),
        };
        let range = next_end.take()?.and_then(|end| {
            let start = end.checked_sub(reader.varint()?).ok_or(Malformed)?;
            if !reader.is_empty() {
                *next_end = Some(reader.varint().and_then(|gap| below(start, gap)));
            }
            Ok(start..=end)
        });
        Some(range)
    }
}

/// Returns the end of the range below `start`, after a gap of `gap` + 1 missing packet numbers.
fn below(start: u64, gap: u64) -> Result<u64, Malformed> {
    start.checked_sub(2).and_then(|highest| highest.checked_sub(gap)).ok_or(Malformed)
}
