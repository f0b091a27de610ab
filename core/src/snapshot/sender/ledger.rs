//! A record of the units of each frame in flight.

use alloc::collections::VecDeque;

use crate::snapshot::delta::{FrameName, UnitSlot};

/// A unit in a sent frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct LedgerEntry {
    pub(super) slot: UnitSlot,
    pub(super) visit: u16,
    /// The tick of the version that the unit was coded against, or [`NEVER`](super::slots::NEVER).
    pub(super) coded_against: u32,
}

#[derive(Clone, Copy, Debug)]
struct FrameRecord {
    name: FrameName,
    floor: u32,
    first: u64,
    units: u32,
    bytes: u32,
    is_settled: bool,
}

/// The records of the frames in flight, in the order of their numbers, which are consecutive from 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    first: u64,
    frames: VecDeque<FrameRecord>,
    first_entry: u64,
    entries: VecDeque<LedgerEntry>,
    /// The number of bytes in frames that are neither acknowledged nor lost.
    in_flight: u64,
}

impl Ledger {
    /// Returns the number of the next frame.
    pub(super) fn next(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// Returns whether any frame is in flight.
    pub(super) fn is_waiting(&self) -> bool {
        // The first frame is always such a frame: see `trim`.
        !self.frames.is_empty()
    }

    /// Adds a unit to the record of the next frame.
    pub(super) fn note(&mut self, entry: LedgerEntry) {
        self.entries.push_back(entry);
    }

    /// Records a frame with the units added since the previous frame.
    pub(super) fn record(&mut self, name: FrameName, floor: u32, bytes: usize) {
        self.in_flight += bytes as u64;
        let end = self.first_entry + self.entries.len() as u64;
        let first = self.frames.back().map_or(self.first_entry, |last| last.first + u64::from(last.units));
        self.frames.push_back(FrameRecord {
            name,
            floor,
            first,
            units: (end - first) as u32,
            bytes: bytes as u32,
            is_settled: false,
        });
    }

    /// Marks a frame as acknowledged or lost, and returns its name and its floor. Returns `None` if the frame is not
    /// in flight. The units of the frame stay readable until the next call of [`Self::trim`].
    pub(super) fn settle(&mut self, frame: u64) -> Option<(FrameName, u32)> {
        let record = self.record_mut(frame)?;
        if core::mem::replace(&mut record.is_settled, true) {
            return None;
        }
        let (name, floor, bytes) = (record.name, record.floor, record.bytes);
        self.in_flight -= u64::from(bytes);
        Some((name, floor))
    }

    /// Discards the records of all frames, because no acknowledgement of them can arrive any more.
    pub(super) fn forget_all(&mut self) {
        self.first = self.next();
        self.frames.clear();
        self.first_entry += self.entries.len() as u64;
        self.entries.clear();
        self.in_flight = 0;
    }

    /// Returns the number of bytes in frames that are neither acknowledged nor lost.
    pub(super) const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Returns the number of the frame with this name.
    pub(super) fn number(&self, name: FrameName) -> Option<u64> {
        let place = self.frames.iter().position(|record| record.name == name)?;
        Some(self.first + place as u64)
    }

    fn record_mut(&mut self, frame: u64) -> Option<&mut FrameRecord> {
        self.frames.get_mut(usize::try_from(frame.checked_sub(self.first)?).ok()?)
    }

    /// Returns the units of a frame, in the order of their slots.
    pub(super) fn units(&self, frame: u64) -> impl Iterator<Item = LedgerEntry> {
        let record =
            frame.checked_sub(self.first).and_then(|place| self.frames.get(usize::try_from(place).ok()?));
        let range = record.map_or(0..0, |record| {
            let first = (record.first - self.first_entry) as usize;
            first..first + record.units as usize
        });
        self.entries.range(range).copied()
    }

    /// Discards the records before the oldest frame in flight.
    pub(super) fn trim(&mut self) {
        while let Some(record) = self.frames.front().filter(|record| record.is_settled) {
            let end = record.first + u64::from(record.units);
            self.frames.pop_front();
            self.first += 1;
            while self.first_entry < end && self.entries.pop_front().is_some() {
                self.first_entry += 1;
            }
        }
    }

    /// Returns the heap memory of the records, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.frames.capacity() * size_of::<FrameRecord>() + self.entries.capacity() * size_of::<LedgerEntry>()
    }
}
