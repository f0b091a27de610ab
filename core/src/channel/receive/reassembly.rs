//! A message that arrives in fragments.

use alloc::boxed::Box;

use crate::channel::parts::{Parts, Spare};
use crate::event::Violation;
use crate::limits::REASSEMBLY_RANGES;
use crate::planted::{self, Bug};

/// The fragments of a message received so far. There is memory for what was received only, whatever total is claimed.
#[derive(Debug)]
pub(super) struct Reassembly {
    parts: Box<Parts>,
    received: u64,
}

/// A fragment, as the wire says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) total: u64,
    pub(super) offset: u64,
    pub(super) data: &'a [u8],
}

impl Fragment<'_> {
    /// The offset after its last byte.
    fn end(&self) -> Result<u64, Violation> {
        let end = self.offset.checked_add(self.data.len() as u64);
        end.filter(|&end| end <= self.total).ok_or(Violation::BadFragment)
    }
}

impl Reassembly {
    pub(super) fn new(total: u64, spare: &mut Spare) -> Self {
        Self { parts: spare.begin(total), received: 0 }
    }

    pub(super) const fn total(&self) -> u64 {
        self.parts.total()
    }

    /// Bytes held, overhead included.
    pub(super) fn memory(&self) -> u64 {
        self.parts.memory()
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.received == self.total()
    }

    /// How much [`Self::memory`] may grow when a fragment is stored.
    ///
    /// # Errors
    /// [`Violation::BadFragment`] if it contradicts what is known.
    pub(super) fn growth(&self, fragment: &Fragment<'_>) -> Result<u64, Violation> {
        if fragment.total != self.total() {
            return Err(Violation::BadFragment);
        }
        Ok(self.parts.growth(fragment.offset, fragment.end()?))
    }

    /// Whether a fragment would make more ranges than there may be.
    pub(super) fn is_crumbled_by(&self, fragment: &Fragment<'_>) -> bool {
        let end = fragment.offset.saturating_add(fragment.data.len() as u64);
        self.parts.written.len() >= REASSEMBLY_RANGES && !self.parts.written.touches(fragment.offset, end)
    }

    /// Stores the bytes of a fragment that are new.
    ///
    /// # Errors
    /// [`Violation::BadFragment`] if it contradicts what is known.
    pub(super) fn insert(&mut self, fragment: Fragment<'_>, spare: &mut Spare) -> Result<(), Violation> {
        let Fragment { total, offset, data } = fragment;
        let end = fragment.end()?;
        if total != self.total() {
            return Err(Violation::BadFragment);
        }
        if planted::is_planted(Bug::OverlapCounted) {
            self.received += self.parts.written.gap(offset, end).map_or(end, |(from, _)| from) - offset;
        }
        while let Some((from, to)) = self.parts.written.gap(offset, end) {
            let fresh = data.get((from - offset) as usize..(to - offset) as usize).unwrap_or_default();
            spare.write(&mut self.parts, from, fresh);
            self.received += to - from;
        }
        Ok(())
    }

    /// The message, if it is complete.
    pub(super) fn into_parts(self) -> Box<Parts> {
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn overlaps_are_trimmed_and_every_byte_is_counted_once(cuts: Vec<(u8, u8)>) -> bool {
            let message: Vec<u8> = (0..=255).collect();
            let other: Vec<u8> = message.iter().map(|byte| !byte).collect();
            let mut spare = Spare::default();
            let mut reassembly = Reassembly::new(256, &mut spare);
            let mut model = [None; 256];
            for (offset, length) in cuts {
                let range = usize::from(offset)..(usize::from(offset) + usize::from(length)).min(256);
                let text = if length % 2 == 0 { &message } else { &other };
                model[range.clone()].iter_mut().zip(&text[range.clone()]).for_each(|(first, byte)| {
                    first.get_or_insert(*byte);
                });
                let fragment = Fragment { total: 256, offset: range.start as u64, data: &text[range] };
                reassembly.insert(fragment, &mut spare).unwrap();
            }
            let agrees = reassembly.received == model.iter().flatten().count() as u64;
            let rest = Fragment { total: 256, offset: 0, data: &message };
            reassembly.insert(rest, &mut spare).unwrap();
            let expected: Vec<u8> = model.iter().zip(&message).map(|(first, rest)| first.unwrap_or(*rest)).collect();
            let complete = reassembly.is_complete();
            agrees && complete && reassembly.into_parts().iter().collect::<Vec<_>>().concat() == expected
        }
    }
}
