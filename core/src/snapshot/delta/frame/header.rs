//! The ticks at the head of a frame.

use crate::snapshot::delta::fault::SnapshotFault;
use crate::snapshot::entropy::{CodeReader, CodeWriter};

/// The name of a snapshot frame, which consists of a tick and a number. Several frames may carry units of the same tick.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FrameName {
    /// The tick whose state the frame carries.
    pub tick: u32,
    /// The number of the frame among the frames of this tick, counted from 0.
    pub part: u8,
}

/// The header of a snapshot frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FrameHeader {
    /// The name of the frame.
    pub name: FrameName,
    /// The oldest tick that a later frame may refer to. This tick is not above the frame's own tick. The receiver drops
    /// older versions, except for each unit's newest version below the floor.
    pub floor: u32,
    /// The name of a frame that the receiver acknowledged. The tick of the referenced frame is at least the floor,
    /// below the tick of this frame, and at most [`REACH`](Self::REACH) ticks back. Slots of units that both frames
    /// carry take few bits.
    pub reference: Option<FrameName>,
}

/// The number of bits that must be zero. The first is reserved for a list of units that enter or leave, the second for another
/// codec.
const RESERVED_BITS: u32 = 2;
/// The number of low bits of a tick that are sent if the receiver can complete the tick from the newest tick that it received.
const SHORT_TICK_BITS: u32 = 16;
const TICK_ORDER: u32 = 2;
const FLOOR_ORDER: u32 = 3;

impl FrameHeader {
    /// The largest distance from a frame to its reference, in ticks. The receiver's newest tick is between the tick
    /// of the reference and the newest tick that was sent, so the low 16 bits determine the frame's tick.
    pub const REACH: u32 = 1 << (SHORT_TICK_BITS - 2);

    /// Writes the header. Returns `false`, and writes nothing, if the ticks contradict each other.
    pub(super) fn put(&self, out: &mut CodeWriter) -> bool {
        let Self { name, floor, reference } = *self;
        let newest_referable = reference.map_or(name.tick, |reference| reference.tick);
        let is_near = reference
            .is_none_or(|reference| reference.tick < name.tick && name.tick - reference.tick <= Self::REACH);
        if floor > newest_referable || !is_near {
            return false;
        }
        out.put(0, RESERVED_BITS);
        out.put(u64::from(reference.is_some()), 1);
        if let Some(reference) = reference {
            out.put(u64::from(name.tick), SHORT_TICK_BITS);
            out.golomb(name.tick - reference.tick - 1, TICK_ORDER);
            out.golomb(u32::from(reference.part), 0);
        } else {
            out.put(u64::from(name.tick), u32::BITS);
        }
        out.golomb(u32::from(name.part), 0);
        out.golomb(newest_referable - floor, FLOOR_ORDER);
        true
    }

    /// Reads a header; `newest` is the newest tick of a frame that was received.
    pub(super) fn take(reader: &mut CodeReader<'_>, newest: Option<u32>) -> Result<Self, SnapshotFault> {
        if reader.take(RESERVED_BITS)? != 0 {
            return Err(SnapshotFault::Reserved);
        }
        let has_reference = reader.bit()?;
        let (tick, reference) = if has_reference {
            let tick = whole_tick(reader.take(SHORT_TICK_BITS)? as u16, newest)?;
            let back = reader.golomb(TICK_ORDER)?;
            if back >= Self::REACH {
                return Err(SnapshotFault::Tick);
            }
            let reference = tick.checked_sub(back + 1).ok_or(SnapshotFault::Tick)?;
            (tick, Some(FrameName { tick: reference, part: part(reader)? }))
        } else {
            (reader.take(u32::BITS)? as u32, None)
        };
        let name = FrameName { tick, part: part(reader)? };
        let newest_referable = reference.map_or(tick, |reference| reference.tick);
        let floor = newest_referable.checked_sub(reader.golomb(FLOOR_ORDER)?).ok_or(SnapshotFault::Tick)?;
        Ok(Self { name, floor, reference })
    }
}

