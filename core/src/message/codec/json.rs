//! The JSON codec: for tools, scripts and people.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits;
use crate::message::{Codec, DecodeError, EncodeError};

/// The codec that writes serde types as JSON.
///
/// JSON has no NaN and no infinities. The codec writes these values as `null`, which does not decode as `f32` or `f64`.
#[derive(Debug)]
pub enum Json {}

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    const NAME: &'static str = "json";

    fn encode(value: &T, out: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        let json = serde_json::to_vec(value).map_err(|error| EncodeError::Codec(error.to_string()))?;
        if json.len() > limit {
            return Err(EncodeError::TooLarge { limit });
        }
        scan(&json).map_err(|error| match error {
            DecodeError::TooDeep => EncodeError::TooDeep,
            _ => EncodeError::TooManyItems,
        })?;
        out.extend_from_slice(&json);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        scan(bytes)?;
        serde_json::from_slice(bytes)
            .map_err(|error| if error.is_eof() { DecodeError::Truncated } else { DecodeError::Invalid })
    }
}

/// Rejects text that nests too deeply or contains too many values, before the parser processes the text. The parser
/// rejects text that is not JSON.
fn scan(bytes: &[u8]) -> Result<(), DecodeError> {
    let (mut depth, mut items) = (0usize, 1usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => {
                depth += 1;
                items += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' => items += 1,
            _ => {}
        }
        if depth > limits::MESSAGE_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        if items > limits::MESSAGE_ITEMS {
            return Err(DecodeError::TooManyItems);
        }
    }
    Ok(())
}
