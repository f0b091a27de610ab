//! A frame: the units that one packet carries.
//!
//! | bits | content |
//! |---|---|
//! | header | the frame's tick and place among the frames of that tick, an acknowledged frame that it refers to, the floor |
//! | names | which units of the referenced frame are here again, and the gaps between the slots of the others |
//! | baselines | for each of the others, the version that it is coded against |
//! | units | in the order of their slots |
//! | audit | 16 bits that depend on all words of the units |
//!
//! A unit of the referenced frame is coded against the version that this frame carried.

mod audit;
mod header;
mod names;
mod read;
mod write;

pub use header::{FrameHeader, FrameName};
pub use read::{DecodedFrame, DecodedUnit, ReceiverUnit, StoredVersion, Versions};
pub use write::{CodedUnit, FrameError, FrameWriter, UnitUpdate, UpdateBody};
