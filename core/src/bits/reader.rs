//! Reading of values bit by bit. The module indexes no slice, so it cannot panic.

use alloc::vec::Vec;

use super::DecodeError;
use crate::limits;

/// A reader of single bits from bytes. The first bit that it reads is the lowest bit of the first byte.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    rest: &'a [u8],
    pending: u64,
    pending_bits: u32,
    items_left: usize,
    depth: usize,
}

impl<'a> BitReader<'a> {
    /// Creates a reader at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        let items_left = bytes.len().saturating_mul(8).saturating_add(limits::MESSAGE_FREE_ITEMS);
        Self { rest: bytes, pending: 0, pending_bits: 0, items_left, depth: 0 }
    }

    /// Returns the number of bits that are not read yet.
    #[must_use]
    pub const fn remaining_bits(&self) -> usize {
        self.rest.len().saturating_mul(8).saturating_add(self.pending_bits as usize)
    }

    /// Reads the next `bits` bits, at most 64. The first bit read is the lowest bit of the result.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer bits are left; [`DecodeError::OutOfRange`] if `bits` is above 64.
    pub fn take(&mut self, bits: u32) -> Result<u64, DecodeError> {
        if bits > 64 {
            return Err(DecodeError::OutOfRange);
        }
        if self.remaining_bits() < bits as usize {
            return Err(DecodeError::Truncated);
        }
        let low_bits = bits.min(32);
        let low = self.take_half(low_bits);
        let high = self.take_half(bits - low_bits);
        Ok(low | high << 32)
    }

    /// Reads one bit as a Boolean value.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if no bit is left.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        self.take(1).map(|bit| bit != 0)
    }

    /// Reads the next `length` whole bytes into a new vector.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer bytes are left. The reader then allocates nothing.
    pub fn bytes(&mut self, length: usize) -> Result<Vec<u8>, DecodeError> {
        if self.remaining_bits() / 8 < length {
            return Err(DecodeError::Truncated);
        }
        let mut bytes = Vec::with_capacity(length);
        for _ in 0..length / 8 {
            bytes.extend_from_slice(&self.take(64)?.to_le_bytes());
        }
        for _ in 0..length % 8 {
            bytes.push(self.take(8)? as u8);
        }
        Ok(bytes)
    }

    /// Adds `count` to the number of list items read so far, and checks the sum against the number that a valid message
    /// of this size can contain.
    ///
    /// # Errors
    /// [`DecodeError::TooManyItems`] if the sum exceeds one item per bit of the message plus
    /// [`limits::MESSAGE_FREE_ITEMS`].
    pub fn charge(&mut self, count: usize) -> Result<(), DecodeError> {
        self.items_left = self.items_left.checked_sub(count).ok_or(DecodeError::TooManyItems)?;
        Ok(())
    }

    /// Runs `read` one nesting level deeper. Lists and boxes call this method to read their content, because they allow
    /// a type to contain itself.
    ///
    /// # Errors
    /// [`DecodeError::TooDeep`] if the nesting is deeper than [`limits::MESSAGE_DEPTH`] levels, or the error of `read`.
    pub fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth >= limits::MESSAGE_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Checks that nothing remains except the zero bits that fill the final byte. Every value thus has exactly one
    /// encoding.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] if a whole byte or a bit with the value 1 is left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        if self.remaining_bits() >= 8 || self.pending != 0 { Err(DecodeError::Trailing) } else { Ok(()) }
    }

    /// Reads at most 32 bits. The caller guarantees that `bits` bits are left.
    fn take_half(&mut self, bits: u32) -> u64 {
        if self.pending_bits < bits {
            self.refill();
        }
        let value = self.pending & ((1 << bits) - 1);
        self.pending >>= bits;
        self.pending_bits = self.pending_bits.saturating_sub(bits);
        value
    }

    fn refill(&mut self) {
        if let Some((four, rest)) = self.rest.split_first_chunk::<4>() {
            self.pending |= u64::from(u32::from_le_bytes(*four)) << self.pending_bits;
            self.pending_bits += 32;
            self.rest = rest;
            return;
        }
        for byte in core::mem::take(&mut self.rest) {
            self.pending |= u64::from(*byte) << self.pending_bits;
            self.pending_bits += 8;
        }
    }
}
