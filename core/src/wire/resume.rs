//! RESUME frames: the messages of one reliable channel that were received before the session was resumed.

use core::ops::Range;

use super::{Malformed, NoRoom, Reader, Writer};
use crate::event::ChannelId;
use crate::limits;

/// The type byte of RESUME frames.
pub(crate) const RESUME: u8 = 0x07;

/// The number of message ids on the wire. A received message is less than this distance above the floor.
const SPAN: u64 = 1 << 24;

/// A RESUME frame, which reports the messages received on one channel. All messages with ids below `floor` were
/// received. The message with the id `floor` was not received. Of the messages with ids above `floor`, only the
/// messages in the ranges were received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResumeFrame<'a> {
    /// The number of the channel, 0 to 31.
    pub channel: ChannelId,
    /// The low 24 bits of the first message id that was not received.
    pub floor: u32,
    /// The validated ranges as they are on the wire: for each range, a gap and a length.
    ranges: &'a [u8],
}

impl<'a> ResumeFrame<'a> {
    /// Reads the rest of the frame after its type byte.
    ///
    /// # Errors
    /// [`Malformed`] if the frame is cut off, the channel is above 31, there are more than [`limits::RESUME_RANGES`]
    /// ranges, a gap or a length is zero, or the ranges end 2^24 or more above the floor.
    #[cfg_attr(not(feature = "wire-writers"), doc(hidden))]
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let channel = reader.u8()?;
        if usize::from(channel) >= limits::CHANNELS {
            return Err(Malformed);
        }
        let floor = reader.u24()?;
        let count = reader.varint()?;
        if count > limits::RESUME_RANGES as u64 {
            return Err(Malformed);
        }
        let mut start = reader.clone();
        let mut end = 0;
        for _ in 0..count {
            end = read_range(reader, end)?.end;
        }
        let ranges = start.take(start.remaining() - reader.remaining())?;
        Ok(Self { channel: ChannelId(channel), floor, ranges })
    }

    /// Returns the ranges of received message ids above the floor, ascending, as distances from the floor.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u32>> + Clone + use<'a> {
        let mut reader = Reader::new(self.ranges);
        let mut end = 0;
        core::iter::from_fn(move || {
            let range = read_range(&mut reader, end).ok()?;
            end = range.end;
            Some(range)
        })
    }
}

/// Writes the RESUME frame of one channel.
///
/// `ranges` are the received message ids above the floor, ascending, as distances from the floor. Neither the
/// ranges nor the gaps before them are empty, and they end below 2^24. The function writes at most
/// [`limits::RESUME_RANGES`] ranges, nearest to the floor first. The peer resends the messages in further ranges,
/// and this end drops them as duplicates.
///
/// # Errors
/// [`NoRoom`] if the frame does not fit. The buffer then stays unchanged.
pub fn write_resume(
    writer: &mut Writer<'_>,
    channel: ChannelId,
    floor: u32,
    ranges: impl Iterator<Item = Range<u32>> + Clone,
) -> Result<(), NoRoom> {
    let start = writer.written();
    write_fields(writer, channel, floor, ranges.take(limits::RESUME_RANGES))
        .inspect_err(|_| writer.truncate(start))
}

fn write_fields(
    writer: &mut Writer<'_>,
    channel: ChannelId,
    floor: u32,
    ranges: impl Iterator<Item = Range<u32>> + Clone,
) -> Result<(), NoRoom> {
    writer.u8(RESUME)?;
    writer.u8(channel.0)?;
    writer.u24(floor)?;
    writer.varint(ranges.clone().count() as u64)?;
    let mut end = 0;
    for range in ranges {
        debug_assert!(end < range.start && range.start < range.end && u64::from(range.end) < SPAN);
        writer.varint(u64::from(range.start.saturating_sub(end)))?;
        writer.varint(u64::from(range.end.saturating_sub(range.start)))?;
        end = range.end;
    }
    Ok(())
}

/// Reads the range after a range that ended at `end`.
fn read_range(reader: &mut Reader<'_>, end: u32) -> Result<Range<u32>, Malformed> {
    let start = above(end, reader.varint()?)?;
    Ok(start..above(start, reader.varint()?)?)
}

fn above(start: u32, distance: u64) -> Result<u32, Malformed> {
    let sum = u64::from(start).checked_add(distance).filter(|&sum| distance > 0 && sum < SPAN);
    sum.and_then(|sum| u32::try_from(sum).ok()).ok_or(Malformed)
}
