//! The calls for replicated worlds: commits, viewers, and the reuse of the memory of events.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Endpoint;
use crate::event::ConnectionId;
use crate::limits;
use crate::planted::{self, Bug};
use crate::snapshot::sender::{InterestState, WorldSender};
use crate::snapshot::worlds::Worlds;
use crate::snapshot::{Changes, Store, Viewer, WorldError, WorldId, WorldStats};
use crate::time::Instant;

impl Endpoint {
    /// Commits all changes of one tick of a world, or no change if one change is invalid. The first commit of a
    /// [`WorldId`] creates the world. The endpoint sends the changes to each connection that views the world, as fast
    /// as the path of the connection allows. The endpoint always sends the newest state, and skips a state that a newer
    /// commit replaced before the transmission.
    ///
    /// Commit in every tick, even without changes. A commit without changes takes little time, and lets the endpoint resend
    /// lost units in the new tick.
    ///
    /// # Errors
    /// [`WorldError`] if the endpoint has no [`Config::snapshots`](crate::Config::snapshots), already has
    /// [`limits::WORLDS`] other worlds, the tick is above 2^32 - 1, or the world rejects the changes. The world is then
    /// unchanged.
    pub fn commit(&mut self, now: Instant, world: WorldId, changes: &Changes) -> Result<(), WorldError> {
        let now = self.advance(now);
        let Some(worlds) = self.worlds.table.as_mut() else { return Err(WorldError::NotConfigured) };
        if changes.tick() >= u64::from(u32::MAX) {
            return Err(WorldError::TickTooLarge { tick: changes.tick() });
        }
        let is_new = worlds.get(world).is_none();
        if is_new {
            if worlds.len() >= limits::WORLDS {
                return Err(WorldError::TooManyWorlds { most: limits::WORLDS });
            }
            worlds.insert(world).map_err(WorldError::Store)?;
        }
        let Some((store, grid, rules)) = worlds.get_mut(world) else { return Err(WorldError::NotConfigured) };
        if let Err(error) = store.commit(changes) {
            if is_new {
                worlds.remove(world);
            }
            return Err(WorldError::Commit(error));
        }
        grid.on_commit(store);
        rules.on_commit(changes);
        let viewers = self.worlds.viewers.entry(world).or_default();
        let before = viewers.len();
        viewers.retain(|id| self.connections.get(*id).is_some());
        if viewers.len() < before {
            rules.retain(|id| self.connections.get(id).is_some());
        }
        let mut first_leaving = changes.tick();
        for id in viewers.iter() {
            let Some(member) = self.connections.member_mut(*id) else { continue };
            let view = member.connection.session_mut().commit_world(now, store, grid, changes);
            first_leaving = first_leaving.min(view.unwrap_or(first_leaving));
        }
        let connections = &self.connections;
        store.thin(|unit, ranges| {
            let sessions = viewers.iter().filter_map(|id| Some(connections.get(*id)?.session()));
            sessions.fold(0, |bits, session| bits | session.needed_versions(unit, ranges))
        });
        store.release_before(first_leaving);
        let viewers = core::mem::take(viewers);
        for id in &viewers {
            // A connection that has nothing to send needs no look.
            if self.connections.get(*id).is_some_and(|connection| connection.session().has_world_frame()) {
                self.touch(*id);
            }
        }
        self.worlds.viewers.insert(world, viewers);
        Ok(())
    }

    /// Sets the world that the endpoint sends to a connection, and the part of the world that the connection sees. With
    /// `None`, all entities leave the connection's view at the next commit of the earlier world. The peer must have
    /// dialled this endpoint: an end that did not dial closes the connection when it receives a world. The call ignores
    /// an unknown connection.
    ///
    /// A new [`Viewer`] of the same world takes effect at the next commit. The endpoint does not send the rest of the
    /// world again.
    ///
    /// # Errors
    /// [`WorldError::NotConfigured`] if the endpoint has no [`Config::snapshots`](crate::Config::snapshots),
    /// [`WorldError::NoSuchWorld`] if nothing was committed to the world yet, or [`WorldError::BadViewer`] if a radius or
    /// the point of the viewer is invalid.
    pub fn set_viewer(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        viewer: Option<Viewer>,
    ) -> Result<(), WorldError> {
        let now = self.advance(now);
        let Some(worlds) = self.worlds.table.as_mut() else { return Err(WorldError::NotConfigured) };
        let priority = self.config.snapshots.as_ref().map_or(0, |snapshots| snapshots.priority);
        let Some(member) = self.connections.member_mut(connection) else { return Ok(()) };
        let session = member.connection.session_mut();
        let Some(viewer) = viewer else {
            session.end_world();
            return Ok(());
        };
        if !viewer.is_valid() {
            return Err(WorldError::BadViewer);
        }
        let codec = Arc::clone(worlds.codec());
        let (store, grid, rules) =
            worlds.get_mut(viewer.world).ok_or(WorldError::NoSuchWorld { world: viewer.world })?;
        let interest = viewer.eyes.map(|eyes| InterestState::new(eyes, viewer.radius, viewer.keep));
        if interest.is_some() {
            grid.serve(store, viewer.radius);
        }
        if session.viewed_world() == Some(viewer.world) {
            session.set_interest(interest);
        } else {
            let mut sender = WorldSender::new(codec, viewer.world, connection);
            sender.set_interest(interest);
            let own = rules.of(connection).filter(|_| !planted::is_planted(Bug::RulesLost));
            own.for_each(|(id, show)| sender.set_rule(id, show));
            sender.on_attached(store, grid);
            session.begin_world(now, sender, priority);
            for viewers in self.worlds.viewers.values_mut() {
                viewers.retain(|id| *id != connection);
            }
            self.worlds.viewers.entry(viewer.world).or_default().push(connection);
        }
        self.touch(connection);
        Ok(())
    }

    /// Returns the committed state of a world. Returns `None` before the first commit of the world.
    #[must_use]
    pub fn world(&self, world: WorldId) -> Option<&Store> {
        self.worlds.table.as_ref()?.get(world)
    }

    /// Gives the changes of an [`Event::Snapshot`](crate::Event::Snapshot) back to the endpoint, so that a later event
    /// reuses the memory of the changes.
    pub fn recycle(&mut self, changes: Box<Changes>) {
        self.worlds.spare.put(changes);
    }

    /// Returns the counters of a connection's worlds. Returns `None` if the endpoint has no such connection.
    #[must_use]
    pub fn world_stats(&self, connection: ConnectionId) -> Option<WorldStats> {
        Some(self.connections.get(connection)?.session().world_stats())
    }

    /// Returns whether a connection waits for a part of its world: a unit was not sent, or a frame in flight is neither
    /// acknowledged nor lost. An application whose world no longer changes commits until this is `false`, because a
    /// tick has at most 256 frames per connection.
    #[must_use]
    pub fn has_pending_worlds(&self) -> bool {
        self.connections.iter().any(|connection| connection.session().has_pending_world())
    }

    /// Returns the heap memory that all worlds occupy, in bytes. The memory does not include the state that each
    /// connection keeps of its worlds.
    #[must_use]
    pub fn world_memory(&self) -> usize {
        self.worlds.table.as_ref().map_or(0, Worlds::memory)
    }

    /// Returns the connections to which the endpoint sends a world. A connection whose viewer was set to `None` stays in
    /// the list until it views a different world, and an ended connection until the next commit of the world.
    #[must_use]
    pub fn viewers(&self, world: WorldId) -> &[ConnectionId] {
        self.worlds.viewers.get(&world).map_or(&[], Vec::as_slice)
    }
}
