//! Collections with a maximum length. The bits codec accepts no other collections of variable length. Use bounded
//! collections in serde messages too, because their decoders do not reserve memory for items that have not arrived.

mod bytes;
mod string;
#[cfg(test)]
mod tests;
mod vec;

use core::fmt;

pub use bytes::BoundedBytes;
pub use string::BoundedString;
pub use vec::BoundedVec;

use crate::bits::{BitReader, BitWriter, DecodeError, EncodeError, bits_for};

/// The error for a value that does not fit into a bounded collection. The field contains the value if the collection
/// took ownership of the value, and otherwise `()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full<T>(pub T);

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bounded collection has no space for the value; shorten the value, or raise the maximum length")
    }
}

impl<T: fmt::Debug> core::error::Error for Full<T> {}

/// Writes a length of at most `most`, in as many bits as `most` needs.
fn put_length(writer: &mut BitWriter<'_>, length: usize, most: usize) -> Result<(), EncodeError> {
    writer.put(length as u64, bits_for(most as u64))
}

fn take_length(reader: &mut BitReader<'_>, most: usize) -> Result<usize, DecodeError> {
    let length = usize::try_from(reader.take(bits_for(most as u64))?).map_err(|_| DecodeError::OutOfRange)?;
    if length > most { Err(DecodeError::OutOfRange) } else { Ok(length) }
}
