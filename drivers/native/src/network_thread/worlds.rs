//! Replicated worlds on the network thread.

use tickwire_core::snapshot::Viewer;
use tickwire_core::{ConnectionId, Instant};

use super::NetworkThread;
use crate::error::ReplicationError;

impl NetworkThread {
    /// Commits the changes that the game handed in first.
    pub(super) fn commit_next(&mut self, now: Instant) {
        let Some((world, changes)) = self.shared.worlds.next_commit() else { return };
        let tick = changes.tick();
        match self.endpoint.commit(now, world, &changes) {
            Ok(()) => self.tally.on_commit(&self.endpoint, world),
            Err(error) => self.refuse(ReplicationError::Refused { world, tick, error }),
        }
        self.shared.worlds.keep(changes);
    }

    pub(super) fn set_viewer(&mut self, now: Instant, connection: ConnectionId, viewer: Option<Viewer>) {
        let world = viewer.as_ref().map(|viewer| viewer.world).unwrap_or_default();
        if let Err(error) = self.endpoint.set_viewer(now, connection, viewer) {
            self.refuse(ReplicationError::NoViewer { world, error });
        }
    }

    /// The game hears of it with its next commit, and the log at once.
    fn refuse(&self, refusal: ReplicationError) {
        if self.shared.worlds.refuse(&refusal) {
            tracing::error!("{refusal}");
        }
    }
}
