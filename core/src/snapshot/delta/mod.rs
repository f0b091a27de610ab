//! The fast codec: a unit as its difference to two earlier versions, and a frame of units.
//!
//! Each unit is coded by itself: its bits depend on its words, on its [baseline](Against) and on the version that the baseline was coded
//! against, and on nothing else. So they are the same for all receivers that hold the same two versions. The second version takes
//! the place of statistics: its difference to the baseline says how far the unit moved, which gives a prediction, the parts that
//! are likely to change again, and the size of the error to expect.
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
