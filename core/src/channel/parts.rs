//! Messages that have arrived in part. The memory of a message depends on the number of bytes that arrived, not on
//! the claimed length or offset.

mod page;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::slice;

use self::page::Page;
use super::sorted::{Keyed, Sorted};
use crate::limits::{PAGE, PAGE_LEAST, PAGES_KEPT, TABLES_KEPT};

/// The number of page sizes: the powers of two from [`PAGE_LEAST`] to [`PAGE`].
const SIZES: usize = (PAGE.ilog2() - PAGE_LEAST.ilog2() + 1) as usize;

/// The bytes of one message that have arrived: extents sorted by offset, which do not overlap.
#[derive(Debug)]
pub(crate) struct Parts {
    total: u32,
    received: u32,
    table: Table,
}

/// The extents of a message. Most messages have a single extent, which needs no table.
#[derive(Debug)]
enum Table {
    /// A single extent. The length 0 means that no byte has arrived.
    One(Extent),
    More(Box<More>),
}

/// Consecutive bytes of a message, at most [`PAGE`]. The page of an extent has less than twice as many bytes as the
/// extent, unless the extent follows a full page.
#[derive(Debug, Default)]
struct Extent {
    page: Page,
    offset: u32,
    length: u16,
}

/// A table of two or more extents.
#[derive(Debug, Default)]
struct More {
    extents: Sorted<Extent>,
    /// The number of extents that do not begin at the end of another extent.
    ranges: usize,
    /// The heap memory of the pages of all extents, in bytes.
    pages: usize,
}

impl Extent {
    fn written(&self) -> &[u8] {
        self.page.bytes().get(..usize::from(self.length)).unwrap_or_default()
    }

    const fn end(&self) -> u32 {
        self.offset + self.length as u32
    }

    const fn stretch(&self) -> Stretch {
        Stretch { offset: self.offset, end: self.end() }
    }
}

impl Keyed for Extent {
    fn key(&self) -> u64 {
        self.offset.into()
    }
}

/// The position of an extent in its message.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    offset: u32,
    end: u32,
}

impl Stretch {
    const fn length(self) -> usize {
        (self.end - self.offset) as usize
    }
}

impl Parts {
    /// Returns the length of the complete message, in bytes.
    pub(super) const fn total(&self) -> u32 {
        self.total
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.received == self.total
    }

    /// Adds `bytes` to the number of received bytes without storing any byte: a bug that a test plants.
    pub(super) fn count_twice(&mut self, bytes: u32) {
        self.received = self.received.saturating_add(bytes);
    }

    /// Returns the heap memory of the message, in bytes.
    pub(super) fn memory(&self) -> usize {
        match &self.table {
            Table::One(extent) => extent.page.memory(),
            Table::More(more) => more.memory(),
        }
    }

    /// Returns the number of extents that do not begin at the end of another extent.
    pub(super) fn ranges(&self) -> usize {
        match &self.table {
            Table::One(extent) => usize::from(extent.length > 0),
            Table::More(more) => more.ranges,
        }
    }

    /// Returns whether any byte of `start..end`, or a byte next to this range, has arrived.
    pub(super) fn touches(&self, start: u32, end: u32) -> bool {
        self.before(start).is_some_and(|span| span.end >= start)
            || self.after(start).is_some_and(|span| span.offset <= end)
    }

    /// Returns the bytes of each extent, in the order of the offsets.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let (one, more) = match &self.table {
            Table::One(extent) => (slice::from_ref(extent), None),
            Table::More(more) => (<&[Extent]>::default(), Some(more.extents.iter())),
        };
        one.iter().chain(more.into_iter().flatten()).map(Extent::written)
    }

    /// Returns the first range of missing bytes in `at..end`, or `None` if all these bytes have arrived.
    pub(super) fn gap(&self, at: u32, end: u32) -> Option<(u32, u32)> {
        let mut from = at;
        while from < end {
            match self.before(from) {
                Some(span) if span.end > from => from = span.end,
                _ => return Some((from, self.after(from).map_or(end, |span| span.offset.min(end)))),
            }
        }
        None
    }

    /// Returns the position of the extent with the highest offset up to `at`.
    fn before(&self, at: u32) -> Option<Stretch> {
        let extent = match &self.table {
            Table::One(extent) => Some(extent).filter(|extent| extent.length > 0 && extent.offset <= at),
            Table::More(more) => more.extents.before(at.into()),
        };
        extent.map(Extent::stretch)
    }

    /// Returns the position of the extent with the lowest offset above `at`.
    fn after(&self, at: u32) -> Option<Stretch> {
        let extent = match &self.table {
            Table::One(extent) => Some(extent).filter(|extent| extent.length > 0 && extent.offset > at),
            Table::More(more) => more.extents.after(at.into()),
        };
        extent.map(Extent::stretch)
    }

    /// Returns the extent that begins at `offset`.
    fn extent_mut(&mut self, offset: u32) -> Option<&mut Extent> {
        match &mut self.table {
            Table::One(extent) => Some(extent),
            Table::More(more) => more.extents.get_mut(offset.into()),
        }
    }

    fn remove(&mut self, offset: u32) -> Option<Extent> {
        match &mut self.table {
            Table::One(_) => None,
            Table::More(more) => more.remove(offset),
        }
    }

    fn on_page_changed(&mut self, before: usize, after: usize) {
        if let Table::More(more) = &mut self.table {
            more.pages = (more.pages + after).saturating_sub(before);
        }
    }

    fn set_ranges(&mut self, ranges: usize) {
        if let Table::More(more) = &mut self.table {
            more.ranges = ranges;
        }
    }
}

