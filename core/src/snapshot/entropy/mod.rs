//! Fast coding of bits and numbers. This module does not depend on units or frames.
//!
//! The first bit is the lowest bit of the first byte, as in [`bits`](crate::bits). Numbers are written in the exponential Golomb
//! code (Golomb 1966; Teuhola 1978). At order `k`, a number below 2^k takes `k + 1` bits, and each doubling of the number adds two
//! bits, so a number far above the expected size costs only a few bits more.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{CodeError, CodeReader};
pub use writer::{CodeWriter, golomb_bits};

/// The largest order of an exponential Golomb code that the codec supports.
pub const ORDER_MAX: u32 = 31;

/// Returns the smallest number of bits in which every integer from 0 to `max` fits.
#[must_use]
pub const fn width_of(max: u32) -> u32 {
    32 - max.leading_zeros()
}

/// Maps a signed number to an unsigned number that is small if the absolute value is small: 0, -1, 1, -2 become 0,
/// 1, 2, 3.
#[must_use]
pub const fn zigzag(value: i32) -> u32 {
    (value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned()
}

/// Returns the signed number that [`zigzag`] maps to `code`.
#[must_use]
pub const fn unzigzag(code: u32) -> i32 {
    (code >> 1).cast_signed() ^ -(code & 1).cast_signed()
}
