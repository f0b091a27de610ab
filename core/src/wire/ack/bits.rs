//! Acknowledgements as a bitmap: one bit for each packet number below the largest.

use core::ops::RangeInclusive;

use super::ranges::AckRanges;
use crate::limits;
use crate::wire::{Malformed, varint_len};

/// Returns the size of a bitmap in bytes: as many bytes as all ranges need, or else as many as fit into `room` bytes
/// together with their count.
pub(super) fn bytes_that_fit(ranges: &AckRanges, room: usize) -> usize {
    let (Some(largest), Some(lowest)) = (ranges.largest(), ranges.lowest()) else { return 0 };
    let wanted = usize::try_from((largest - lowest).div_ceil(8)).unwrap_or(usize::MAX);
    let most = wanted.min(limits::ACK_BITMAP);
    most.min(room.saturating_sub(varint_len(most as u64)))
}

/// Sets the bit of each number in `ranges` below the largest number. `bits` are zeros before the call. Returns the
/// lowest acknowledged number that has a bit.
pub(super) fn fill(ranges: &AckRanges, bits: &mut [u8]) -> u64 {
    let Some(largest) = ranges.largest() else { return u64::MAX };
    // The number of the last bit, or 0 if there are more bits than numbers.
    let last = largest.saturating_sub(8 * bits.len() as u64);
    let mut lowest = largest;
    for range in ranges.iter() {
        if *range.end() < last {
            break;
        }
        let end = largest - (*range.start()).max(last);
        // The largest itself has no bit.
        let start = (largest - range.end()).max(1);
        for place in start..=end {
            if let Some(byte) = usize::try_from((place - 1) / 8).ok().and_then(|index| bits.get_mut(index)) {
                *byte |= 1 << ((place - 1) % 8);
            }
        }
        lowest = largest - end;
    }
    lowest
}

/// An iterator over the ranges that a bitmap represents, the newest first.
#[derive(Clone)]
pub(super) struct BitRanges<'a> {
    bits: &'a [u8],
    /// The end of the next range, if a bit before `place` has determined it.
    end: Option<Result<u64, Malformed>>,
    largest: u64,
    /// The index of the next bit to examine.
    place: usize,
}

impl<'a> BitRanges<'a> {
    pub(super) fn new(bits: &'a [u8], largest: Result<u64, Malformed>) -> Self {
        Self { bits, end: Some(largest), largest: largest.unwrap_or(0), place: 0 }
    }

    /// Returns the number of consecutive bits from `place` on that are equal to `set`.
    fn run(&self, set: bool) -> usize {
        let mut place = self.place;
        while let Some(byte) = self.bits.get(place / 8) {
            let byte = if set { *byte } else { !*byte };
            let run = (byte >> (place % 8)).trailing_ones() as usize;
            place += run;
            if run == 0 || !place.is_multiple_of(8) {
                break;
            }
        }
        place - self.place
    }

    /// Returns the packet number that the bit at `place` represents.
    fn number(&self, place: usize) -> Result<u64, Malformed> {
        self.largest.checked_sub(1 + place as u64).ok_or(Malformed)
    }
}

impl Iterator for BitRanges<'_> {
    type Item = Result<RangeInclusive<u64>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = self.end.take()?;
        let run = self.run(true);
        let range = end.and_then(|end| Ok(end.checked_sub(run as u64).ok_or(Malformed)?..=end));
        self.place += run;
        self.place += self.run(false);
        if range.is_ok() && self.place < 8 * self.bits.len() {
            // This bit is set.
            self.end = Some(self.number(self.place));
            self.place += 1;
        }
        Some(range)
    }
}
