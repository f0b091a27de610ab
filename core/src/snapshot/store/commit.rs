//! Commits the changes of a tick.

use super::error::CommitError;
use super::history::OLD_MANY;
use super::state::Store;
use super::units::{CheckedChange, NONE, UnitId};
use crate::snapshot::changes::{Changes, Column, Gone};
use crate::snapshot::groups::ComponentPlace;
use crate::snapshot::ids::NetworkId;

/// The number of units that a commit examines in search of units that are at rest and have older versions.
const SWEPT: usize = 64;
/// The time after the latest change of the world for which commits examine units, in seconds, and the number of
/// examinations of each unit after this time. In this time, peers acknowledge the latest state.
const SWEPT_FOR: u64 = 5;
const SWEPT_ROUNDS: u64 = 2;

impl Store {
    /// Commits all changes of a tick. If one change is invalid, the method commits no change.
    ///
    /// # Errors
    /// [`CommitError`] if a change is invalid. The store is then unchanged.
    pub fn commit(&mut self, changes: &Changes) -> Result<(), CommitError> {
        self.check(changes)?;
        let tick = changes.tick;
        // A unit that became due in a tick without a commit is due now.
        let since = self.newest.replace(tick).map_or(tick, |before| before + 1);
        self.changed.clear();
        self.evicted.clear();
        self.added.clear();
        for created in &changes.created {
            self.add_entity(created.id, tick);
        }
        self.apply_owners(changes, tick);
        self.apply_predictions(changes);
        self.apply_values(changes, tick);
        let Self { pending, touched, .. } = self;
        pending.take_due(since.saturating_sub(1), tick, |unit| {
            touched.insert(unit);
        });
        while let Some(unit) = self.touched.pop() {
            self.settle(unit, since, tick);
        }
        for (id, gone) in &changes.destroyed {
            self.destroy(*id, *gone, tick);
        }
        self.sweep(tick);
        Ok(())
    }

    fn add_entity(&mut self, id: NetworkId, tick: u64) {
        if let Some(entity) = self.entities.find(id)
            && self.add_unit(entity, self.existence_group().0, tick).is_some()
        {
            self.write_existence(entity, tick);
        }
    }

    fn apply_owners(&mut self, changes: &Changes, tick: u64) {
        for (id, owner) in &changes.owners {
            let Some(entity) = self.entities.find(*id) else { continue };
            let Some(record) = self.entities.get_mut(entity).filter(|record| record.owner != *owner) else {
                continue;
            };
            record.owner = *owner;
            record.epoch = record.epoch.wrapping_add(1);
            self.write_existence(entity, tick);
            self.refresh(entity);
        }
    }

    /// Updates the words of an entity's own unit.
    fn write_existence(&mut self, entity: u32, tick: u64) {
        let group = self.existence_group().0;
        let Some(unit) = self.entities.unit(entity, group) else { return };
        let (Some(record), Some(of_unit)) = (self.entities.get(entity), self.units.get_mut(unit)) else {
            return;
        };
        let Some(table) = self.tables.get_mut(usize::from(group)) else { return };
        let (words, is_there) = (record.words(), u32::from(record.gone.is_none()));
        for (place, word) in table.latest_mut(of_unit.row).iter_mut().zip(words.into_iter().chain([is_there]))
        {
            *place = word;
        }
        of_unit.set_at = tick;
        self.touched.insert(unit);
    }

    fn apply_predictions(&mut self, changes: &Changes) {
        for (connection, id, is_predicted) in &changes.predictions {
            let Some(entity) = self.entities.find(*id) else { continue };
            let is_change = if *is_predicted {
                self.predictions.insert(*connection, *id)
            } else {
                self.predictions.remove(*connection, *id)
            };
            if is_change {
                self.refresh(entity);
            }
        }
    }

    /// Writes the values that changed into the latest words of their units.
    fn apply_values(&mut self, changes: &Changes, tick: u64) {
        let mut checked = core::mem::take(&mut self.checked);
        for change in checked.drain(..) {
            let Some(column) = changes.columns.get(change.column as usize) else { continue };
            let Some(place) = self.components.get(usize::from(column.component().0)).copied() else {
                continue;
            };
            self.apply_value(change, column, &place, tick);
        }
        self.checked = checked;
    }

