//! The table of answered handshakes that wait for their first Data packet, and of refusals that may have to
//! be repeated.
//!
//! An entry is known by the digest of the client's Noise bytes, not by an address: the sender of a copy gets the same
//! answer.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::cmp::Reverse;

use smallvec::SmallVec;

use super::buckets::BucketPlaces;
use super::half_open::{HALF_OPEN_LIFE, HalfOpen, HalfOpenId, Proven, ShownCredential};
use crate::address::Address;
use crate::limits;
use crate::time::{Instant, Span};

/// The age from which on a newer entry of the same ticket, session or peer replaces an entry.
const HALF_OPEN_STALE: Span = Span::from_secs(5);

/// The age below which a new client replaces an entry only if all entries are younger, because the first Data may be in
/// flight. 4,000 handshakes a second would fill the table in this time, more than one core can answer.
const FRESH: Span = Span::from_millis(250);

/// A refusal that was sent, and that is sent again in answer to each copy of its Hello.
struct Refused {
    credential: ShownCredential,
    welcome: Box<[u8]>,
}

enum EntryState {
    Waiting(HalfOpen),
    Refused(Refused),
}

pub(super) struct HalfOpenEntry {
    expires: Instant,
    state: EntryState,
}

impl HalfOpenEntry {
    fn born(&self) -> Instant {
        let extended = match &self.state {
            EntryState::Waiting(half_open) => half_open.extended(),
            EntryState::Refused(_) => Span::ZERO,
        };
        self.expires - (HALF_OPEN_LIFE + extended)
    }

    /// Returns the record of the client's source for a handshake that is abandoned.
    fn record(&self) -> Option<&BucketPlaces> {
        match &self.state {
            EntryState::Waiting(half_open) => half_open.record.as_ref(),
            EntryState::Refused(_) => None,
        }
    }

    const fn credential(&self) -> &ShownCredential {
        match &self.state {
            EntryState::Waiting(half_open) => &half_open.credential,
            EntryState::Refused(refused) => &refused.credential,
        }
    }
}

/// The space for a new client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Vacancy {
    /// A free place.
    Free,
    /// The place of this entry, which the table removes.
    Instead(HalfOpenId),
    /// The table is full, and may remove no entry for this client.
    Nowhere,
}

/// The data that remain of an abandoned entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Abandoned {
    /// The local id, which is free now.
    pub(super) local_id: u32,
    /// The record of the source.
    pub(super) record: Option<BucketPlaces>,
}

/// All entries: at most [`limits::HALF_OPEN`] waiting entries, and at most [`limits::REFUSALS_KEPT`] refusals.
pub(super) struct HalfOpenTable {
    entries: BTreeMap<HalfOpenId, HalfOpenEntry>,
    refused: usize,
    /// A time before which no entry expires.
    earliest: Instant,
}

impl HalfOpenTable {
    pub(super) const fn new() -> Self {
        Self { entries: BTreeMap::new(), refused: 0, earliest: Instant::MAX }
    }

    /// Returns the number of waiting entries and stored refusals.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of waiting entries.
    pub(super) fn waiting(&self) -> usize {
        self.entries.len().saturating_sub(self.refused)
    }

    /// Returns the answer to the Noise message with the digest `id`, to be sent to `address`.
    pub(super) fn repeat(&mut self, now: Instant, id: &HalfOpenId, address: Address) -> Option<&[u8]> {
        let entry = self.entries.get_mut(id).filter(|entry| now < entry.expires)?;
        match &mut entry.state {
            EntryState::Waiting(half_open) => {
                half_open.on_repeated(address);
                // The first Data follows the last copy within seconds, however long the round trip.
                if half_open.proven == Proven::from(address) {
                    entry.expires += half_open.extend((now + HALF_OPEN_LIFE).since(entry.expires));
                }
                Some(half_open.welcome())
            }
            EntryState::Refused(refused) => Some(&refused.welcome),
        }
    }

    /// Returns `true` if the table may store another entry of the same ticket, session or peer. If there are
    /// [`limits::HALF_OPEN_PER_TICKET`] such entries, the oldest is removed if its age is [`HALF_OPEN_STALE`].
    pub(super) fn has_room_for(&mut self, now: Instant, credential: &ShownCredential) -> bool {
        if *credential == ShownCredential::Open {
            return true;
        }
        let same = |entry: &&mut HalfOpenEntry| now < entry.expires && entry.credential().is_same(credential);
        let (count, oldest) = self.entries.values_mut().filter(same).fold((0, None), oldest_of);
        if count < limits::HALF_OPEN_PER_TICKET {
            return true;
        }
        let Some(oldest) = oldest.filter(|oldest| now.since(oldest.born()) >= HALF_OPEN_STALE) else {
            return false;
        };
        // The next `expire` removes it.
        oldest.expires = now;
        self.earliest = self.earliest.min(now);
        true
    }

