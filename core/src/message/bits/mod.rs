//! The bits codec: every value takes as many bits as its type needs, and has exactly one encoding.
//!
//! | type | bits |
//! |---|---|
//! | `bool` | 1 |
//! | integer in `low..=high` | those of `high - low`; holds `value - low` |
//! | integer without a range | its width; holds `value - MIN` |
//! | `f32`, `f64` | 32, 64: IEEE 754; every NaN becomes 0x7fc00000 or 0x7ff8000000000000 |
//! | `char` | 21 |
//! | `Option<T>` | 1, then the value if it is 1 |
//! | `BoundedVec<T, N>` | a length in those of `N`, then the items |
//! | `BoundedString<N>`, `BoundedBytes<N>` | a length in those of `N`, then 8 per byte |
//! | `[T; N]`, tuples, structures | the items or fields in order |
//! | enumerations | the variant's place in those of (number of variants - 1), then its fields |
//!
//! Bits fill each byte from the lowest up; the last byte is filled with zeros.

mod impls;
mod integer;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use alloc::vec::Vec;

pub use integer::{BitsRange, NetInteger, bits_for, integer_shape, put_integer, take_integer};
pub use reader::BitReader;
pub use writer::BitWriter;

use super::{Codec, DecodeError, EncodeError, NetShape};

/// A type that the bits codec can write and read. Derive it, or write both sides by hand.
///
/// ```
/// use tickwire_core::message::{BitReader, BitWriter, DecodeError, EncodeError};
/// use tickwire_core::message::{NetSerialize, NetShape, Shape, Shapes};
///
/// /// An angle in 256ths of a turn, of which the wire carries the upper 6 bits.
/// struct Heading(u8);
///
/// impl NetShape for Heading {
///     fn shape(_: &mut Shapes) -> Shape {
///         Shape::opaque("heading6")
///     }
/// }
///
/// impl NetSerialize for Heading {
///     fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
///         writer.put(u64::from(self.0 >> 2), 6)
///     }
///
///     fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
///         reader.take(6).map(|bits| Self((bits as u8) << 2))
///     }
/// }
/// ```
///
/// Types that a peer could make arbitrarily large have no implementation:
///
/// ```compile_fail,E0277
/// fn on_the_wire<T: tickwire_core::message::NetSerialize>() {}
/// on_the_wire::<Vec<u8>>();
/// ```
///
/// ```compile_fail,E0277
/// fn on_the_wire<T: tickwire_core::message::NetSerialize>() {}
/// on_the_wire::<usize>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no bits on the wire",
    note = "derive `NetSerialize` for your own types; use `BoundedVec`, `BoundedString` or `BoundedBytes` for what may grow, and an integer of fixed width instead of `usize`"
)]
pub trait NetSerialize: NetShape + Sized {
    /// Writes the value.
    ///
    /// # Errors
    /// What the writer says, or [`EncodeError::OutOfRange`].
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError>;

    /// Reads a value. Whatever the bits are, it must neither panic nor allocate more than they justify.
    ///
    /// # Errors
    /// What the reader says, or [`DecodeError::OutOfRange`].
    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError>;
}

/// Writes the items of a list, without its length.
pub(super) fn put_items<T: NetSerialize>(writer: &mut BitWriter<'_>, items: &[T]) -> Result<(), EncodeError> {
    for (index, item) in items.iter().enumerate() {
        item.encode(writer).map_err(|error| error.in_item(index))?;
    }
    Ok(())
}

/// The codec of [`NetSerialize`] types: for whatever is sent often.
#[derive(Debug)]
pub enum Bits {}

impl<T: NetSerialize> Codec<T> for Bits {
    const NAME: &'static str = "bits";

    fn encode(value: &T, out: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        let mut writer = BitWriter::new(out, limit);
        value.encode(&mut writer)?;
        writer.finish()
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        let mut reader = BitReader::new(bytes);
        let value = T::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}
