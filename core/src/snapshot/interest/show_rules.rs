//! The rules of single connections for single entities of a world.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::event::ConnectionId;
use crate::snapshot::changes::{Changes, Show};
use crate::snapshot::ids::NetworkId;

/// The rules that differ from [`Show::ByDistance`]. They outlive views, so that a rule also holds for a view that begins later.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShowRules {
    rules: BTreeMap<(NetworkId, ConnectionId), Show>,
}

impl ShowRules {
    /// Follows a commit.
    pub(crate) fn on_commit(&mut self, changes: &Changes) {
        for (connection, id, show) in changes.shows() {
            if *show == Show::ByDistance {
                self.rules.remove(&(*id, *connection));
            } else {
                self.rules.insert((*id, *connection), *show);
            }
        }
        if !self.rules.is_empty() && !changes.destroyed().is_empty() {
            let gone: BTreeSet<NetworkId> = changes.destroyed().iter().map(|(id, _)| *id).collect();
            self.rules.retain(|(id, _), _| !gone.contains(id));
        }
    }

    /// Removes the rules of connections that have ended.
    pub(crate) fn retain(&mut self, mut is_connected: impl FnMut(ConnectionId) -> bool) {
        self.rules.retain(|(_, connection), _| is_connected(*connection));
    }

    /// Returns the rules of one connection.
    pub(crate) fn of(&self, connection: ConnectionId) -> impl Iterator<Item = (NetworkId, Show)> {
        let own = self.rules.iter().filter(move |((_, other), _)| *other == connection);
        own.map(|((id, _), show)| (*id, *show))
    }

    /// Returns the number of heap bytes of the rules.
    pub(crate) fn memory(&self) -> usize {
        // A tree's node has places for eleven entries, of which more than half are used.
        self.rules.len() * size_of::<((NetworkId, ConnectionId), Show)>() * 2
    }
}
