//! The reasons for rejecting a snapshot frame.

use core::fmt;

use super::slot::UnitSlot;
use crate::snapshot::entropy::CodeError;

/// The reason why a receiver rejected a snapshot frame. The receiver must not store any part of the frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// The bits end too early, a number is too large, or bits follow the end of the frame.
    Code(CodeError),
    /// A reserved bit, which must be zero, is set.
    Reserved,
    /// The ticks of the header and the baselines contradict each other, the frame's tick cannot be determined, or the
    /// receiver has already stored a frame with the same name.
    Tick,
    /// The frame refers to a frame that the receiver does not have.
    ReferenceMissing,
    /// A slot number is above 65,535, the list of repeated units does not fit the referenced frame, or a binding conflicts
    /// with a slot or a unit that is already bound.
    Slot,
    /// The frame has more than [`SNAPSHOT_FRAME_UNITS`](crate::limits::SNAPSHOT_FRAME_UNITS) units, more than
    /// [`SNAPSHOT_FRAME_WORDS`](crate::limits::SNAPSHOT_FRAME_WORDS) words, or a number above 255 among the frames of its tick, or would exceed
    /// the receiver's limit on entities or on versions of a unit.
    TooLarge,
    /// The receiver has no unit in this slot, or the frame binds the slot to a unit that the schema does not allow.
    UnknownUnit {
        /// The number of the slot.
        slot: UnitSlot,
    },
    /// The receiver does not have the version that a unit was coded against.
    BaselineMissing {
        /// The slot of the unit.
        slot: UnitSlot,
        /// The tick of the missing version, or `None` for the newest version below the frame's floor.
        tick: Option<u32>,
    },
    /// A stored version does not have its unit's number of words.
    WrongLength,
    /// A word is outside the range of its part.
    OutOfRange,
    /// A part or an array element is marked as changed, but is equal to its prediction.
    Unchanged,
    /// The decoded words do not match the frame's checksum, because sender and receiver used different baselines.
    Diverged,
}

impl fmt::Display for SnapshotFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(error) => error.fmt(f),
            Self::Reserved => f.write_str("a reserved bit of the frame header is set; drop the frame"),
            Self::Tick => f.write_str(
                "the ticks of the frame contradict each other, do not determine the tick of the frame, or a frame of the \
                 same tick and number is already stored; drop the frame",
            ),
            Self::ReferenceMissing => {
                f.write_str("the frame refers to an earlier frame that the receiver does not have; drop the frame")
            }
            Self::Slot => f.write_str("the frame has an invalid slot number, or binds a slot or a unit that is already bound; drop the frame"),
            Self::TooLarge => f.write_str("the frame exceeds a limit on units, words, frame numbers, entities or versions; drop the frame"),
            Self::UnknownUnit { slot } => {
                write!(f, "slot {} has no unit, or the frame binds the slot to an invalid unit; drop the frame", slot.0)
            }
            Self::BaselineMissing { slot, tick: Some(tick) } => {
                write!(
                    f,
                    "the unit in slot {} is coded against its version of tick {tick}, which the receiver does not have; drop the frame",
                    slot.0
                )
            }
            Self::BaselineMissing { slot, tick: None } => {
                write!(
                    f,
                    "the unit in slot {} is coded against a version below the floor, but the receiver has no such version; \
                     drop the frame",
                    slot.0
                )
            }
            Self::WrongLength => f.write_str(
                "a stored version does not have the number of words of its unit; return only versions of this unit from `Versions`",
            ),
            Self::OutOfRange => f.write_str("a decoded word is outside the range of its part; drop the frame"),
            Self::Unchanged => f.write_str("a part is marked as changed, but equals its prediction; drop the frame"),
            Self::Diverged => f.write_str("the decoded words do not match the checksum of the frame; drop the frame"),
        }
    }
}

impl core::error::Error for SnapshotFault {}

impl From<CodeError> for SnapshotFault {
    fn from(error: CodeError) -> Self {
        Self::Code(error)
    }
}
