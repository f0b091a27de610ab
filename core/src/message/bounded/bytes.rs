//! A byte string with a maximum length.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{Full, put_length, take_length};
use crate::bits::{BitReader, BitWriter, DecodeError, EncodeError, NetSerialize};
use crate::shape::{NetShape, Shape, Shapes};

/// A byte string of at most `N` bytes. MessagePack encodes each byte of a byte string in one byte, but each number from
/// 128 to 255 in a list of numbers in two bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BoundedBytes<const N: usize>(Vec<u8>);

impl<const N: usize> BoundedBytes<N> {
    /// The maximum length of the byte string, in bytes.
    pub const CAPACITY: usize = {
        assert!(
            N as u64 <= u32::MAX as u64,
            "the maximum length is above 2^32 - 1; lower the maximum length"
        );
        N
    };

    /// Creates an empty byte string.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends `bytes` to the byte string.
    ///
    /// # Errors
    /// [`Full`] if the result would exceed `N` bytes. The byte string then stays unchanged.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), Full<()>> {
        if bytes.len() > Self::CAPACITY - self.0.len() {
            return Err(Full(()));
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns the bytes as a `Vec`, which has no maximum length.
    #[must_use]
    pub fn into_inner(self) -> Vec<u8> {
        self.0
    }
}

impl<const N: usize> fmt::Debug for BoundedBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const N: usize> TryFrom<Vec<u8>> for BoundedBytes<N> {
    type Error = Full<Vec<u8>>;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        if bytes.len() > Self::CAPACITY { Err(Full(bytes)) } else { Ok(Self(bytes)) }
    }
}

impl<const N: usize> Deref for BoundedBytes<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> NetShape for BoundedBytes<N> {
    fn shape(_: &mut Shapes) -> Shape {
        Shape::Bytes { max: Some(Self::CAPACITY as u64) }
    }
}

impl<const N: usize> NetSerialize for BoundedBytes<N> {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        put_length(writer, self.0.len(), Self::CAPACITY)?;
        writer.bytes(&self.0)
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        let length = take_length(reader, Self::CAPACITY)?;
        reader.bytes(length).map(Self)
    }
}

impl<const N: usize> Serialize for BoundedBytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de, const N: usize> Deserialize<'de> for BoundedBytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Octets)
    }
}

struct Octets<const N: usize>;

impl<'de, const N: usize> Visitor<'de> for Octets<N> {
    type Value = BoundedBytes<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {N} bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        let mut octets = BoundedBytes::new();
        octets.extend_from_slice(bytes).map_err(|Full(())| {
            E::custom(format_args!("the byte string has more than {N} bytes; send fewer bytes"))
        })?;
        Ok(octets)
    }

    /// Reads the bytes from a list of numbers, because JSON has no byte strings.
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut octets = BoundedBytes::new();
        while let Some(byte) = access.next_element()? {
            octets.extend_from_slice(&[byte]).map_err(|Full(())| {
                A::Error::custom(format_args!("the byte string has more than {N} bytes; send fewer bytes"))
            })?;
        }
        Ok(octets)
    }
}
