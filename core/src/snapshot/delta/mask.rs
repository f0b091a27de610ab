//! Masks of the parts of a unit that differ from their prediction.

use super::fault::SnapshotFault;
use crate::snapshot::entropy::{CodeReader, CodeWriter};

/// The largest number of parts that share a mask. A unit of more parts has several masks, so an unexpected change costs the bits of
/// at most one mask of eight.
pub(super) const MASKED: usize = 8;

/// Writes which of `parts` parts, up to [`MASKED`], changed: one bit if exactly the expected parts changed.
#[inline]
pub(super) fn put_mask(mask: u32, expected: u32, parts: usize, out: &mut CodeWriter) {
    match (mask == expected, parts) {
        (true, _) => out.put(1, 1),
        // A single part has one other value, which needs no further bit.
        (false, 1) => out.put(0, 1),
        (false, _) => out.put(u64::from(mask) << 1, parts as u32 + 1),
    }
}

/// Reads which of `parts` parts, up to [`MASKED`], changed.
#[inline]
pub(super) fn take_mask(
    expected: u32,
    parts: usize,
    reader: &mut CodeReader<'_>,
) -> Result<u32, SnapshotFault> {
    if reader.bit()? {
        return Ok(expected);
    }
    if parts == 1 {
        return Ok(expected ^ 1);
    }
    let mask = reader.take(parts as u32)? as u32;
    if mask == expected { Err(SnapshotFault::Unchanged) } else { Ok(mask) }
}

/// Returns the Golomb order for the gaps between `count` changed elements among `length` elements.
pub(super) const fn gap_order(length: usize, count: usize) -> u32 {
    let gap = (length - if count < length { count } else { length }) / (count + 1);
    match gap.checked_ilog2() {
        Some(order) => order,
        None => 0,
    }
}

/// Returns the number of bits that distinguish `values` values.
pub(super) const fn width_for(values: u32) -> u32 {
    32 - values.saturating_sub(1).leading_zeros()
}