impl More {
    fn memory(&self) -> usize {
        size_of::<Self>() + self.extents.memory() + self.pages
    }

    fn insert(&mut self, extent: Extent) {
        self.pages += extent.page.memory();
        self.extents.insert(extent);
    }

    fn remove(&mut self, offset: u32) -> Option<Extent> {
        let extent = self.extents.remove(offset.into())?;
        self.pages = self.pages.saturating_sub(extent.page.memory());
        Some(extent)
    }
}

/// Unused pages and tables, which [`Parts`] reuses.
#[derive(Debug, Default)]
pub(super) struct Spare {
    pages: [Vec<Box<[u8]>>; SIZES],
    pages_bytes: usize,
    /// Unused tables, which contain no extents.
    #[expect(clippy::vec_box, reason = "the boxes themselves are reused")]
    tables: Vec<Box<More>>,
    tables_bytes: usize,
}

impl Spare {
    /// Creates a message of `total` bytes, of which no byte has arrived.
    pub(super) fn begin(total: u32) -> Parts {
        Parts { total, received: 0, table: Table::One(Extent::default()) }
    }

    /// Stores those bytes of `data` that have not arrived yet. Ignores bytes beyond the total length of the message.
    pub(super) fn write(&mut self, parts: &mut Parts, offset: u32, data: &[u8]) {
        let end = offset.saturating_add(data.len() as u32).min(parts.total);
        if self.begin_or_append(parts, offset, end, data) {
            return;
        }
        let mut at = offset;
        while let Some((from, to)) = parts.gap(at, end) {
            let fresh = data.get((from - offset) as usize..(to - offset) as usize).unwrap_or_default();
            self.fill(parts, from, fresh);
            parts.received += to - from;
            at = to;
        }
    }

    /// Stores the first bytes of a message, or bytes that follow the only extent, if they fit on one page. These
    /// cases are the most frequent and need no search. Returns `false` in all other cases.
    fn begin_or_append(&mut self, parts: &mut Parts, offset: u32, end: u32, data: &[u8]) -> bool {
        let Table::One(extent) = &mut parts.table else { return false };
        let fits = usize::from(extent.length) + data.len() <= PAGE;
        if !fits || end - offset != data.len() as u32 {
            return false;
        }
        if extent.length == 0 {
            extent.offset = offset;
        } else if extent.end() != offset {
            return false;
        }
        self.extend(extent, data);
        parts.received += end - offset;
        true
    }

    /// Stores a copy of the complete message `bytes`.
    pub(super) fn store(&mut self, bytes: &[u8]) -> Parts {
        let mut parts = Self::begin(bytes.len() as u32);
        self.write(&mut parts, 0, bytes);
        parts
    }

    /// Recycles the pages and the table of a message.
    pub(super) fn recycle(&mut self, parts: Parts) {
        match parts.table {
            Table::One(extent) => self.recycle_extent(extent.page),
            Table::More(mut more) => {
                more.extents.drain(|extent| self.recycle_extent(extent.page));
                (more.pages, more.ranges) = (0, 0);
                let bytes = more.memory();
                if self.tables_bytes + bytes <= TABLES_KEPT {
                    self.tables_bytes += bytes;
                    self.tables.push(more);
                }
            }
        }
    }

    /// Returns a page of at least `size` bytes; `size` is at most [`PAGE`]. The page may contain bytes of earlier
    /// messages.
    pub(super) fn page(&mut self, size: usize) -> Box<[u8]> {
        let class = class(size);
        if let Some(used) = self.pages.get_mut(class).and_then(Vec::pop) {
            self.pages_bytes = self.pages_bytes.saturating_sub(used.len());
            return used;
        }
        vec![0; PAGE_LEAST << class].into()
    }

    pub(super) fn recycle_page(&mut self, page: Box<[u8]>) {
        let size = page.len();
        if size >= PAGE_LEAST
            && self.pages_bytes + size <= PAGES_KEPT
            && let Some(pages) = self.pages.get_mut(class(size))
        {
            self.pages_bytes += size;
            pages.push(page);
        }
    }

