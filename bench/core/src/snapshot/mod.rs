//! Measures the snapshot codec on a recording: the bits and the time of each frame.
//!
//! The sender sends one snapshot frame for each frame of the recording (60 per second). Each snapshot frame contains every
//! unit whose current state differs from at least one version that the receiver may show. The acknowledgement of a frame
//! arrives at the sender six frames later. Before the first acknowledgement, the baseline of each unit is the first state
//! of the recording. The decoder gets only the bytes of the
//! frames. After each frame, all units of the receiver must equal the units of the recording.

mod history;
mod pair;
mod recording;

pub use self::pair::{Outcome, Pair};
pub use self::recording::{PARTS, RECORD_BYTES, Recording, WORDS};
