//! Measures the snapshot codec on a recording: the bits and the time of each frame.
//!
//! The sender sends 60 frames per second. Each frame contains every unit whose current state differs from at least one
//! version that the receiver may show. The receiver acknowledges a frame six frames later. Before the first
//! acknowledgement, the baseline of each unit is the first state of the recording. The decoder gets only the bytes of the
//! frames. After each frame, all units of the receiver must equal the units of the recording.

mod history;
mod pair;
mod recording;

pub use self::pair::{Outcome, Pair};
pub use self::recording::{PARTS, RECORD_BYTES, Recording, WORDS};
