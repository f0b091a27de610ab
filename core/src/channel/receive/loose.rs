//! Unreliable messages in reassembly: few, and not for long.

use alloc::vec::Vec;
use core::time::Duration;

use super::reassembly::{Fragment, Reassembly};
use crate::event::{ChannelId, Violation};
use crate::limits::{MESSAGE_OVERHEAD, UNRELIABLE_REASSEMBLIES, UNRELIABLE_REASSEMBLY_BYTES};
use crate::time::Instant;

/// After this long, what is missing does not come any more.
const DEADLINE: Duration = Duration::from_secs(5);

/// Unreliable messages in reassembly, oldest first.
#[derive(Debug)]
pub(super) struct Loose {
    entries: Vec<Entry>,
    bytes_most: u64,
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
        Self { entries: Vec::new(), bytes_most }
    }

    pub(super) fn memory(&self) -> u64 {
        self.entries.iter().map(|entry| entry.reassembly.memory()).sum()
    }

    /// Adds a fragment, and hands out the message that it completes; `abandoned` is told the channels of those that
    /// give way to it.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        channel: ChannelId,
        id: u64,
        fragment: Fragment<'_>,
        mut abandoned: impl FnMut(ChannelId),
    ) -> Result<Option<Vec<u8>>, Violation> {
        let known = self.entries.iter().position(|entry| entry.channel == channel && entry.id == id);
        if known.is_none() {
            if self.entries.len() >= UNRELIABLE_REASSEMBLIES {
                abandoned(self.entries.remove(0).channel);
            }
            let reassembly = Reassembly::new(now, fragment.total);
            self.entries.push(Entry { channel, id, since: now, reassembly });
        }
        let mut index = known.unwrap_or_else(|| self.entries.len().saturating_sub(1));
        let more = fragment.data.len() as u64 + MESSAGE_OVERHEAD;
        while self.memory().saturating_add(more) > self.bytes_most {
            abandoned(self.entries.remove(0).channel);
            let Some(left) = index.checked_sub(1) else { return Ok(None) };
            index = left;
        }
        let Some(entry) = self.entries.get_mut(index) else { return Ok(None) };
        entry.reassembly.insert(now, fragment)?;
        let complete = entry.reassembly.is_complete();
        Ok(complete.then(|| self.entries.remove(index).reassembly.into_payload()))
    }

    /// Gives up the messages of `channel` with ids below `floor`, and says how many.
    pub(super) fn give_up_below(&mut self, channel: ChannelId, floor: u64) -> u64 {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.channel != channel || entry.id >= floor);
        (before - self.entries.len()) as u64
    }

    /// Gives up what waited too long.
    pub(super) fn expire(&mut self, now: Instant, mut abandoned: impl FnMut(ChannelId)) {
        while self.next_expiry().is_some_and(|expiry| expiry <= now) {
            abandoned(self.entries.remove(0).channel);
        }
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.entries.first().map(|entry| entry.since + DEADLINE)
    }

    /// Gives up everything.
    pub(super) fn clear(&mut self, mut abandoned: impl FnMut(ChannelId)) {
        self.entries.drain(..).for_each(|entry| abandoned(entry.channel));
    }
}
