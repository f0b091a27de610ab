//! A frame: the units that one packet carries.
//!
//! | bits | content |
//! |---|---|
//! | header | the frame's tick and its number among the frames of that tick, the acknowledged frame that it refers to, the floor |
//! | names | the units of the referenced frame that are repeated, and the gaps between the slots of the other units |
//! | baselines | for each of the other units, the version that it is coded against |
//! | units | the changes of each unit, in the order of the slots |
//! | audit | a 16-bit checksum over all words of the units |
//!
//! A repeated unit is coded against the version that the referenced frame carried.

mod audit;
mod header;
mod names;
mod read;
mod write;

pub use header::{FrameHeader, FrameName};
pub use read::{DecodedFrame, DecodedUnit, ReceiverUnit, StoredVersion, Versions};
pub use write::{CodedUnit, FrameError, FrameWriter, UnitUpdate, UpdateBody};