fn part(reader: &mut CodeReader<'_>) -> Result<u8, SnapshotFault> {
    u8::try_from(reader.golomb(0)?).map_err(|_| SnapshotFault::TooLarge)
}

/// Returns the tick nearest to the newest tick whose low bits are `low`.
fn whole_tick(low: u16, newest: Option<u32>) -> Result<u32, SnapshotFault> {
    let newest = newest.ok_or(SnapshotFault::Tick)?;
    let distance = low.wrapping_sub(newest as u16).cast_signed();
    newest.checked_add_signed(i32::from(distance)).ok_or(SnapshotFault::Tick)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    fn bytes_of(header: &FrameHeader) -> Option<Vec<u8>> {
        let (mut writer, mut bytes) = (CodeWriter::new(), Vec::new());
        let is_possible = header.put(&mut writer);
        writer.finish_into(&mut bytes);
        is_possible.then_some(bytes)
    }

    fn again(header: &FrameHeader, newest: Option<u32>) -> Result<FrameHeader, SnapshotFault> {
        FrameHeader::take(&mut CodeReader::new(&bytes_of(header).unwrap()), newest)
    }

    #[test]
    fn a_frame_header_round_trips_even_if_newer_frames_arrived_before_it() {
        fn property(tick: u32, parts: (u8, u8), back: u16, floor: u32, lead: i16) -> bool {
            let tick = tick.max(1 << 16);
            let reference = tick - 1 - u32::from(back) % FrameHeader::REACH;
            let name = FrameName { tick, part: parts.0 };
            let near = FrameHeader {
                name,
                floor: reference - floor % reference,
                reference: Some(FrameName { tick: reference, part: parts.1 }),
            };
            let far = FrameHeader { name, floor: tick - floor % tick, reference: None };
            // Frames that overtook this frame may have raised the newest tick.
            let newest = reference.saturating_add(lead.unsigned_abs().into());
            again(&near, Some(newest)) == Ok(near) && again(&far, None) == Ok(far)
        }
        quickcheck(property as fn(u32, (u8, u8), u16, u32, i16) -> bool);
    }

    #[test]
    fn a_frame_header_with_contradictory_ticks_is_not_written() {
        let name = |tick| FrameName { tick, part: 0 };
        let good = FrameHeader { name: name(100_000), floor: 99_000, reference: Some(name(99_500)) };
        assert!(bytes_of(&good).is_some());
        for bad in [
            FrameHeader { floor: 99_501, ..good },
            FrameHeader { reference: Some(name(100_000)), ..good },
            FrameHeader { reference: Some(name(100_001)), ..good },
            FrameHeader { reference: Some(name(100_000 - FrameHeader::REACH - 1)), floor: 0, ..good },
            FrameHeader { reference: None, floor: 100_001, ..good },
        ] {
            assert_eq!(bytes_of(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_frame_header_whose_tick_cannot_be_determined_is_refused() {
        let name = |tick| FrameName { tick, part: 0 };
        let header = FrameHeader { name: name(10), floor: 0, reference: Some(name(4)) };
        assert_eq!(again(&header, None), Err(SnapshotFault::Tick));
        assert_eq!(again(&header, Some(1 << 15)), Ok(header));
        // The tick would be before the first tick, or after the last.
        assert_eq!(again(&FrameHeader { floor: 3, ..header }, Some(0xffff_fff0)), Err(SnapshotFault::Tick));
        let mut low = CodeWriter::new();
        low.put(0b100, 3);
        low.put(3, 16);
        low.golomb(3, TICK_ORDER);
        low.put(u64::MAX, 20);
        let mut bytes = Vec::new();
        low.finish_into(&mut bytes);
        assert_eq!(FrameHeader::take(&mut CodeReader::new(&bytes), Some(0)), Err(SnapshotFault::Tick));
    }

    #[test]
    fn a_frame_header_with_reserved_bits_set_is_refused() {
        for first in [1, 2, 3] {
            let taken = FrameHeader::take(&mut CodeReader::new(&[first; 9]), Some(0));
            assert_eq!(taken, Err(SnapshotFault::Reserved));
        }
    }
}
