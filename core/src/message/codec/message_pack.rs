//! The MessagePack codec: for messages that are rare or have no fixed shape.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use rmp_serde::Deserializer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message_pack_scan::scan;
use crate::limits;
use crate::message::{Codec, DecodeError, EncodeError};

/// The codec that writes serde types as MessagePack. A struct becomes a list of the values of its fields, in order.
///
/// serde would reserve memory for a length before it has read the items, and would recurse to any nesting depth. The
/// codec therefore scans the bytes first. The codec passes to serde only one complete value, of a depth of at most
/// [`limits::MESSAGE_DEPTH`] and with at most [`limits::MESSAGE_ITEMS`] parts. Prefer [`crate::message::BoundedVec`]
/// and the other bounded types to plain lists nevertheless. Never decode a `SmallVec`, because its decoder reserves memory
/// for all items before it has read them.
#[derive(Debug)]
pub enum MessagePack {}

impl<T: Serialize + DeserializeOwned> Codec<T> for MessagePack {
    const NAME: &'static str = "messagepack";

    fn encode(value: &T, out: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        let packed = rmp_serde::to_vec(value).map_err(|error| EncodeError::Codec(error.to_string()))?;
        if packed.len() > limit {
            return Err(EncodeError::TooLarge { limit });
        }
        scan(&packed).map_err(|error| match error {
            DecodeError::TooDeep => EncodeError::TooDeep,
            DecodeError::TooManyItems => EncodeError::TooManyItems,
            _ => EncodeError::Codec("the type does not write one whole value".into()),
        })?;
        out.extend_from_slice(&packed);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        scan(bytes)?;
        let mut rest = bytes;
        let mut deserializer = Deserializer::new(&mut rest);
        // Its counter refuses when it reaches zero, hence one more than the scan lets through.
        deserializer.set_max_depth(limits::MESSAGE_DEPTH + 1);
        let value = T::deserialize(&mut deserializer).map_err(|_| DecodeError::Invalid)?;
        if rest.is_empty() { Ok(value) } else { Err(DecodeError::Trailing) }
    }
}
