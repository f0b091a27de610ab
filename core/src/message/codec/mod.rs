//! The codecs of messages: bits, zerocopy, MessagePack and JSON.

mod bits;
mod json;
#[cfg(feature = "std")]
mod message_pack;
#[cfg(feature = "std")]
mod message_pack_scan;
#[cfg(test)]
mod tests;
mod zero;

pub use bits::Bits;
pub use json::Json;
#[cfg(feature = "std")]
pub use message_pack::MessagePack;
pub use zero::Zerocopy;
