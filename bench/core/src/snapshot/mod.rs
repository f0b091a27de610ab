//! Measures the snapshot codec on a recording: bits, and time per frame.
//!
//! Sixty frames a second, each with all units that differ from a version that the receiver may show. A frame is
//! acknowledged six frames later; before the first acknowledgement, units are coded against the state with which the recording
//! begins. The decoder gets the bytes of a frame and nothing else, keeps what frames ask it to keep, and after each frame all
//! units must be those of the recording.

mod history;
mod pair;
mod recording;

pub use self::pair::{Outcome, Pair};
pub use self::recording::{PARTS, RECORD_BYTES, Recording, WORDS};
