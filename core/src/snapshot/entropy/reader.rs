//! Reads bits at a position. The reader never indexes a slice, so it cannot panic.

use core::fmt;

use super::ORDER_MAX;

/// The reason why bits cannot be read as the expected value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CodeError {
    /// The bytes end before the value ends.
    Truncated,
    /// A number is above `u32::MAX`.
    TooLarge,
    /// The caller has read all values, but a nonzero bit or a whole byte remains.
    Trailing,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the bits end before the value ends; reject the bits",
            Self::TooLarge => "a coded number exceeds 32 bits; reject the bits",
            Self::Trailing => "nonzero bits or whole bytes follow the final value; reject the bits",
        })
    }
}

impl core::error::Error for CodeError {}

/// A reader of the bits that a [`CodeWriter`](super::CodeWriter) wrote.
#[derive(Clone, Copy, Debug)]
pub struct CodeReader<'a> {
    bytes: &'a [u8],
    /// The position in bits; never beyond the end.
    position: usize,
}

/// The number of bits that a window holds at least, at any position within a byte.
const WINDOW: u32 = 57;

impl<'a> CodeReader<'a> {
    /// Creates a reader at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Returns the number of bits read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Returns the number of bits that are not read yet.
    #[must_use]
    pub const fn remaining_bits(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.position)
    }

    /// Reads the next `bits` bits. A value of `bits` above 64 counts as 64. The first bit read is the lowest bit of the
    /// result.
    ///
    /// # Errors
    /// [`CodeError::Truncated`] if fewer bits are left.
    #[inline]
    pub fn take(&mut self, bits: u32) -> Result<u64, CodeError> {
        let bits = bits.min(64);
        if bits > WINDOW {
            let low = self.take(32)?;
            return Ok(low | self.take(bits - 32)? << 32);
        }
        let value = self.window() & ((1 << bits) - 1);
        self.skip(bits)?;
        Ok(value)
    }

    /// Reads one bit.
    ///
    /// # Errors
    /// [`CodeError::Truncated`] if no bit is left.
    #[inline]
    pub fn bit(&mut self) -> Result<bool, CodeError> {
        self.take(1).map(|bit| bit != 0)
    }

    /// Reads a number in the exponential Golomb code of `order`. An order above [`ORDER_MAX`] counts as [`ORDER_MAX`].
    ///
    /// # Errors
    /// [`CodeError::Truncated`] if the bytes end within the number, or [`CodeError::TooLarge`] if the number is above
    /// `u32::MAX`.
    #[inline]
    pub fn golomb(&mut self, order: u32) -> Result<u32, CodeError> {
        let order = order.min(ORDER_MAX);
        let window = self.window();
        let zeros = window.trailing_zeros();
        let width = zeros + order;
        let length = zeros + 1 + width;
        if width < 32 && length <= WINDOW {
            self.skip(length)?;
            let low = window >> zeros >> 1 & ((1 << width) - 1);
            // The minuend is below 2^32 and at least 2^order, so the difference fits 32 bits.
            return Ok(((1 << width | low) - (1 << order)) as u32);
        }
        self.long_golomb(order, zeros)
    }

    /// Reads a number whose code may be longer than a window.
    #[cold]
    fn long_golomb(&mut self, order: u32, zeros: u32) -> Result<u32, CodeError> {
        let most = 32 - order;
        let zeros = zeros.min(most);
        let width = zeros + order;
        self.skip(if zeros < most { zeros + 1 } else { zeros })?;
        let sum = 1 << width | self.take(width)?;
        u32::try_from(sum - (1 << order)).map_err(|_| CodeError::TooLarge)
    }

    /// Checks that nothing remains except the zero bits that fill the final byte.
    ///
    /// # Errors
    /// [`CodeError::Trailing`] if a whole byte or a bit with the value 1 remains.
    pub fn finish(self) -> Result<(), CodeError> {
        if self.remaining_bits() >= 8 || self.window() != 0 { Err(CodeError::Trailing) } else { Ok(()) }
    }

    /// Returns the next bits. The first bit is the lowest bit of the result. Bits beyond the end are zeros.
    #[inline]
    fn window(&self) -> u64 {
        let rest = self.bytes.get(self.position / 8..).unwrap_or_default();
        let group = match rest.first_chunk::<8>() {
            Some(group) => u64::from_le_bytes(*group),
            None => rest.iter().rev().fold(0, |group, byte| group << 8 | u64::from(*byte)),
        };
        group >> (self.position % 8)
    }

    #[inline]
    fn skip(&mut self, bits: u32) -> Result<(), CodeError> {
        let position = self.position + bits as usize;
        if position > self.bytes.len() * 8 {
            return Err(CodeError::Truncated);
        }
        self.position = position;
        Ok(())
    }
}
