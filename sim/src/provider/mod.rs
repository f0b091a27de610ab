//! Cryptography for simulations: a fast stand-in, and a witness around any provider.

mod null;
mod recording;

pub use null::NullProvider;
pub use recording::{NonceCounts, NonceLog, RecordingProvider};
