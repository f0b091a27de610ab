//! Unreliable messages in reassembly: few, and not for long.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::reassembly::{Fragment, Reassembly};
use crate::channel::parts::{Parts, Spare};
use crate::event::{ChannelId, Violation};
use crate::limits::{GIVEN_UP_KEPT, UNRELIABLE_REASSEMBLIES, UNRELIABLE_REASSEMBLY_BYTES};
use crate::time::Instant;

/// After this long, what is missing does not come any more.
const DEADLINE: Duration = Duration::from_secs(5);

/// Unreliable messages in reassembly, oldest first.
#[derive(Debug)]
pub(super) struct Loose {
    entries: Vec<Entry>,
    bytes_most: u64,
    /// Memory of what was given up while nobody was there to take it back.
    #[expect(clippy::vec_box, reason = "the box is what is used again")]
    given_up: Vec<Box<Parts>>,
}

#[derive(Debug)]
struct Entry {
    channel: ChannelId,
    id: u64,
    since: Instant,
    reassembly: Reassembly,
}

impl Loose {
    pub(super) fn new(max_message: usize) -> Self {
        let bytes_most = UNRELIABLE_REASSEMBLY_BYTES.max((max_message as u64).saturating_mul(2));
        Self { entries: Vec::new(), bytes_most, given_up: Vec::new() }
    }

    pub(super) fn memory(&self) -> u64 {
        self.entries.iter().map(|entry| entry.reassembly.memory()).sum()
    }

    /// Adds a fragment, and hands out the message that it completes; `abandoned` is told the channels of those that
    /// give way to it.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        (channel, id): (ChannelId, u64),
        fragment: Fragment<'_>,
        spare: &mut Spare,
        mut abandoned: impl FnMut(ChannelId),
    ) -> Result<Option<Box<Parts>>, Violation> {
        self.given_up.drain(..).for_each(|parts| spare.recycle(parts));
        let mut give_up = |entry: Entry, spare: &mut Spare| {
            abandoned(entry.channel);
            spare.recycle(entry.reassembly.into_parts());
        };
        let known = self.entries.iter().position(|entry| entry.channel == channel && entry.id == id);
        if known.is_none() {
            if self.entries.len() >= UNRELIABLE_REASSEMBLIES {
                give_up(self.entries.remove(0), spare);
            }
            let reassembly = Reassembly::new(fragment.total, spare);
            self.entries.push(Entry { channel, id, since: now, reassembly });
        }
        let mut index = known.unwrap_or_else(|| self.entries.len().saturating_sub(1));
        let Some(entry) = self.entries.get(index) else { return Ok(None) };
        let growth = entry.reassembly.growth(&fragment)?;
        if entry.reassembly.is_crumbled_by(&fragment) {
            give_up(self.entries.remove(index), spare);
            return Ok(None);
        }
        while self.memory().saturating_add(growth) > self.bytes_most {
            give_up(self.entries.remove(0), spare);
            let Some(left) = index.checked_sub(1) else { return Ok(None) };
            index = left;
        }
        let Some(entry) = self.entries.get_mut(index) else { return Ok(None) };
        entry.reassembly.insert(fragment, spare)?;
        let complete = entry.reassembly.is_complete();
        Ok(complete.then(|| self.entries.remove(index).reassembly.into_parts()))
    }

    /// Gives up the messages of `channel` with ids below `floor`, and says how many.
    pub(super) fn give_up_below(&mut self, channel: ChannelId, floor: u64, spare: &mut Spare) -> u64 {
        let is_old = |entry: &mut Entry| entry.channel == channel && entry.id < floor;
        let old = self.entries.extract_if(.., is_old);
        old.map(|entry| spare.recycle(entry.reassembly.into_parts())).count() as u64
    }

    /// Gives up what waited too long.
    pub(super) fn expire(&mut self, now: Instant, mut abandoned: impl FnMut(ChannelId)) {
        while self.next_expiry().is_some_and(|expiry| expiry <= now) {
            let entry = self.entries.remove(0);
            abandoned(entry.channel);
            let kept: u64 = self.given_up.iter().map(|parts| parts.memory()).sum();
            if kept + entry.reassembly.memory() <= GIVEN_UP_KEPT {
                self.given_up.push(entry.reassembly.into_parts());
            }
        }
    }

    /// Gives unused memory back.
    pub(super) fn rest(&mut self) {
        self.entries.shrink_to_fit();
        self.given_up = Vec::new();
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.entries.first().map(|entry| entry.since + DEADLINE)
    }

    /// Gives up everything.
    pub(super) fn clear(&mut self, mut abandoned: impl FnMut(ChannelId)) {
        self.entries.drain(..).for_each(|entry| abandoned(entry.channel));
    }
}
