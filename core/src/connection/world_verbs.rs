//! A session's methods for the world that it sends.

use core::ops::Range;

use super::session::Session;
use crate::snapshot::interest::SpatialGrid;
use crate::snapshot::receiver::WorldReceiver;
use crate::snapshot::sender::{InterestState, WorldSender};
use crate::snapshot::{Changes, Store, UnitId, WorldId, WorldStats};
use crate::time::Instant;

impl Session {
    /// The peer is sent another world from now on.
    pub(crate) fn begin_world(&mut self, now: Instant, world: WorldSender, priority: u8) {
        self.worlds.send_world(now, world, priority);
    }

    /// From the next commit on, the peer sees its world by distance, or all of it.
    pub(crate) fn set_interest(&mut self, interest: Option<InterestState>) {
        self.worlds.set_interest(interest);
    }

    /// The peer is not sent its world any more: everything leaves.
    pub(crate) fn end_world(&mut self) {
        self.worlds.close_view();
    }

    /// The world that the peer is sent.
    pub(crate) fn viewed_world(&self) -> Option<WorldId> {
        self.worlds.sender().filter(|world| !world.is_closed()).map(WorldSender::world)
    }

    /// The world that the peer is sent was committed. Returns the tick of the oldest end of an entity that the peer may still be told
    /// of.
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

    /// The versions of a unit that later frames may be coded against, as bits: see [`Store::thin`].
    pub(crate) fn needed_versions(&self, unit: UnitId, ranges: &[Range<u64>]) -> u64 {
        self.worlds.sender().map_or(0, |world| world.needed(unit, ranges))
    }

    /// Whether the peer is to be sent something of its world.
    pub(crate) fn has_world_frame(&self) -> bool {
        self.worlds.has_frame()
    }

    /// Counters of both worlds.
    pub(crate) fn world_stats(&self) -> WorldStats {
        let (sender, receiver) = (self.worlds.sender(), self.worlds.receiver());
        let sent = sender.map(WorldSender::counts).unwrap_or_default();
        let received = receiver.map(WorldReceiver::counts).unwrap_or_default();
        WorldStats {
            is_settled: sender.is_none_or(WorldSender::is_settled),
            tick_received: receiver.and_then(WorldReceiver::tick),
            ..WorldStats::new(sent, received)
        }
    }
}
