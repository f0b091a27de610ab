//! The trait of types that are written and read as bits.

use super::{BitReader, BitWriter, DecodeError, EncodeError};
use crate::shape::NetShape;

/// A type that the bits codec can write and read. Derive this trait, or implement both methods by hand.
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
/// The trait is not implemented for types without a size limit, such as `Vec`, or with a width that differs between
/// targets, such as `usize`:
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
    note = "derive `NetSerialize` for your own types; use `BoundedVec`, `BoundedString` or `BoundedBytes` for values of variable length, and an integer of fixed width instead of `usize`"
)]
pub trait NetSerialize: NetShape + Sized {
    /// Writes the value to `writer`. Every value has exactly one encoding.
    ///
    /// # Errors
    /// The error of the writer, or [`EncodeError::OutOfRange`] if a value is outside its range.
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError>;

    /// Reads a value from `reader`. For any input, the implementation must neither panic nor allocate more memory than
    /// the number of bits justifies.
    ///
    /// # Errors
    /// The error of the reader, or [`DecodeError::OutOfRange`] if a value is outside its range.
    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError>;
}

/// Writes the items of a list, without its length.
pub(crate) fn put_items<T: NetSerialize>(writer: &mut BitWriter<'_>, items: &[T]) -> Result<(), EncodeError> {
    for (index, item) in items.iter().enumerate() {
        item.encode(writer).map_err(|error| error.in_item(index))?;
    }
    Ok(())
}
