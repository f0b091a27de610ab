//! Messages of which parts are here, in pages that are used again.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::ranges::RangeSet;
use crate::limits::{ARENA_LARGE, BOOKS_KEPT, MESSAGE_OVERHEAD, PAGE, PAGE_LEAST, PAGES_KEPT};

/// What a place in the table of pages counts in every budget, in bytes.
const PLACE: u64 = 16;
/// Kinds of pages: powers of two from the smallest to the largest.
const SIZES: usize = (PAGE.ilog2() - PAGE_LEAST.ilog2() + 1) as usize;
/// The longest table of pages that is kept for reuse.
const PLACES_KEPT: usize = ARENA_LARGE.div_ceil(PAGE);
/// The most ranges that are kept for reuse.
const RANGES_KEPT: usize = 2 * PLACES_KEPT;

/// The bytes of one message, as far as they are here. There is a page for whatever was written, none for what was only
/// announced.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    total: u64,
    /// One place for each [`PAGE`] bytes of the message, up to the last page that is there.
    pages: Vec<Option<Box<[u8]>>>,
    /// Bytes of the message that the pages have room for.
    room: u64,
    /// What was written.
    pub(super) written: RangeSet,
}

impl Parts {
    /// Bytes that the complete message has.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// Bytes held, with [`MESSAGE_OVERHEAD`] for the message and for each range of it.
    pub(super) fn memory(&self) -> u64 {
        self.room + PLACE * self.pages.len() as u64 + MESSAGE_OVERHEAD * (self.written.len() as u64 + 1)
    }

    /// How much [`Self::memory`] may grow when the bytes from `start` to `end`, not beyond the total, are written.
    pub(super) fn growth(&self, start: u64, end: u64) -> u64 {
        let Some((first, past)) = pages_of(start, end) else { return 0 };
        let missing = (first..past).filter(|&index| !matches!(self.pages.get(index), Some(Some(_))));
        let room: u64 = missing.map(|index| self.extent(index)).sum();
        room + PLACE * past.saturating_sub(self.pages.len()) as u64 + MESSAGE_OVERHEAD
    }

    /// The parts of a complete message, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..).zip(&self.pages).filter_map(|(index, page)| page.as_deref()?.get(..self.extent(index) as usize))
    }

    /// Bytes of the message that belong on a page.
    fn extent(&self, index: usize) -> u64 {
        self.total.saturating_sub(index as u64 * PAGE as u64).min(PAGE as u64)
    }
}

/// Memory for [`Parts`], used again.
#[derive(Debug, Default)]
pub(super) struct Spare {
    pages: [Vec<Box<[u8]>>; SIZES],
    books: Vec<Box<Parts>>,
}

impl Spare {
    /// An empty message that is to have `total` bytes.
    pub(super) fn begin(&mut self, total: u64) -> Box<Parts> {
        let mut parts = self.books.pop().unwrap_or_default();
        parts.total = total;
        parts
    }

    /// Writes `data` to its place; what is beyond the total is cut off.
    pub(super) fn write(&mut self, parts: &mut Parts, offset: u64, data: &[u8]) {
        let end = offset.saturating_add(data.len() as u64).min(parts.total);
        let Some((first, past)) = pages_of(offset, end) else { return };
        if parts.pages.len() < past {
            parts.pages.resize_with(past, || None);
        }
        let (mut data, mut at) = (data, (offset % PAGE as u64) as usize);
        for index in first..past {
            let extent = parts.extent(index) as usize;
            let Some(place) = parts.pages.get_mut(index) else { return };
            if place.is_none() {
                parts.room += extent as u64;
            }
            let page = place.get_or_insert_with(|| self.page(extent));
            let (now, later) = data.split_at_checked(extent - at).unwrap_or((data, &[]));
            if let Some(room) = page.get_mut(at..at + now.len()) {
                room.copy_from_slice(now);
            }
            (data, at) = (later, 0);
        }
        parts.written.insert(offset, end);
    }

