//! A message that arrives in fragments.

use crate::channel::parts::{Parts, Spare};
use crate::event::Violation;
use crate::limits::{PAGE_LEAST, REASSEMBLY_RANGES};
use crate::planted::{self, Bug};

/// The size in bytes of the smallest frame header of a fragment.
const FRAME: usize = 7;

/// A fragment with the values that the frame states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) total: u64,
    pub(super) offset: u64,
    pub(super) data: &'a [u8],
    /// The maximum length of a message on the channel, in bytes.
    pub(super) total_most: u64,
}

/// The validated position of a fragment in its message.
#[derive(Clone, Copy, Debug)]
pub(super) struct FragmentPlace<'a> {
    pub(super) total: u32,
    offset: u32,
    end: u32,
    data: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Returns the length of the whole message, in bytes.
    ///
    /// # Errors
    /// [`Violation::MessageTooLarge`] if the length exceeds `total_most`.
    pub(super) fn total(&self) -> Result<u32, Violation> {
        let total = u32::try_from(self.total).ok().filter(|_| self.total <= self.total_most);
        total.ok_or(Violation::MessageTooLarge)
    }

    /// Returns the position of the fragment in a message of `total` bytes.
    ///
    /// # Errors
    /// [`Violation::BadFragment`] if the fragment states a different total, or extends beyond the end of the message.
    pub(super) fn place(&self, total: u32) -> Result<FragmentPlace<'a>, Violation> {
        let end = self.offset.checked_add(self.data.len() as u64);
        let end = end.filter(|&end| end <= self.total && self.total == u64::from(total));
        match (u32::try_from(self.offset), end.map(u32::try_from)) {
            (Ok(offset), Some(Ok(end))) => Ok(FragmentPlace { total, offset, end, data: self.data }),
            _ => Err(Violation::BadFragment),
        }
    }

    /// Returns the smallest number of bytes that the fragment can have occupied in a datagram.
    pub(super) const fn wire_bytes(&self) -> usize {
        self.data.len() + FRAME
    }

    /// Returns the most heap memory that the fragment can add to a message in reassembly, in bytes.
    pub(super) const fn growth(&self) -> usize {
        2 * self.data.len() + 16 * PAGE_LEAST
    }
}

impl FragmentPlace<'_> {
    /// Returns whether the fragment would increase the number of separate ranges above [`REASSEMBLY_RANGES`].
    pub(super) fn crumbles(&self, parts: &Parts) -> bool {
        parts.ranges() >= REASSEMBLY_RANGES && !parts.touches(self.offset, self.end)
    }

    /// Stores the bytes of the fragment that `parts` does not contain yet.
    pub(super) fn store(&self, parts: &mut Parts, spare: &mut Spare) {
        if planted::is_planted(Bug::OverlapCounted) {
            let fresh = parts.gap(self.offset, self.end).map_or(self.end, |(from, _)| from);
            parts.count_twice(fresh - self.offset);
        }
        spare.write(parts, self.offset, self.data);
    }
}