    fn apply_value(&mut self, change: CheckedChange, column: &Column, place: &ComponentPlace, tick: u64) {
        let group = place.group.0;
        let known = if change.unit == NONE {
            // Another component of the same changes may have created the unit.
            self.entities.unit(change.entity, group).or_else(|| self.add_unit(change.entity, group, tick))
        } else {
            Some(UnitId(change.unit))
        };
        let Some(unit) = known else { return };
        let (Some(record), Some(table)) = (self.units.get_mut(unit), self.tables.get_mut(usize::from(group)))
        else {
            return;
        };
        let value = (change.value != NONE).then(|| column.value(change.value as usize));
        table.write(record.row, place, value);
        record.set_at = tick;
        self.touched.insert(unit);
    }

    /// Commits a unit whose words may differ from the committed words, or makes the unit wait for its due tick. The
    /// due tick may be any tick from `since` to `tick`.
    fn settle(&mut self, unit: UnitId, since: u64, tick: u64) {
        let Self { units, tables, pending, .. } = self;
        let Some(record) = units.get_mut(unit) else { return };
        let Some(table) = tables.get_mut(usize::from(record.group)) else { return };
        let (committed, latest) = (table.committed(record.row), table.latest(record.row));
        if table.rules.presence(committed) == table.rules.presence(latest) {
            let due = record.rate.next_due(since, self.ticks_per_second);
            let is_far = due <= tick && !record.is_exact && table.rules.differ(committed, latest);
            if !is_far && committed == latest {
                pending.cancel(unit);
                return;
            }
            if due > tick {
                pending.wait(unit, due);
                return;
            }
            if !is_far && !record.is_exact {
                let rested = record.set_at.saturating_add(u64::from(self.ticks_per_second.div_ceil(2)));
                let due = record.rate.next_due(rested.max(since), self.ticks_per_second);
                if due > tick {
                    pending.wait(unit, due);
                    return;
                }
            }
        }
        table.commit(record, tick);
        pending.cancel(unit);
        if record.old >= OLD_MANY {
            self.crowded.insert(unit);
        }
        self.changed.insert(unit);
    }

    /// Commits the final words of an entity's units, and the destruction of the entity.
    fn destroy(&mut self, id: NetworkId, gone: Gone, tick: u64) {
        let Some(entity) = self.entities.retire(id, tick, gone) else { return };
        self.predictions.remove_entity(id);
        self.write_existence(entity, tick);
        for group in 0..self.tables.len() as u16 {
            let Some(unit) = self.entities.unit(entity, group) else { continue };
            let Some(record) = self.units.get_mut(unit) else { continue };
            let Some(table) = self.tables.get_mut(usize::from(group)) else { continue };
            self.pending.cancel(unit);
            if table.committed(record.row) != table.latest(record.row) {
                table.commit(record, tick);
                self.changed.insert(unit);
            }
        }
        if self.entities.leaving() > self.max_entities
            && let Some(first) = self.entities.first_gone(u64::MAX)
        {
            let mut evicted = core::mem::take(&mut self.evicted);
            self.release_first(first, |unit| evicted.push(unit));
            self.evicted = evicted;
        }
    }

    /// Examines the next few units, and queues for thinning those that are at rest and have older versions. A peer
    /// may no longer need the versions that it needed at the previous examination.
    ///
    /// The examinations end some time after the latest change of the world. They then have examined each unit at rest
    /// several times, and a world at rest costs nothing.
    fn sweep(&mut self, tick: u64) {
        let numbers = self.units.numbers();
        if !self.changed.list().is_empty() {
            let rounds = SWEPT_ROUNDS * numbers.div_ceil(SWEPT) as u64;
            self.sweep_until = tick + SWEPT_FOR * u64::from(self.ticks_per_second) + rounds;
        }
        if tick > self.sweep_until {
            return;
        }
        for _ in 0..SWEPT.min(numbers) {
            self.sweep = if (self.sweep as usize) < numbers { self.sweep } else { 0 };
            let unit = UnitId(self.sweep);
            self.sweep += 1;
            let Some(record) = self.units.get(unit) else { continue };
            let rest = u64::from(self.ticks_per_second.div_ceil(2));
            if record.old > 0 && tick.saturating_sub(record.since) >= rest {
                self.crowded.insert(unit);
            }
        }
    }
}
