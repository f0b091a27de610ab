//! Messages of which parts are here, in pages that are used again.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::ranges::RangeSet;
use crate::limits::{MESSAGE_OVERHEAD, PAGE, PAGE_LEAST, PAGES_KEPT, TABLES_KEPT};

/// What a place in the table of pages counts in every budget, in bytes; the first is part of the message's overhead.
const PLACE: u64 = 24;
/// Kinds of pages: powers of two from the smallest to the largest.
const SIZES: usize = (PAGE.ilog2() - PAGE_LEAST.ilog2() + 1) as usize;
/// The bytes of one message, as far as they are here. There is a page for whatever was written, none for what was only
/// announced.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    total: u64,
    /// One place for each [`PAGE`] bytes of the message, up to the last page that is there.
    pages: Vec<Page>,
    /// Bytes of the message that the pages have room for.
    room: u64,
    /// What was written.
    pub(super) written: RangeSet,
}

/// A complete message that waits: of what came whole, thousands may wait that are smaller than a table of pages.
#[derive(Debug)]
pub(crate) enum Complete {
    /// On a page of its own.
    Page(Page),
    /// On several.
    Parts(Box<Parts>),
}

/// A page as long as what was written to it needs.
#[derive(Debug, Default)]
pub(crate) struct Page {
    bytes: Box<[u8]>,
    /// Where what was written ends.
    end: u16,
}

impl Complete {
    /// Bytes that it has.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Page(page) => page.end.into(),
            Self::Parts(parts) => parts.total(),
        }
    }
}

impl Page {
    pub(super) fn written(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.end)).unwrap_or_default()
    }
}

impl Parts {
    /// Bytes that the complete message has.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// Bytes held, with [`MESSAGE_OVERHEAD`] for the message and for each range of it.
    pub(super) fn memory(&self) -> u64 {
        let places = self.pages.len().saturating_sub(1) as u64;
        self.room + PLACE * places + MESSAGE_OVERHEAD * (self.written.len() as u64 + 1)
    }

    /// How much [`Self::memory`] may grow when the bytes from `start` to `end`, not beyond the total, are written.
    pub(super) fn growth(&self, start: u64, end: u64) -> u64 {
        let Some((first, past)) = pages_of(start, end) else { return 0 };
        let room: u64 = (first..past)
            .map(|index| {
                let there = self.pages.get(index).map_or(0, |page| u64::from(page.end));
                end_on(index, end).saturating_sub(there)
            })
            .sum();
        let places = past.saturating_sub(self.pages.len().max(1)) as u64;
        room + PLACE * places + MESSAGE_OVERHEAD
    }

    /// The parts of a complete message, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.pages.iter().map(Page::written)
    }

    /// Bytes of memory without pages.
    const fn table(&self) -> usize {
        size_of::<Self>() + PLACE as usize * (self.pages.capacity() + self.written.capacity())
    }
}

/// Memory for [`Parts`], used again.
#[derive(Debug, Default)]
pub(super) struct Spare {
    pages: [Vec<Box<[u8]>>; SIZES],
    /// Messages without pages.
    #[expect(clippy::vec_box, reason = "the box is what is used again")]
    tables: Vec<Box<Parts>>,
    tables_bytes: usize,
}

impl Spare {
    /// An empty message that is to have `total` bytes.
    pub(super) fn begin(&mut self, total: u64) -> Box<Parts> {
        let used = self.tables.pop();
        self.tables_bytes -= used.as_ref().map_or(0, |parts| parts.table());
        let mut parts = used.unwrap_or_default();
        parts.total = total;
        parts
    }

    /// Writes `data` to its place; what is beyond the total is cut off.
    pub(super) fn write(&mut self, parts: &mut Parts, offset: u64, data: &[u8]) {
        let end = offset.saturating_add(data.len() as u64).min(parts.total);
        let Some((first, past)) = pages_of(offset, end) else { return };
        if parts.pages.capacity() == 0 {
            parts.pages.reserve_exact(past);
        }
        if parts.pages.len() < past {
            parts.pages.resize_with(past, Page::default);
        }
        let (mut data, mut at) = (data, (offset % PAGE as u64) as usize);
        for index in first..past {
            let page_end = end_on(index, end) as usize;
            let Some(page) = parts.pages.get_mut(index) else { return };
            let more = page_end.saturating_sub(usize::from(page.end));
            if more > 0 {
                self.extend(page, page_end);
                parts.room += more as u64;
            }
            let (now, later) = data.split_at_checked(page_end - at).unwrap_or((data, &[]));
            if let Some(room) = page.bytes.get_mut(at..at + now.len()) {
                room.copy_from_slice(now);
            }
            (data, at) = (later, 0);
        }
        parts.written.insert(offset, end);
    }

