//! The fast codec: encodes a unit as its difference from a prediction based on two earlier versions, and encodes several units as
//! a frame.
//!
//! Each unit is coded by itself. Its bits depend only on its words, on its [baseline](Against), and on the version that the
//! baseline was coded against, so all receivers that have the same two versions receive the same bits. The second version
//! replaces adaptive statistics: its difference to the baseline shows how far the unit moved. From that difference the codec
//! derives a prediction, the parts that are likely to change again, and the expected size of the error.
//!
//! [`encode()`] and [`decode()`] code one unit by a [`Plan`]. [`FrameWriter`] and [`DecodedFrame`] code all units of a packet.

mod against;
mod decode;
mod encode;
mod fault;
mod frame;
mod mask;
mod plan;
mod predict;
mod rotation;
mod slot;
mod tally;
#[cfg(test)]
mod tests;

pub use against::{Against, VersionWords};
pub use decode::decode;
pub use encode::{WrongLength, encode, encode_counted};
pub use fault::SnapshotFault;
pub use frame::{
    CodedUnit, DecodedFrame, DecodedUnit, FrameError, FrameHeader, FrameName, FrameWriter, ReceiverUnit,
    StoredVersion, UnitUpdate, UpdateBody, Versions,
};
pub use plan::Plan;
pub use slot::{SlotBinding, UnitSlot};
pub use tally::{BitTally, BitUse};
