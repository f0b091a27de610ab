//! The reasons for refusing a snapshot frame.

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
    /// The ticks of the header contradict each other, or the frame's tick cannot be determined.
    Tick,
    /// The frame refers to a frame that the receiver does not have.
    ReferenceMissing,
    /// The number of a slot is above the largest slot number of the view.
    Slot,
    /// The frame has more units or words than one frame may have.
    TooLarge,
    /// The receiver has no unit in this slot.
    UnknownUnit {
        /// The number of the empty slot.
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
            Self::Reserved => f.write_str("a reserved bit of the frame header is set"),
            Self::Tick => f.write_str(
                "the ticks of the frame header contradict each other, or do not determine the tick of the frame",
            ),
            Self::ReferenceMissing => {
                f.write_str("the frame refers to an earlier frame that the receiver does not have")
            }
            Self::Slot => f.write_str("the frame names a slot beyond the slots of the view"),
            Self::TooLarge => f.write_str("the frame holds too many units or words"),
            Self::UnknownUnit { slot } => write!(f, "the frame updates slot {}, which has no unit", slot.0),
            Self::BaselineMissing { slot, tick: Some(tick) } => {
                write!(f, "slot {} is coded against tick {tick}, which the receiver does not have", slot.0)
            }
            Self::BaselineMissing { slot, tick: None } => {
                write!(
                    f,
                    "slot {} is coded against a version below the floor, but the receiver has no such version",
                    slot.0
                )
            }
            Self::WrongLength => f.write_str("the stored version of a unit has the wrong number of words"),
            Self::OutOfRange => f.write_str("a decoded value lies outside its range"),
            Self::Unchanged => f.write_str("a part is marked as changed but equals its prediction"),
            Self::Diverged => f.write_str("the decoded words differ from the words that the sender coded"),
        }
    }
}

impl core::error::Error for SnapshotFault {}

impl From<CodeError> for SnapshotFault {
    fn from(error: CodeError) -> Self {
        Self::Code(error)
    }
}
