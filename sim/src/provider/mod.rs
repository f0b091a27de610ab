//! Cryptography for simulations: a fast stand-in, and witnesses around any provider.

mod counting;
mod null;
mod recording;

pub use counting::{CountingProvider, DiffieHellmans};
pub use null::NullProvider;
pub use recording::{NonceCounts, NonceLog, RecordingProvider};
