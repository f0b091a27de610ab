//! Cryptography for simulations: a fast substitute, and providers that record the calls to another provider.

mod counting;
mod null;
mod recording;

pub use counting::{CountingProvider, DiffieHellmans};
pub use null::NullProvider;
pub use recording::{NonceCounts, NonceLog, RecordingProvider};
