//! Reassembly of unreliable messages: a limited number at a time, and each for a limited time.

use crate::time::Span;
use alloc::vec::Vec;

use super::holding::Holding;
use super::reassembly::Fragment;
use crate::channel::parts::{Parts, Spare};
use crate::channel::room::Request;
use crate::event::{ChannelId, Violation};
use crate::limits::{UNRELIABLE_REASSEMBLIES, UNRELIABLE_REASSEMBLY_BYTES};
use crate::time::Instant;

/// The time after its first fragment at which an incomplete message is dropped.
const DEADLINE: Span = Span::from_secs(5);
/// The number of bytes that an entry costs in addition to its parts. The factor 2 covers the spare capacity of the
/// vector.
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

    /// Adds a fragment, and returns the message if the fragment completes it. Drops the oldest incomplete messages if
    /// there is no room, and calls `abandoned` with the channel of each dropped message.
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

    /// Drops the incomplete messages of `channel` with ids below `floor`. Returns the number of dropped messages.
    pub(super) fn give_up_below(&mut self, channel: ChannelId, floor: u64, holding: &mut Holding<'_>) -> u64 {
        let mut count = 0;
        let is_old = |entry: &LooseEntry| entry.channel == channel && entry.id < floor;
        while let Some(index) = self.entries.iter().position(is_old) {
            self.remove(index, holding);
            count += 1;
        }
        count
    }

    /// Drops the incomplete messages that have exceeded [`DEADLINE`]. Calls `abandoned` with the channel of each
    /// dropped message.
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

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.entries.shrink_to_fit();
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.entries.first().map(|entry| entry.since + DEADLINE)
    }

    /// Drops all incomplete messages, and returns the memory that they occupied, in bytes. Calls `abandoned` with the
    /// channel of each dropped message.
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

    /// Drops an incomplete message, recycles its memory, and returns its channel.
    fn remove(&mut self, index: usize, holding: &mut Holding<'_>) -> ChannelId {
        let LooseEntry { channel, parts, .. } = self.take(index, holding);
        holding.arena.spare.recycle(parts);
        channel
    }
}
