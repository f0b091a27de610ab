//! Text with a maximum length.

use alloc::string::String;
use core::fmt;
use core::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{Full, put_length, take_length};
use crate::Escaped;
use crate::bits::{BitReader, BitWriter, DecodeError, EncodeError, NetSerialize};
use crate::shape::{NetShape, Shape, Shapes};

/// A text of at most `N` bytes of UTF-8.
///
/// A text may come from a peer, so `Display` escapes characters that could forge a line or control a terminal, as
/// [`Escaped`] does. [`BoundedString::as_str`] returns the text unescaped.
///
/// ```
/// use tickwire_core::message::BoundedString;
///
/// let mut name: BoundedString<8> = BoundedString::truncated("Amundsen and others");
/// assert_eq!(name.as_str(), "Amundsen");
/// assert!(name.push_str("!").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BoundedString<const N: usize>(String);

impl<const N: usize> BoundedString<N> {
    /// The maximum length of the text, in bytes.
    pub const CAPACITY: usize = {
        assert!(
            N as u64 <= u32::MAX as u64,
            "the maximum length is above 2^32 - 1; lower the maximum length"
        );
        N
    };

    /// Creates an empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Appends `text` to this bounded text.
    ///
    /// # Errors
    /// [`Full`] if the result would exceed `N` bytes. The bounded text then stays unchanged.
    pub fn push_str(&mut self, text: &str) -> Result<(), Full<()>> {
        if text.len() > Self::CAPACITY - self.0.len() {
            return Err(Full(()));
        }
        self.0.push_str(text);
        Ok(())
    }

    /// Creates a bounded text from the longest prefix of `text` that fits in `N` bytes and does not cut a character.
    #[must_use]
    pub fn truncated(text: &str) -> Self {
        let (start, _) = text.split_at(text.floor_char_boundary(Self::CAPACITY));
        Self(start.into())
    }

    /// Returns the text as a string slice, unescaped.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text as a `String`, which has no maximum length.
    #[must_use]
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl<const N: usize> fmt::Debug for BoundedString<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const N: usize> fmt::Display for BoundedString<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl<const N: usize> TryFrom<String> for BoundedString<N> {
    type Error = Full<String>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() > Self::CAPACITY { Err(Full(text)) } else { Ok(Self(text)) }
    }
}

impl<'a, const N: usize> TryFrom<&'a str> for BoundedString<N> {
    type Error = Full<&'a str>;

    fn try_from(text: &'a str) -> Result<Self, Self::Error> {
        if text.len() > Self::CAPACITY { Err(Full(text)) } else { Ok(Self(text.into())) }
    }
}

impl<const N: usize> Deref for BoundedString<N> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> NetShape for BoundedString<N> {
    fn shape(_: &mut Shapes) -> Shape {
        Shape::Text { max: Some(Self::CAPACITY as u64) }
    }
}

impl<const N: usize> NetSerialize for BoundedString<N> {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        put_length(writer, self.0.len(), Self::CAPACITY)?;
        writer.bytes(self.0.as_bytes())
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        let length = take_length(reader, Self::CAPACITY)?;
        String::from_utf8(reader.bytes(length)?).map(Self).map_err(|_| DecodeError::NotUtf8)
    }
}

impl<const N: usize> Serialize for BoundedString<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const N: usize> Deserialize<'de> for BoundedString<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

struct Text<const N: usize>;

impl<const N: usize> Visitor<'_> for Text<N> {
    type Value = BoundedString<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text of at most {N} bytes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        BoundedString::try_from(text).map_err(|Full(_)| {
            E::custom(format_args!("the text has more than {N} bytes; send a shorter text"))
        })
    }
}