    /// A copy of the complete message `bytes`.
    pub(super) fn store(&mut self, bytes: &[u8]) -> Complete {
        if bytes.len() > PAGE {
            let mut parts = self.begin(bytes.len() as u64);
            self.write(&mut parts, 0, bytes);
            return Complete::Parts(parts);
        }
        let mut page = Page::default();
        if !bytes.is_empty() {
            self.extend(&mut page, bytes.len());
        }
        if let Some(room) = page.bytes.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        Complete::Page(page)
    }

    /// A message of which all parts are here, without its table if it can do without.
    pub(super) fn complete(&mut self, mut parts: Box<Parts>) -> Complete {
        if parts.total > PAGE as u64 {
            return Complete::Parts(parts);
        }
        let page = parts.pages.pop().unwrap_or_default();
        self.recycle(parts);
        Complete::Page(page)
    }

    /// Takes the memory of a message back that waits no more.
    pub(super) fn recycle_complete(&mut self, message: Complete) {
        match message {
            Complete::Page(page) => self.recycle_page(page.bytes),
            Complete::Parts(parts) => self.recycle(parts),
        }
    }

    /// Takes memory back.
    pub(super) fn recycle(&mut self, mut parts: Box<Parts>) {
        parts.pages.drain(..).for_each(|page| self.recycle_page(page.bytes));
        let table = parts.table();
        if self.tables_bytes + table <= TABLES_KEPT {
            self.tables_bytes += table;
            parts.room = 0;
            parts.written.clear();
            self.tables.push(parts);
        }
    }

    /// Makes a page reach to `end`; what is new on it is left over from others.
    fn extend(&mut self, page: &mut Page, end: usize) {
        if page.bytes.len() < end {
            let class = class(end);
            let used = self.pages.get_mut(class).and_then(Vec::pop);
            let mut bytes = used.unwrap_or_else(|| vec![0; PAGE_LEAST << class].into());
            if let Some(old) = bytes.get_mut(..page.bytes.len()) {
                old.copy_from_slice(&page.bytes);
            }
            self.recycle_page(core::mem::replace(&mut page.bytes, bytes));
        }
        page.end = end as u16;
    }

    fn recycle_page(&mut self, page: Box<[u8]>) {
        let size = page.len();
        if size >= PAGE_LEAST
            && let Some(pages) = self.pages.get_mut(class(size))
            && pages.len() < PAGES_KEPT / size
        {
            pages.push(page);
        }
    }
}

/// The kind of page that has `size` bytes, up to [`PAGE`].
fn class(size: usize) -> usize {
    (size.max(PAGE_LEAST).next_power_of_two() / PAGE_LEAST).ilog2() as usize
}

/// Where the bytes of a message up to `end` end on a page: up to [`PAGE`].
fn end_on(index: usize, end: u64) -> u64 {
    end.saturating_sub(index as u64 * PAGE as u64).min(PAGE as u64)
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
        let end = 70_100 % PAGE;
        assert_eq!(parts.memory(), end as u64 + 17 * PLACE + 2 * MESSAGE_OVERHEAD);
        assert_eq!(parts.iter().map(<[u8]>::len).sum::<usize>(), end);
    }

    #[test]
    fn a_small_message_has_a_small_page() {
        let mut spare = Spare::default();
        for (length, size) in [(1, 64), (64, 64), (65, 128), (1150, 2048), (4000, 4096)] {
            let mut parts = spare.begin(length);
            spare.write(&mut parts, 0, &vec![1; length as usize]);
            assert_eq!(parts.pages[0].bytes.len(), size);
            assert_eq!(parts.memory(), length + 2 * MESSAGE_OVERHEAD);
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
        assert!(spare.tables.iter().map(|parts| parts.table()).sum::<usize>() <= TABLES_KEPT);
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
