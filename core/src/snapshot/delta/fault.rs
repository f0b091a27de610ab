//! The reasons for refusing a snapshot frame.

use core::fmt;

use super::slot::UnitSlot;
use crate::snapshot::entropy::CodeError;

/// The reason that a snapshot frame was refused. Nothing of a refused frame may be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// The bits end too early, a number is too large, or more bits follow the end of the frame.
    Code(CodeError),
    /// A bit that must be zero is set.
    Reserved,
    /// The ticks of the header contradict each other, or the frame's tick cannot be determined.
    Tick,
    /// The frame refers to another frame that the receiver does not hold.
    ReferenceMissing,
    /// A slot lies beyond the slots of the view.
    Slot,
    /// The frame holds more units or words than the limits of a frame.
    TooLarge,
    /// The receiver knows no unit in this slot.
    UnknownUnit {
        /// The slot.
        slot: UnitSlot,
    },
    /// The receiver does not hold the version that a unit was coded against.
    BaselineMissing {
        /// The slot of the unit.
        slot: UnitSlot,
        /// The tick of the version; `None` if the version is the newest below the frame's floor.
        tick: Option<u32>,
    },
    /// A stored version has another number of words than its unit.
    WrongLength,
    /// A word lies outside its part's range.
    OutOfRange,
    /// A part or an element is marked as changed but equals its prediction.
    Unchanged,
    /// The decoded words fail the frame's check: sender and receiver held different baselines.
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
