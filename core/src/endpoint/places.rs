//! Places: the connections that count against [`crate::Config::max_connections`], and the source that holds each place.

use alloc::collections::{BTreeMap, VecDeque};

use smallvec::SmallVec;

use crate::event::ConnectionId;
use crate::handshake::Owner;
use crate::time::Instant;

/// The connections that hold no place any more, and the owners of those that do.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Connections that are leaving, or left before their `Closed` was reported, oldest first.
    pub(super) leaving: VecDeque<ConnectionId>,
    pub(super) owners: BTreeMap<Owner, SmallVec<[ConnectionId; 2]>>,
    /// When a newcomer of the same owner had a connection probed.
    pub(super) probed: BTreeMap<ConnectionId, Instant>,
}

impl Places {
    /// The connections of `owner` that hold a place.
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

    /// A connection is gone.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        // The oldest is gone first, as a rule.
        if let Some(index) = self.leaving.iter().position(|leaving| *leaving == connection) {
            self.leaving.remove(index);
        }
    }
}
