//! A message that arrives in fragments.

use crate::channel::parts::{Parts, Spare};
use crate::event::Violation;
use crate::limits::{PAGE_LEAST, REASSEMBLY_RANGES};
use crate::planted::{self, Bug};

/// Bytes of the smallest frame around a fragment.
const FRAME: usize = 7;

/// A fragment, as the wire says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) total: u64,
    pub(super) offset: u64,
    pub(super) data: &'a [u8],
    /// The most bytes that a message of its channel may have.
    pub(super) total_most: u64,
}

/// Where a fragment that contradicts nothing belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct FragmentPlace<'a> {
    pub(super) total: u32,
    offset: u32,
    end: u32,
    data: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Bytes of the message that it begins.
    ///
    /// # Errors
    /// [`Violation::MessageTooLarge`] if there are more than there may be.
    pub(super) fn total(&self) -> Result<u32, Violation> {
        let total = u32::try_from(self.total).ok().filter(|_| self.total <= self.total_most);
        total.ok_or(Violation::MessageTooLarge)
    }

    /// Where it belongs in a message of `total` bytes.
    ///
    /// # Errors
    /// [`Violation::BadFragment`] if it is of another one, or leaves it.
    pub(super) fn place(&self, total: u32) -> Result<FragmentPlace<'a>, Violation> {
        let end = self.offset.checked_add(self.data.len() as u64);
        let end = end.filter(|&end| end <= self.total && self.total == u64::from(total));
        match (u32::try_from(self.offset), end.map(u32::try_from)) {
            (Ok(offset), Some(Ok(end))) => Ok(FragmentPlace { total, offset, end, data: self.data }),
            _ => Err(Violation::BadFragment),
        }
    }

    /// Bytes that it took of a datagram, at least.
    pub(super) const fn wire_bytes(&self) -> usize {
        self.data.len() + FRAME
    }

    /// Bytes of the heap that it adds at most to a message of which parts are there.
    pub(super) const fn growth(&self) -> usize {
        2 * self.data.len() + 16 * PAGE_LEAST
    }
}

impl FragmentPlace<'_> {
    /// Whether it would make more ranges than there may be.
    pub(super) fn crumbles(&self, parts: &Parts) -> bool {
        parts.ranges() >= REASSEMBLY_RANGES && !parts.touches(self.offset, self.end)
    }

    /// Stores the bytes that are new.
    pub(super) fn store(&self, parts: &mut Parts, spare: &mut Spare) {
        if planted::is_planted(Bug::OverlapCounted) {
            let fresh = parts.gap(self.offset, self.end).map_or(self.end, |(from, _)| from);
            parts.count_twice(fresh - self.offset);
        }
        spare.write(parts, self.offset, self.data);
    }
}