    fn extent_page(&mut self, size: usize) -> Page {
        if size <= size_of::<usize>() { Page::default() } else { Page::Own(self.page(size)) }
    }

    fn recycle_extent(&mut self, page: Page) {
        if let Page::Own(page) = page {
            self.recycle_page(page);
        }
    }

    /// Releases all unused memory.
    pub(super) fn trim(&mut self) {
        *self = Self::default();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.pages_bytes + self.tables_bytes == 0
    }

    /// Stores `data` in the gap that begins at the offset `at`.
    fn fill(&mut self, parts: &mut Parts, at: u32, data: &[u8]) {
        let end = at + data.len() as u32;
        let left = at.checked_sub(1).and_then(|last| parts.before(last)).filter(|span| span.end == at);
        let joins_right = parts.after(at).is_some_and(|span| span.offset == end);
        let joined = usize::from(left.is_some()) + usize::from(joins_right);
        let ranges = (parts.ranges() + 1).saturating_sub(joined);
        let (mut at, mut rest, mut last) = (at, data, at);
        if let Some(left) = left {
            last = left.offset;
            let room = PAGE.saturating_sub(left.length());
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.append(parts, left.offset, now);
            (at, rest) = (at + now.len() as u32, later);
        }
        while !rest.is_empty() {
            let (now, later) = rest.split_at_checked(PAGE).unwrap_or((rest, &[]));
            // Bytes that go on from a full page are likely to fill the next one.
            let goes_on = left.is_some() || rest.len() < data.len();
            let size = if goes_on { (parts.total - at) as usize } else { now.len() };
            self.add(parts, at, now, size.min(PAGE));
            last = at;
            (at, rest) = (at + now.len() as u32, later);
        }
        parts.set_ranges(ranges);
        if joins_right {
            self.merge(parts, last);
        }
    }

    /// Adds an extent, whose page has at least `size` bytes.
    fn add(&mut self, parts: &mut Parts, offset: u32, data: &[u8], size: usize) {
        let mut page = self.extent_page(size);
        if let Some(room) = page.bytes_mut().get_mut(..data.len()) {
            room.copy_from_slice(data);
        }
        let extent = Extent { page, offset, length: data.len() as u16 };
        match &mut parts.table {
            Table::One(one) if one.length == 0 => *one = extent,
            Table::One(one) => {
                let used = self.tables.pop();
                self.tables_bytes -= used.as_ref().map_or(0, |more| more.memory());
                let mut more = used.unwrap_or_default();
                more.insert(core::mem::take(one));
                more.insert(extent);
                parts.table = Table::More(more);
            }
            Table::More(more) => more.insert(extent),
        }
    }

    /// Appends `data` to the extent at `offset`. The extent then has at most [`PAGE`] bytes.
    fn append(&mut self, parts: &mut Parts, offset: u32, data: &[u8]) {
        let Some(extent) = parts.extent_mut(offset) else { return };
        let before = extent.page.memory();
        self.extend(extent, data);
        let after = extent.page.memory();
        parts.on_page_changed(before, after);
    }

    /// Appends `data` to an extent. The extent then has at most [`PAGE`] bytes.
    fn extend(&mut self, extent: &mut Extent, data: &[u8]) {
        let (start, end) = (usize::from(extent.length), usize::from(extent.length) + data.len());
        if extent.page.bytes().len() < end {
            let mut page = self.extent_page(end);
            if let Some(old) = page.bytes_mut().get_mut(..start) {
                old.copy_from_slice(extent.written());
            }
            self.recycle_extent(core::mem::replace(&mut extent.page, page));
        }
        if let Some(room) = extent.page.bytes_mut().get_mut(start..end) {
            room.copy_from_slice(data);
        }
        extent.length = end as u16;
    }

    /// Merges the extent at `offset` with the extents that follow it without a gap, if the bytes of both fit on one
    /// page. An extent that is more than twice as long as the extent before it is not merged. Each byte is therefore
    /// copied a logarithmic number of times, in whichever order the bytes arrive.
    fn merge(&mut self, parts: &mut Parts, offset: u32) {
        loop {
            let (Some(here), Some(next)) = (parts.before(offset), parts.after(offset)) else { return };
            let is_small = next.length() <= 2 * here.length() && here.length() + next.length() <= PAGE;
            if next.offset != here.end || !is_small {
                return;
            }
            let Some(extent) = parts.remove(next.offset) else { return };
            self.append(parts, offset, extent.written());
            self.recycle_extent(extent.page);
        }
    }
}

/// Returns the index of the smallest page size of at least `size` bytes; `size` is at most [`PAGE`].
fn class(size: usize) -> usize {
    (size.max(PAGE_LEAST).next_power_of_two() / PAGE_LEAST).ilog2() as usize
}
