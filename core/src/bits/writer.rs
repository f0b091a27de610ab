//! Writing of values bit by bit.

use alloc::vec::Vec;

use super::EncodeError;
use crate::limits;

/// A writer that appends single bits to a buffer. The first bit that it writes is the lowest bit of the first byte.
#[derive(Debug)]
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    limit: usize,
    pending: u64,
    pending_bits: u32,
    items: usize,
    depth: usize,
}

impl<'a> BitWriter<'a> {
    /// Creates a writer that appends at most `limit` bytes to `out`.
    #[must_use]
    pub const fn new(out: &'a mut Vec<u8>, limit: usize) -> Self {
        Self { start: out.len(), out, limit, pending: 0, pending_bits: 0, items: 0, depth: 0 }
    }

    /// Returns the number of bits written so far.
    #[must_use]
    pub const fn bits_written(&self) -> usize {
        (self.out.len() - self.start) * 8 + self.pending_bits as usize
    }

    /// Appends the low `bits` bits of `value`, at most 64, the lowest first.
    ///
    /// # Errors
    /// [`EncodeError::OutOfRange`] if `value` has higher bits set, or `bits` is above 64; [`EncodeError::TooLarge`]
    /// if the message exceeds the writer's limit in bytes. The writer checks this limit every 32 bits and in
    /// [`Self::finish`], so a later call may return the error.
    pub fn put(&mut self, value: u64, bits: u32) -> Result<(), EncodeError> {
        if bits > 64 || (bits < 64 && value >> bits != 0) {
            let most = 1u128.checked_shl(bits.min(64)).map_or(0, |above| above - 1);
            return Err(EncodeError::out_of_range(value, 0, most as i128));
        }
        let low_bits = bits.min(32);
        self.put_half(value & 0xffff_ffff, low_bits)?;
        self.put_half(value.checked_shr(32).unwrap_or(0), bits - low_bits)
    }

    /// Appends one Boolean value as one bit.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if the message exceeds the writer's limit in bytes: see [`Self::put`].
    pub fn bool(&mut self, value: bool) -> Result<(), EncodeError> {
        self.put(u64::from(value), 1)
    }

    /// Appends whole bytes at the current bit position, without alignment to a byte boundary.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if the message exceeds the writer's limit in bytes: see [`Self::put`].
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let (chunks, rest) = bytes.as_chunks::<8>();
        for chunk in chunks {
            self.put(u64::from_le_bytes(*chunk), 64)?;
        }
        rest.iter().try_for_each(|byte| self.put(u64::from(*byte), 8))
    }

    /// Adds `count` to the number of list items written so far. [`BitWriter::finish`] compares the sum with the number
    /// that a receiver accepts.
    pub const fn charge(&mut self, count: usize) {
        self.items = self.items.saturating_add(count);
    }

    /// Runs `write` one nesting level deeper. Lists and boxes call this method to write their content, because they allow
    /// a type to contain itself.
    ///
    /// # Errors
    /// [`EncodeError::TooDeep`] if the nesting is deeper than [`limits::MESSAGE_DEPTH`] levels, or the error of
    /// `write`.
    pub fn nested(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.depth >= limits::MESSAGE_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        self.depth += 1;
        let result = write(self);
        self.depth -= 1;
        result
    }

    /// Ends the encoding: fills the rest of the final byte with zero bits, and checks the limits.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if the message exceeds the writer's limit in bytes; [`EncodeError::TooManyItems`] if the
    /// message has more list items than one per bit plus [`limits::MESSAGE_FREE_ITEMS`].
    pub fn finish(mut self) -> Result<(), EncodeError> {
        let padding = self.pending_bits.wrapping_neg() % 8;
        self.put_half(0, padding)?;
        let bytes = (self.pending_bits / 8) as usize;
        self.flush(bytes)?;
        let written_bits = (self.out.len() - self.start) * 8;
        if self.items > written_bits.saturating_add(limits::MESSAGE_FREE_ITEMS) {
            return Err(EncodeError::TooManyItems);
        }
        Ok(())
    }

    fn put_half(&mut self, value: u64, bits: u32) -> Result<(), EncodeError> {
        self.pending |= value << self.pending_bits;
        self.pending_bits += bits;
        if self.pending_bits >= 32 { self.flush(4) } else { Ok(()) }
    }

    fn flush(&mut self, bytes: usize) -> Result<(), EncodeError> {
        if self.out.len() - self.start + bytes > self.limit {
            return Err(EncodeError::TooLarge { limit: self.limit });
        }
        for _ in 0..bytes {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
        Ok(())
    }
}
