//! A session's methods for the world that it sends.

use core::ops::Range;

use super::session::Session;
use crate::snapshot::interest::SpatialGrid;
use crate::snapshot::receiver::WorldReceiver;
use crate::snapshot::sender::{InterestState, WorldSender};
use crate::snapshot::{Changes, Store, UnitId, WorldId, WorldStats};
use crate::time::Instant;

impl Session {
    /// Begins to send another world to the peer.
    pub(crate) fn begin_world(&mut self, now: Instant, world: WorldSender, priority: u8) {
        self.worlds.send_world(now, world, priority);
    }

    /// Sets whether the peer sees its world by distance or as a whole, from the next commit on.
    pub(crate) fn set_interest(&mut self, interest: Option<InterestState>) {
        self.worlds.set_interest(interest);
    }

    /// Stops sending the world to the peer. All entities leave the peer's view with the next commit.
    pub(crate) fn end_world(&mut self) {
        self.worlds.close_view();
    }

    /// Returns the world that this end sends to the peer.
    pub(crate) fn viewed_world(&self) -> Option<WorldId> {
        self.worlds.sender().filter(|world| !world.is_closed()).map(WorldSender::world)
    }

    /// Processes a commit of the world that this end sends. Returns the tick of the oldest end of an entity that this end
    /// may still have to send to the peer.
    pub(crate) fn commit_world(
        &mut self,
        now: Instant,
        store: &Store,
        grid: &SpatialGrid,
        changes: &Changes,
    ) -> Option<u64> {
        let world = self.worlds.on_commit(now)?;
        world.on_commit(store, grid);
        world.on_rules(store, grid, changes);
        world.first_leaving().map(u64::from)
    }

    /// Returns, as bits, the versions of a unit that later frames may use as a baseline: see [`Store::thin`].
    pub(crate) fn needed_versions(&self, unit: UnitId, ranges: &[Range<u64>]) -> u64 {
        self.worlds.sender().map_or(0, |world| world.needed(unit, ranges))
    }

    /// Returns `true` if a frame of the world waits to be sent.
    pub(crate) fn has_world_frame(&self) -> bool {
        self.worlds.has_frame()
    }

    /// Returns `true` if a unit of the sent world waits, or a frame of the world is in flight.
    pub(crate) fn has_pending_world(&self) -> bool {
        self.worlds.sender().is_some_and(WorldSender::is_pending)
    }

    /// Returns the counters of the sent and the received world.
    pub(crate) fn world_stats(&self) -> WorldStats {
        let (sender, receiver) = (self.worlds.sender(), self.worlds.receiver());
        let sent = sender.map(WorldSender::counts).unwrap_or_default();
        let received = receiver.map(WorldReceiver::counts).unwrap_or_default();
        WorldStats {
            entities_left_out: sender.map_or(0, WorldSender::left_out),
            is_settled: sender.is_none_or(WorldSender::is_settled),
            tick_received: receiver.and_then(WorldReceiver::tick),
            ..WorldStats::new(sent, received)
        }
    }
}
