//! Bits and codes of numbers, for speed: nothing here knows of units.
//!
//! The first bit is the lowest bit of the first byte, as in [`bits`](crate::bits). Numbers are written in the exponential
//! Golomb code (Golomb 1966; Teuhola 1978). Of order `k`, it takes `k + 1` bits for numbers below 2^k, and two more each time the
//! number doubles. So a number far from the expectation costs a few bits and not many.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{CodeError, CodeReader};
pub use writer::{CodeWriter, golomb_bits};

/// The greatest order of an exponential Golomb code.
pub const ORDER_MAX: u32 = 31;

/// The number of bits in which the integers from 0 to `max` are written.
#[must_use]
pub const fn width_of(max: u32) -> u32 {
    32 - max.leading_zeros()
}

/// A signed number as an unsigned one that is small if the number is near zero: 0, -1, 1, -2 become 0, 1, 2, 3.
#[must_use]
pub const fn zigzag(value: i32) -> u32 {
    (value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned()
}

/// The number of which [`zigzag`] made `code`.
#[must_use]
pub const fn unzigzag(code: u32) -> i32 {
    (code >> 1).cast_signed() ^ -(code & 1).cast_signed()
}
