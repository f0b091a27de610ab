//! Places: the connections that count against [`crate::Config::max_connections`], and the source that holds each place.

use alloc::collections::{BTreeMap, VecDeque};

use smallvec::SmallVec;

use crate::event::ConnectionId;
use crate::handshake::Owner;
use crate::time::Instant;

/// The connections that no longer hold a place, and the owners of the connections that do.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The connections that are closing, or that ended before their `Closed` was reported, oldest first.
    pub(super) leaving: VecDeque<ConnectionId>,
    pub(super) owners: BTreeMap<Owner, SmallVec<[ConnectionId; 2]>>,
    /// The time at which each connection was probed for a new client of the same owner.
    pub(super) probed: BTreeMap<ConnectionId, Instant>,
}

impl Places {
    /// Returns the connections of `owner` that hold a place.
    pub(super) fn held_by(&self, owner: &Owner) -> &[ConnectionId] {
        self.owners.get(owner).map_or(&[], SmallVec::as_slice)
    }

    pub(super) fn leave(&mut self, owner: &Owner, connection: ConnectionId) {
        if let Some(held) = self.owners.get_mut(owner) {
            held.retain(|held| *held != connection);
            if held.is_empty() {
                self.owners.remove(owner);
            }
        }
    }

    /// Removes a connection that has ended.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        // The oldest is gone first, as a rule.
        if let Some(index) = self.leaving.iter().position(|leaving| *leaving == connection) {
            self.leaving.remove(index);
        }
    }
}
