//! Integers between two bounds, written in as many bits as the range needs.

use super::{BitReader, BitWriter, DecodeError, EncodeError, NetSerialize};
use crate::shape::{NetShape, Shape, Shapes};

/// An integer of a fixed width of at most 64 bits. `usize` and `isize` do not implement the trait, because their width
/// differs between targets.
pub trait NetInteger: NetSerialize + Copy + PartialOrd {
    /// The width of the integer in memory, in bits.
    const WIDTH: u8;
    /// `true` if the integer type is signed.
    const SIGNED: bool;
    /// The smallest value of the integer type.
    const MIN: Self;
    /// The largest value of the integer type.
    const MAX: Self;

    /// Returns the difference between this value and `low`. The caller guarantees that `low` is at most this value.
    fn offset_from(self, low: Self) -> u64;

    /// Returns the sum of `low` and `offset`. The caller guarantees that the type can represent the sum.
    fn above(low: Self, offset: u64) -> Self;

    /// Returns this value as an `i128`, which can represent every [`NetInteger`].
    fn widen(self) -> i128;
}

/// The range of integers that fit in `BITS` bits. The field attribute `bits` selects this range.
pub trait BitsRange<const BITS: u32>: NetInteger {
    /// The smallest integer that fits in `BITS` bits.
    const LOW: Self;
    /// The largest integer that fits in `BITS` bits.
    const HIGH: Self;
}

/// Returns the smallest number of bits in which every integer from 0 to `span` fits.
#[must_use]
pub const fn bits_for(span: u64) -> u32 {
    64 - span.leading_zeros()
}

/// Writes the difference `value` - `low`, in as many bits as the range `low..=high` needs.
///
/// # Errors
/// [`EncodeError::OutOfRange`] if `value` is outside the range, or the error of the writer.
pub fn put_integer<T: NetInteger>(
    writer: &mut BitWriter<'_>,
    value: T,
    low: T,
    high: T,
) -> Result<(), EncodeError> {
    if value < low || value > high {
        return Err(EncodeError::out_of_range(value.widen(), low.widen(), high.widen()));
    }
    writer.put(value.offset_from(low), bits_for(high.offset_from(low)))
}

/// Reads an integer that [`put_integer`] wrote with the same bounds.
///
/// # Errors
/// [`DecodeError::OutOfRange`] if the value is above `high`, or the error of the reader.
pub fn take_integer<T: NetInteger>(reader: &mut BitReader<'_>, low: T, high: T) -> Result<T, DecodeError> {
    let span = high.offset_from(low);
    let offset = reader.take(bits_for(span))?;
    if offset > span { Err(DecodeError::OutOfRange) } else { Ok(T::above(low, offset)) }
}

/// Returns the schema layout of an integer of type `T` from `low` to `high`, both included.
#[must_use]
pub fn integer_shape<T: NetInteger>(low: T, high: T) -> Shape {
    Shape::Integer { width: T::WIDTH, signed: T::SIGNED, min: low.widen(), max: high.widen() }
}

macro_rules! integers {
    ($($type:ty as $wide:ty, $signed:literal;)*) => {$(
        impl NetInteger for $type {
            const WIDTH: u8 = Self::BITS as u8;
            const SIGNED: bool = $signed;
            const MIN: Self = Self::MIN;
            const MAX: Self = Self::MAX;

            fn offset_from(self, low: Self) -> u64 {
                (self as $wide as u64).wrapping_sub(low as $wide as u64)
            }

            fn above(low: Self, offset: u64) -> Self {
                (low as $wide as u64).wrapping_add(offset) as Self
            }

            fn widen(self) -> i128 {
                i128::from(self)
            }
        }

        impl<const BITS: u32> BitsRange<BITS> for $type {
            const LOW: Self = {
                assert!(BITS >= 1 && BITS <= Self::BITS, "`bits` is outside the range from 1 to the width of the type; give a number in this range");
                <$type>::MIN >> (Self::BITS - BITS)
            };
            const HIGH: Self = {
                assert!(BITS >= 1 && BITS <= Self::BITS, "`bits` is outside the range from 1 to the width of the type; give a number in this range");
                <$type>::MAX >> (Self::BITS - BITS)
            };
        }

        impl NetShape for $type {
            fn shape(_: &mut Shapes) -> Shape {
                integer_shape::<Self>(Self::MIN, Self::MAX)
            }
        }

        impl NetSerialize for $type {
            fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
                put_integer(writer, *self, Self::MIN, Self::MAX)
            }

            fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
                take_integer(reader, Self::MIN, Self::MAX)
            }
        }
    )*};
}

integers! {
    u8 as u64, false;
    u16 as u64, false;
    u32 as u64, false;
    u64 as u64, false;
    i8 as i64, true;
    i16 as i64, true;
    i32 as i64, true;
    i64 as i64, true;
}
