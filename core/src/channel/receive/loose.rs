//! Reassembly of unreliable messages: at most a few at a time, and each for a limited time.

use crate::time::Span;
use alloc::vec::Vec;

use super::holding::Holding;
use super::reassembly::Fragment;
use crate::channel::parts::{Parts, Spare};
use crate::channel::room::Request;
use crate::event::{ChannelId, Violation};
use crate::limits::{UNRELIABLE_REASSEMBLIES, UNRELIABLE_REASSEMBLY_BYTES};
use crate::time::Instant;

/// After this long, what is missing does not come any more.
const DEADLINE: Span = Span::from_secs(5);
/// Bytes that an entry counts beside the parts of its message: the vector doubles.
const PLACE: usize = 2 * size_of::<LooseEntry>();

/// Unreliable messages in reassembly, oldest first.
#[derive(Debug)]
pub(super) struct Loose {
    entries: Vec<LooseEntry>,
    bytes: usize,
    bytes_most: usize,
}

#[derive(Debug)]
struct LooseEntry {
    channel: ChannelId,
    id: u64,
    since: Instant,
    parts: Parts,
}

impl LooseEntry {
    fn memory(&self) -> usize {
        PLACE + self.parts.memory()
    }
}

impl Loose {
    pub(super) fn new(max_message: usize) -> Self {
        let bytes_most = (UNRELIABLE_REASSEMBLY_BYTES as usize).max(max_message.saturating_mul(2));
        Self { entries: Vec::new(), bytes: 0, bytes_most }
    }

    /// Adds a fragment, and hands out the message that it completes; `abandoned` is
    /// told the channels of those that give way to it.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        (channel, id): (ChannelId, u64),
        fragment: Fragment<'_>,
        holding: &mut Holding<'_>,
        mut abandoned: impl FnMut(ChannelId),
    ) -> Result<Option<Parts>, Violation> {
        let mut index = self.entries.iter().position(|entry| entry.id == id && entry.channel == channel);
        let known = index.and_then(|index| self.entries.get(index));
        let place = match known {
            Some(entry) => fragment.place(entry.parts.total())?,
            None => fragment.place(fragment.total()?)?,
        };
        if let Some(index) = index
            && known.is_some_and(|entry| place.crumbles(&entry.parts))
        {
            abandoned(self.remove(index, holding));
            return Ok(None);
        }
        holding.account.on_received(fragment.wire_bytes());
        let request = Request { now, growth: fragment.growth(), message: None };
        while index.is_none() && self.entries.len() >= UNRELIABLE_REASSEMBLIES
            || self.bytes + request.growth > self.bytes_most
            || !holding.account.admits(&mut holding.arena.room, request)
        {
            if self.entries.is_empty() {
                abandoned(channel);
                return Ok(None);
            }
            abandoned(self.remove(0, holding));
            if index == Some(0) {
                return Ok(None);
            }
            index = index.map(|index| index - 1);
        }
        let (index, before) = match index {
            Some(index) => (index, self.entries.get(index).map_or(0, LooseEntry::memory)),
            None => {
                self.entries.push(LooseEntry { channel, id, since: now, parts: Spare::begin(place.total) });
                (self.entries.len() - 1, 0)
            }
        };
        let Some(entry) = self.entries.get_mut(index) else { return Ok(None) };
        place.store(&mut entry.parts, &mut holding.arena.spare);
        let (after, is_complete) = (entry.memory(), entry.parts.is_complete());
        self.change(before, after, holding);
        Ok(is_complete.then(|| self.take(index, holding).parts))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Gives up the messages of `channel` with ids below `floor`, and says how many.
    pub(super) fn give_up_below(&mut self, channel: ChannelId, floor: u64, holding: &mut Holding<'_>) -> u64 {
        let mut count = 0;
        let is_old = |entry: &LooseEntry| entry.channel == channel && entry.id < floor;
        while let Some(index) = self.entries.iter().position(is_old) {
            self.remove(index, holding);
            count += 1;
        }
        count
    }

    /// Gives up what waited too long.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        holding: &mut Holding<'_>,
        mut abandoned: impl FnMut(ChannelId),
    ) {
        while self.next_expiry().is_some_and(|expiry| expiry <= now) {
            abandoned(self.remove(0, holding));
        }
    }

    /// Gives unused memory back.
    pub(super) fn rest(&mut self) {
        self.entries.shrink_to_fit();
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.entries.first().map(|entry| entry.since + DEADLINE)
    }

    /// Gives up everything, and says how many bytes that were.
    pub(super) fn clear(&mut self, mut abandoned: impl FnMut(ChannelId)) -> usize {
        core::mem::take(&mut self.entries).iter().for_each(|entry| abandoned(entry.channel));
        core::mem::take(&mut self.bytes)
    }

    fn change(&mut self, before: usize, after: usize, holding: &mut Holding<'_>) {
        self.bytes = (self.bytes + after).saturating_sub(before);
        holding.account.change(before, after);
    }

    fn take(&mut self, index: usize, holding: &mut Holding<'_>) -> LooseEntry {
        let entry = self.entries.remove(index);
        self.change(entry.memory(), 0, holding);
        entry
    }

    /// Gives up an entry, and says of which channel it was.
    fn remove(&mut self, index: usize, holding: &mut Holding<'_>) -> ChannelId {
        let LooseEntry { channel, parts, .. } = self.take(index, holding);
        holding.arena.spare.recycle(parts);
        channel
    }
}
