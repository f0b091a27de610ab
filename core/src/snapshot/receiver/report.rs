//! The changes that the application receives: the newest state of all units that arrived after the previous report.

use slotmap::Key;

use super::WorldReceiver;
use super::seen_entities::{Existence, SeenOwner};
use crate::event::ConnectionId;
use crate::snapshot::changes::{Changes, Column, Created, EntitySettings};
use crate::snapshot::delta::UnitSlot;
use crate::snapshot::ids::NetworkId;

impl WorldReceiver {
    /// Returns whether the application has not received all changes yet.
    pub(crate) const fn has_changes(&self) -> bool {
        !self.pending.is_empty() || !self.farewells.is_empty()
    }

    /// Replaces the content of `changes` by all changes since the previous call. The changes never exceed the state
    /// of all units, however long the application waits. `own` is the id of this connection, which becomes the owner
    /// of entities that this peer owns. An entity that is both destroyed and created left the view and came back.
    pub(crate) fn take_changes(&mut self, own: ConnectionId, changes: &mut Changes) {
        changes.clear();
        changes.tick = u64::from(self.units.newest.unwrap_or(0));
        if changes.columns.is_empty() {
            let columns = self.codec.columns().into_iter();
            changes.columns = columns.map(|(component, width)| Column::new(component, width)).collect();
        }
        let pending = core::mem::take(&mut self.pending);
        for slot in pending.iter() {
            self.report_existence(slot, own, changes);
        }
        for slot in pending.iter() {
            self.report_unit(slot, changes);
        }
        self.pending = pending;
        self.pending.clear();
        for (id, _) in &changes.destroyed {
            self.forget_reported(*id);
        }
        changes.destroyed.append(&mut self.farewells);
        changes.created.sort_unstable_by_key(|created| created.id);
        changes.owners.sort_unstable_by_key(|(id, _)| *id);
        changes.destroyed.sort_unstable_by_key(|(id, _)| *id);
        self.forget();
    }

    fn report_existence(&mut self, slot: UnitSlot, own: ConnectionId, changes: &mut Changes) {
        let Some(unit) = self.units.get(slot) else { return };
        if unit.binding.group != self.codec.existence_group() {
            return;
        }
        let id = unit.binding.id;
        let Some(entity) = self.entities.get_mut(&id) else { return };
        match (entity.state, entity.reported) {
            (Existence::There(owner), reported) => {
                if reported.is_none() {
                    let settings = EntitySettings { blueprint: entity.blueprint, ..EntitySettings::new() };
                    changes.created.push(Created { id, settings });
                }
                if reported.unwrap_or_default() != owner {
                    let owner = match owner {
                        SeenOwner::Nobody => None,
                        SeenOwner::Own => Some(own),
                        SeenOwner::Another => Some(ConnectionId::null()),
                    };
                    changes.owners.push((id, owner));
                }
                entity.reported = Some(owner);
            }
            (Existence::Gone(gone), Some(_)) => changes.destroyed.push((id, gone)),
            (Existence::Gone(_), None) => {}
        }
    }

    /// Reports the components that the unit in a slot has, and the components that the unit has lost.
    fn report_unit(&mut self, slot: UnitSlot, changes: &mut Changes) {
        let Some((_, words)) = self.units.newest_words(slot) else { return };
        let Some(unit) = self.units.get(slot) else { return };
        let (id, group, before) = (unit.binding.id, unit.binding.group, unit.reported);
        let is_known = self.entities.get(&id).is_some_and(|entity| entity.reported.is_some());
        if !is_known || group == self.codec.existence_group() {
            return;
        }
        let mut after = 0;
        for (place, component) in self.codec.components(group).enumerate() {
            let Ok(at) = changes.columns.binary_search_by_key(&component.id, Column::component) else {
                continue;
            };
            let Some(column) = changes.columns.get_mut(at) else { continue };
            let bit = 1u32 << (place & 31);
            let presence = words.get(component.presence_word).copied().unwrap_or(0);
            if presence & component.presence_bit != 0 {
                let own = words.get(component.first_word..component.first_word + component.words);
                column.push_value(id, own.unwrap_or_default());
                after |= bit;
            } else if before & bit != 0 {
                column.push_removed(id);
            }
        }
        self.units.set_reported(slot, after);
    }

    /// Marks an entity as unknown to the application, after its removal was reported. If the entity comes back, all
    /// its components are reported again.
    fn forget_reported(&mut self, id: NetworkId) {
        let Some(entity) = self.entities.get_mut(&id) else { return };
        entity.reported = None;
        for slot in &entity.units {
            self.units.set_reported(*slot, 0);
        }
    }
}
