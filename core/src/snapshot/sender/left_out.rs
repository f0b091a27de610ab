//! The entities that a connection should see, but for whose units its view has no free slots.

use super::world_sender::WorldSender;
use crate::snapshot::ids::NetworkId;
use crate::snapshot::interest::SpatialGrid;
use crate::snapshot::store::{Store, UnitId};

impl WorldSender {
    /// Returns the number of entities that the connection should see, but that are missing in its view in whole or in
    /// part, because the view has no free slots for their units.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// Returns whether the view has free slots for all units of an entity that is not in the view. Otherwise, records
    /// that the view leaves out the entity, because a part of an entity is no state that the application had.
    pub(super) fn has_room_for(&mut self, store: &Store, id: NetworkId) -> bool {
        let has_room = self.slots.free() >= store.units(id).count();
        if !has_room {
            self.left_out.insert(id);
        }
        has_room
    }

    /// Records that the view has no slot for a unit of an entity.
    pub(super) fn leave_out(&mut self, store: &Store, unit: UnitId) {
        if let Some(state) = store.state(unit) {
            self.left_out.insert(state.id);
        }
    }

    /// Adds the entities that the view left out, as far as slots are free. Call this method right after a commit.
    pub(super) fn readmit(&mut self, store: &Store, grid: &SpatialGrid) {
        while self.slots.free() > 0
            && let Some(id) = self.left_out.pop_first()
        {
            if store.entity(id).is_none() || self.is_closed {
                continue;
            }
            if self.views(id) {
                self.add_units(store, id);
            } else {
                self.enter_if_near(store, grid, id);
            }
            if self.left_out.contains(&id) {
                break;
            }
        }
    }
}
