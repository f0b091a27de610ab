//! Checks whether changes can be committed. The whole of the changes is checked before any of them is applied.

use alloc::collections::BTreeMap;

use super::error::CommitError;
use super::state::Store;
use super::units::{CheckedChange, NONE};
use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::changes::{Changes, Column};
use crate::snapshot::ids::NetworkId;

impl Store {
    /// Checks changes, adds their new entities, and records which values differ from the latest values. If changes are refused, the
    /// store stays as it was.
    pub(super) fn check(&mut self, changes: &Changes) -> Result<(), CommitError> {
        if let Some(newest) = self.newest
            && changes.tick <= newest
        {
            return Err(CommitError::TickNotNewer { tick: changes.tick, newest });
        }
        let newest_id = self.entities.newest();
        let result = self.check_created(changes).and_then(|()| {
            // The changes may hold values of entities that the same changes create.
            changes.created.iter().for_each(|created| self.entities.insert(created));
            self.check_columns(changes)?;
            self.check_ids(changes)?;
            self.check_predictions(changes)
        });
        if result.is_err() {
            self.entities.undo(&changes.created, newest_id);
        }
        result
    }

    fn check_created(&self, changes: &Changes) -> Result<(), CommitError> {
        let entities = self.entities.len() + changes.created.len();
        if entities.saturating_sub(changes.destroyed.len()) > self.max_entities {
            return Err(CommitError::TooManyEntities { max: self.max_entities });
        }
        // The ids of new entities ascend, so checking the first id is enough.
        match changes.created.first() {
            Some(first) if first.id <= self.entities.newest() => {
                Err(CommitError::IdNotNew { id: first.id, newest: self.entities.newest() })
            }
            _ => Ok(()),
        }
    }

    fn check_columns(&mut self, changes: &Changes) -> Result<(), CommitError> {
        self.checked.clear();
        for (number, column) in (0..).zip(&changes.columns) {
            if !column.is_empty() {
                self.check_column(number, column)?;
            }
        }
        Ok(())
    }

    fn check_column(&mut self, number: u32, column: &Column) -> Result<(), CommitError> {
        let component = column.component();
        let Some(place) = self.components.get(usize::from(component.0)).copied() else {
            return Err(CommitError::NoSuchComponent { component });
        };
        if place.words != column.width() {
            return Err(CommitError::WrongWords { component, given: column.width(), expected: place.words });
        }
        let Some(table) = self.tables.get(usize::from(place.group.0)) else {
            return Err(CommitError::NoSuchComponent { component });
        };
        let latest_words = table.component(&place);
        let Self { entities, units, checked, .. } = self;
        // Returns the unit of an entity, and the latest words of the component. The words are `None` if the entity lacks the
        // component.
        let latest = |entity: u32| {
            let unit = entities.unit(entity, place.group.0)?;
            Some((unit.0, latest_words.get(units.row(unit))))
        };
        for (index, (id, words)) in (0..).zip(column.values()) {
            let entity = entities.find(id).ok_or(CommitError::NoSuchEntity { id })?;
            let (unit, latest) = latest(entity).unwrap_or((NONE, None));
            if latest.is_some_and(|latest| are_equal(latest, words)) {
                continue;
            }
            if !table.rules.admits(&place, words) {
                return Err(CommitError::OutOfRange { id, component });
            }
            checked.push(CheckedChange { entity, unit, column: number, value: index });
        }
        for id in column.removed() {
            let entity = entities.find(*id).ok_or(CommitError::NoSuchEntity { id: *id })?;
            if let Some((unit, Some(_))) = latest(entity) {
                checked.push(CheckedChange { entity, unit, column: number, value: NONE });
            }
        }
        Ok(())
    }

    fn check_ids(&self, changes: &Changes) -> Result<(), CommitError> {
        let owners = changes.owners.iter().map(|(id, _)| *id);
        let shows = changes.shows.iter().map(|(_, id, _)| *id);
        let destroyed = changes.destroyed.iter().map(|(id, _)| *id);
        match owners.chain(shows).chain(destroyed).find(|id| self.entities.find(*id).is_none()) {
            Some(id) => Err(CommitError::NoSuchEntity { id }),
            None => Ok(()),
        }
    }

    /// Checks the number of entities that each connection would predict after the commit. A destroyed entity no longer counts.
    fn check_predictions(&self, changes: &Changes) -> Result<(), CommitError> {
        if changes.predictions.is_empty() {
            return Ok(());
        }
        let is_destroyed =
            |id: &NetworkId| changes.destroyed.binary_search_by_key(id, |(other, _)| *other).is_ok();
        let mut counts: BTreeMap<ConnectionId, (usize, usize)> = BTreeMap::new();
        for (id, _) in &changes.destroyed {
            for connection in self.predictions.of_entity(*id) {
                counts.entry(*connection).or_default().1 += 1;
            }
        }
        for (connection, id, is_predicted) in &changes.predictions {
            if is_destroyed(id) {
                continue;
            }
            // A connection may stop predicting an entity that it does not predict, or that no longer exists.
            if *is_predicted && self.entities.find(*id).is_none() {
                return Err(CommitError::NoSuchEntity { id: *id });
            }
            let (more, less) = counts.entry(*connection).or_default();
            match (*is_predicted, self.predictions.contains(*connection, *id)) {
                (true, false) => *more += 1,
                (false, true) => *less += 1,
                _ => {}
            }
        }
        for (connection, (more, less)) in counts {
            if self.predictions.count(connection) + more > limits::PREDICTED_ENTITIES + less && more > 0 {
                return Err(CommitError::TooManyPredicted { connection });
            }
        }
        Ok(())
    }
}

/// Returns `true` if two values are equal. Values have few words, so a loop is cheaper than the comparison of the
/// standard library, which is a call.
fn are_equal(old: &[u32], new: &[u32]) -> bool {
    old.iter().zip(new).all(|(old, new)| old == new)
}
