//! Counts what replicated worlds cost, beside what sending their full state would cost.

use slotmap::SecondaryMap;
use tickwire_core::snapshot::{Store, StoreStats, WorldId};
use tickwire_core::{ConnectionId, Endpoint};

use crate::stats::WorldTotals;

/// The totals of all worlds, and what they are counted from.
#[derive(Default)]
pub(crate) struct WorldTally {
    totals: WorldTotals,
    /// The counters of each viewer at the last commit.
    seen: SecondaryMap<ConnectionId, SentFrames>,
    /// The size of each world, by id.
    sizes: Vec<(WorldId, WorldSize)>,
}

/// Counters of a connection.
#[derive(Clone, Copy, Default)]
struct SentFrames {
    frames: u64,
    bytes: u64,
}

/// The size of a world's state. It is measured anew when the number of units has changed, but not with each commit.
#[derive(Clone, Copy, Default)]
struct WorldSize {
    entities: usize,
    units: usize,
    bits: u64,
    /// Commits until the size may be measured again.
    measured_for: u32,
}

/// Commits for which a measured size holds at least.
const MEASURED_FOR: u32 = 16;

impl WorldTally {
    /// A world was committed.
    pub(crate) fn on_commit(&mut self, endpoint: &Endpoint, world: WorldId) {
        let Some(store) = endpoint.world(world) else { return };
        let size = self.measure(world, store);
        let viewers = endpoint.viewers(world);
        let count = viewers.len() as u64;
        self.totals.commits += 1;
        self.totals.entities_shown += count * size.entities as u64;
        self.totals.full_state_bytes += count * size.bits.div_ceil(8);
        for viewer in viewers {
            self.look(endpoint, *viewer);
        }
    }

    /// Adds what a connection was sent since the last look.
    fn look(&mut self, endpoint: &Endpoint, viewer: ConnectionId) {
        let Some(stats) = endpoint.world_stats(viewer) else { return };
        let now = SentFrames { frames: stats.frames_sent, bytes: stats.bytes_sent };
        let Some(entry) = self.seen.entry(viewer) else { return };
        let seen = entry.or_default();
        // A viewer of another world counts from zero.
        if now.bytes < seen.bytes {
            *seen = SentFrames::default();
        }
        self.totals.frames_sent += now.frames.saturating_sub(seen.frames);
        self.totals.bytes_sent += now.bytes - seen.bytes;
        *seen = now;
    }

    /// Returns the size of a world's state.
    fn measure(&mut self, world: WorldId, store: &Store) -> WorldSize {
        let place = self.sizes.binary_search_by_key(&world, |(id, _)| *id);
        let place = place.unwrap_or_else(|place| {
            self.sizes.insert(place, (world, WorldSize::default()));
            place
        });
        let Some((_, size)) = self.sizes.get_mut(place) else { return WorldSize::default() };
        let StoreStats { entities, units, .. } = store.stats();
        size.measured_for = size.measured_for.saturating_sub(1);
        if size.measured_for == 0 && units != size.units {
            *size = WorldSize { entities, units, bits: state_bits(store), measured_for: MEASURED_FOR };
        }
        size.entities = entities;
        *size
    }

    /// A connection is over.
    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        self.seen.remove(connection);
    }

    /// Returns the totals so far. What was sent since the last commit is not among them.
    pub(crate) fn totals(&self) -> WorldTotals {
        let entities = self.sizes.iter().map(|(_, size)| size.entities).sum();
        WorldTotals { worlds: self.sizes.len(), entities, viewers: self.seen.len(), ..self.totals }
    }
}

/// Returns the bits of all components of a world without any compression.
fn state_bits(store: &Store) -> u64 {
    let existence = store.existence_group();
    let units = store.entities().flat_map(|entity| store.units(entity.id));
    let bits = units.filter(|(group, _)| *group != existence).filter_map(|(group, unit)| {
        let version = store.state(unit)?.version;
        version.is_present.then(|| store.layout(group).map_or(0, |layout| layout.state_bits(version.words)))
    });
    bits.sum()
}
