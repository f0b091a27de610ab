//! A message that arrives in fragments.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::event::Violation;
use crate::limits::MESSAGE_OVERHEAD;
use crate::planted::{self, Bug};
use crate::time::Instant;

/// The fragments of a message received so far. Only what was received is stored, whatever total is claimed.
#[derive(Debug)]
pub(super) struct Reassembly {
    total: u64,
    received: u64,
    /// By their offset; they do not overlap.
    pieces: BTreeMap<u64, Box<[u8]>>,
    /// When the last new byte came.
    pub(super) progress: Instant,
}

/// A fragment, as the wire says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) total: u64,
    pub(super) offset: u64,
    pub(super) data: &'a [u8],
}

impl Reassembly {
    pub(super) const fn new(now: Instant, total: u64) -> Self {
        Self { total, received: 0, pieces: BTreeMap::new(), progress: now }
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// Bytes held, overhead included.
    pub(super) fn memory(&self) -> u64 {
        self.received + MESSAGE_OVERHEAD * (self.pieces.len() as u64 + 1)
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.received == self.total
    }

    /// Stores the bytes of a fragment that are new.
    pub(super) fn insert(&mut self, now: Instant, fragment: Fragment<'_>) -> Result<(), Violation> {
        let Fragment { total, offset, data } = fragment;
        let end = offset.checked_add(data.len() as u64).ok_or(Violation::BadFragment)?;
        if total != self.total || end > total {
            return Err(Violation::BadFragment);
        }
        let before = self.pieces.range(..=offset).next_back().map(|(&at, piece)| at + piece.len() as u64);
        let mut at = before.map_or(offset, |covered| covered.max(offset));
        if planted::is_planted(Bug::OverlapCounted) {
            self.received += at.min(end) - offset;
        }
        while at < end {
            let next =
                self.pieces.range(at..).next().map(|(&start, piece)| (start, start + piece.len() as u64));
            let (gap_end, resume) = next.map_or((end, end), |(start, stop)| (start.min(end), stop));
            let (from, to) = ((at - offset) as usize, (gap_end - offset) as usize);
            if let Some(fresh) = data.get(from..to).filter(|fresh| !fresh.is_empty()) {
                self.pieces.insert(at, fresh.into());
                self.received += fresh.len() as u64;
                self.progress = now;
            }
            at = resume;
        }
        Ok(())
    }

    /// The message, if it is complete.
    pub(super) fn into_payload(self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.received as usize);
        for piece in self.pieces.values() {
            payload.extend_from_slice(piece);
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn overlaps_are_trimmed_and_every_byte_is_stored_once(cuts: Vec<(u8, u8)>) -> bool {
            let message: Vec<u8> = (0..=255).collect();
            let mut reassembly = Reassembly::new(Instant::ZERO, 256);
            let mut model = [false; 256];
            for (offset, length) in cuts {
                let range = usize::from(offset)..(usize::from(offset) + usize::from(length)).min(256);
                model[range.clone()].fill(true);
                let fragment = Fragment { total: 256, offset: range.start as u64, data: &message[range] };
                reassembly.insert(Instant::ZERO, fragment).unwrap();
            }
            let stored = model.iter().filter(|stored| **stored).count() as u64;
            let sum = reassembly.pieces.values().map(|piece| piece.len() as u64).sum::<u64>();
            let agrees = reassembly.received == stored && sum == stored;
            reassembly.insert(Instant::ZERO, Fragment { total: 256, offset: 0, data: &message }).unwrap();
            agrees && reassembly.is_complete() && reassembly.into_payload() == message
        }
    }
}