    /// Takes memory back.
    pub(super) fn recycle(&mut self, mut parts: Box<Parts>) {
        for page in parts.pages.drain(..).flatten() {
            let size = page.len();
            if let Some(pages) = self.pages.get_mut(class(size))
                && pages.len() < PAGES_KEPT / size.max(1)
            {
                pages.push(page);
            }
        }
        let is_small = parts.pages.capacity() <= PLACES_KEPT && parts.written.capacity() <= RANGES_KEPT;
        if is_small && self.books.len() < BOOKS_KEPT {
            parts.room = 0;
            parts.written.clear();
            self.books.push(parts);
        }
    }

    /// A page for `extent` bytes; what it holds is left over.
    fn page(&mut self, extent: usize) -> Box<[u8]> {
        let class = class(extent);
        let used = self.pages.get_mut(class).and_then(Vec::pop);
        used.unwrap_or_else(|| vec![0; PAGE_LEAST << class].into())
    }
}

/// The kind of page that fits `extent` bytes, up to [`PAGE`].
fn class(extent: usize) -> usize {
    (extent.max(PAGE_LEAST).next_power_of_two() / PAGE_LEAST).ilog2() as usize
}

/// The indexes of the pages of the bytes from `start` to `end`, if any: the first, and the one after the last.
fn pages_of(start: u64, end: u64) -> Option<(usize, usize)> {
    (start < end).then(|| ((start / PAGE as u64) as usize, end.div_ceil(PAGE as u64) as usize))
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn a_page_is_there_for_what_was_written_only() {
        let mut spare = Spare::default();
        let mut parts = spare.begin(1 << 20);
        spare.write(&mut parts, 70_000, &[1; 100]);
        assert_eq!(parts.memory(), PAGE as u64 + 18 * PLACE + 2 * MESSAGE_OVERHEAD);
        assert_eq!(parts.iter().map(<[u8]>::len).sum::<usize>(), PAGE);
    }

    #[test]
    fn a_small_message_has_a_small_page() {
        let mut spare = Spare::default();
        for (length, size) in [(1, 64), (64, 64), (65, 128), (1150, 2048), (4000, 4096)] {
            let mut parts = spare.begin(length);
            spare.write(&mut parts, 0, &vec![1; length as usize]);
            assert_eq!(parts.pages[0].as_ref().unwrap().len(), size);
            assert_eq!(parts.memory(), length + PLACE + 2 * MESSAGE_OVERHEAD);
        }
    }

    #[test]
    fn memory_is_used_again_and_what_is_kept_is_bounded() {
        let mut spare = Spare::default();
        let mut seen = alloc::collections::BTreeSet::new();
        for _ in 0..100 {
            let mut parts = spare.begin(5000);
            spare.write(&mut parts, 0, &[1; 5000]);
            seen.extend(parts.iter().map(<[u8]>::as_ptr));
            spare.recycle(parts);
        }
        assert_eq!(seen.len(), 2);
        for total in [100, 200_000] {
            let many: Vec<_> = (0..3000)
                .map(|_| {
                    let mut parts = spare.begin(total);
                    spare.write(&mut parts, total - 100, &[1; 100]);
                    parts
                })
                .collect();
            many.into_iter().for_each(|parts| spare.recycle(parts));
        }
        assert!(spare.books.len() <= BOOKS_KEPT);
        assert!(spare.books.iter().all(|parts| parts.pages.capacity() <= PLACES_KEPT));
        assert!(spare.pages.iter().flatten().map(|page| page.len()).sum::<usize>() <= SIZES * PAGES_KEPT);
    }

    quickcheck! {
        fn what_was_written_is_there_and_memory_grows_by_no_more_than_was_said(script: Vec<(u16, u16)>) -> bool {
            const TOTAL: usize = 20_000;
            let message: Vec<u8> = (0..TOTAL).map(|at| (at % 251) as u8).collect();
            let mut spare = Spare::default();
            let mut parts = spare.begin(TOTAL as u64);
            let fits = script.into_iter().all(|(start, length)| {
                let start = usize::from(start) % TOTAL;
                let end = (start + usize::from(length) % 6000).min(TOTAL);
                let most = parts.memory() + parts.growth(start as u64, end as u64);
                spare.write(&mut parts, start as u64, &message[start..end]);
                parts.memory() <= most
            });
            while let Some((from, to)) = parts.written.gap(0, TOTAL as u64) {
                spare.write(&mut parts, from, &message[from as usize..to as usize]);
            }
            fits && parts.iter().collect::<Vec<_>>().concat() == message
        }
    }
}