    /// Returns the space for a new client with this credential. `record` is the record of the client's source, and
    /// `record_of` returns the record of an entry's source.
    ///
    /// Half of the table is for tickets, sessions and peers, and half for clients that have only a cookie. Each half may
    /// use the free places of the other half, and gives them back. In the half that must remove an entry, entries older
    /// than [`FRESH`] come first, then the entries whose source has the longest record, then the oldest entry.
    pub(super) fn room(
        &self,
        now: Instant,
        credential: &ShownCredential,
        record: u32,
        record_of: impl Fn(&BucketPlaces) -> u32,
    ) -> Vacancy {
        if self.waiting() < limits::HALF_OPEN {
            return Vacancy::Free;
        }
        let more =
            self.waiting_entries().filter(|(_, entry)| entry.credential().is_more_than_a_cookie()).count();
        let is_more = credential.is_more_than_a_cookie();
        let gives = if is_more { more >= limits::HALF_OPEN / 2 } else { more > limits::HALF_OPEN / 2 };
        let rank = |entry: &HalfOpenEntry| {
            let born = entry.born();
            (now.since(born) > FRESH, entry.record().map_or(0, &record_of), Reverse(born))
        };
        let candidates =
            self.waiting_entries().filter(|(_, entry)| entry.credential().is_more_than_a_cookie() == gives);
        let first = candidates.map(|(id, entry)| (rank(entry), *id)).max_by_key(|(rank, _)| *rank);
        match first {
            Some(((is_old, worst, _), id)) if is_old || worst >= record => Vacancy::Instead(id),
            _ => Vacancy::Nowhere,
        }
    }

    fn waiting_entries(&self) -> impl Iterator<Item = (&HalfOpenId, &HalfOpenEntry)> {
        self.entries.iter().filter(|(_, entry)| matches!(entry.state, EntryState::Waiting(_)))
    }

    /// Removes a waiting entry.
    pub(super) fn abandon(&mut self, id: &HalfOpenId) -> Option<Abandoned> {
        match self.entries.remove(id)?.state {
            EntryState::Waiting(half_open) => {
                Some(Abandoned { local_id: half_open.local_id(), record: half_open.record })
            }
            EntryState::Refused(_) => {
                self.refused = self.refused.saturating_sub(1);
                None
            }
        }
    }

    /// Stores `half_open`. Returns `false` if the table has no space, or already has an entry with the same id.
    #[must_use]
    pub(super) fn insert(&mut self, now: Instant, id: HalfOpenId, half_open: HalfOpen) -> bool {
        self.waiting() < limits::HALF_OPEN && self.add(now, id, EntryState::Waiting(half_open))
    }

    /// Stores a refusal if the table has space.
    pub(super) fn insert_refusal(
        &mut self,
        now: Instant,
        id: HalfOpenId,
        credential: ShownCredential,
        welcome: &[u8],
    ) {
        let refused = Refused { credential, welcome: welcome.into() };
        if self.refused < limits::REFUSALS_KEPT && self.add(now, id, EntryState::Refused(refused)) {
            self.refused += 1;
        }
    }

    fn add(&mut self, now: Instant, id: HalfOpenId, state: EntryState) -> bool {
        if self.entries.contains_key(&id) {
            return false;
        }
        let expires = now + HALF_OPEN_LIFE;
        self.earliest = self.earliest.min(expires);
        self.entries.insert(id, HalfOpenEntry { expires, state });
        true
    }

    pub(super) fn get(&self, now: Instant, id: &HalfOpenId) -> Option<&HalfOpen> {
        let entry = self.entries.get(id).filter(|entry| now < entry.expires)?;
        match &entry.state {
            EntryState::Waiting(half_open) => Some(half_open),
            EntryState::Refused(_) => None,
        }
    }

    /// Removes a waiting entry, and all other entries of the same ticket, session or peer. Returns the local ids of the
    /// others.
    pub(super) fn take(&mut self, now: Instant, id: &HalfOpenId) -> Option<(HalfOpen, SmallVec<[u32; 2]>)> {
        self.get(now, id)?;
        let entry = self.entries.remove(id)?;
        let EntryState::Waiting(half_open) = entry.state else {
            return None;
        };
        let freed = self.remove_where(usize::MAX, |entry| entry.credential().is_same(&half_open.credential));
        Some((half_open, freed.into_iter().map(|entry| entry.local_id).collect()))
    }

    /// Removes the waiting entries for which `is_doomed` returns `true`, and returns their local ids.
    pub(super) fn remove_waiting(&mut self, is_doomed: impl Fn(&HalfOpen) -> bool) -> SmallVec<[u32; 8]> {
        let removed = self.remove_where(usize::MAX, |entry| match &entry.state {
            EntryState::Waiting(half_open) => is_doomed(half_open),
            EntryState::Refused(_) => false,
        });
        removed.into_iter().map(|entry| entry.local_id).collect()
    }

    /// Removes expired entries, at most a fixed number per call.
    pub(super) fn expire(&mut self, now: Instant) -> SmallVec<[Abandoned; 8]> {
        if now < self.earliest {
            return SmallVec::new();
        }
        let freed = self.remove_where(limits::TIMERS_PER_CALL, |entry| entry.expires <= now);
        self.earliest = self.entries.values().map(|entry| entry.expires).min().unwrap_or(Instant::MAX);
        freed
    }

    /// Returns the time at which [`HalfOpenTable::expire`] is due, or [`Instant::MAX`] if no call is due.
    pub(super) const fn next_timeout(&self) -> Instant {
        self.earliest
    }

    fn remove_where(
        &mut self,
        most: usize,
        condition: impl Fn(&HalfOpenEntry) -> bool,
    ) -> SmallVec<[Abandoned; 8]> {
        let doomed: SmallVec<[HalfOpenId; 8]> =
            self.entries.iter().filter(|(_, entry)| condition(entry)).map(|(id, _)| *id).take(most).collect();
        doomed.iter().filter_map(|id| self.abandon(id)).collect()
    }
}

/// Counts an entry, and keeps the older of two entries.
fn oldest_of<'e>(
    (count, oldest): (usize, Option<&'e mut HalfOpenEntry>),
    entry: &'e mut HalfOpenEntry,
) -> (usize, Option<&'e mut HalfOpenEntry>) {
    let older = match oldest {
        Some(oldest) if oldest.born() <= entry.born() => oldest,
        _ => entry,
    };
    (count + 1, Some(older))
}
