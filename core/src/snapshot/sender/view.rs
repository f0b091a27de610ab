//! The entities that the connection sees, and the words of units that the connection receives in a form that differs
//! from the store.

use alloc::vec::Vec;
use core::ops::Range;

use smallvec::SmallVec;

use super::slots::{NEVER, ViewedEntity};
use super::world_sender::WorldSender;
use crate::planted::{self, Bug};
use crate::snapshot::changes::{Changes, Gone, Show};
use crate::snapshot::delta::UnitSlot;
use crate::snapshot::ids::NetworkId;
use crate::snapshot::interest::SpatialGrid;
use crate::snapshot::schema::Audience;
use crate::snapshot::store::{Store, UnitId};
use crate::snapshot::unit_codec::EXISTENCE_WORDS;

impl WorldSender {
    /// Updates the view after the store's latest commit.
    pub(crate) fn on_commit(&mut self, store: &Store, grid: &SpatialGrid) {
        self.begin_tick(store);
        if self.is_closed {
            self.leave_all();
        }
        for unit in store.evicted() {
            if let Some(slot) = self.slots.orphan(*unit) {
                self.spent.remove(slot);
                self.dirty.insert(slot);
            }
        }
        for unit in store.changed().list() {
            if let Some(slot) = self.slots.of_unit(*unit) {
                self.on_changed(store, *unit, slot);
            }
        }
        for unit in store.added() {
            self.on_added(store, grid, *unit);
        }
        self.look_around(store, grid);
        self.readmit(store, grid);
    }

    /// Applies the visibility rules for single entities in the latest commit. Call this method after
    /// [`Self::on_commit`]. An entity that the same commit destroyed stays destroyed.
    pub(crate) fn on_rules(&mut self, store: &Store, grid: &SpatialGrid, changes: &Changes) {
        for (id, _) in changes.destroyed() {
            self.hidden.remove(id);
            self.always.remove(id);
        }
        let viewer = self.viewer;
        let own = changes.shows().iter().filter(|(connection, ..)| *connection == viewer);
        for (_, id, show) in own.filter(|(_, id, _)| store.entity(*id).is_some()) {
            self.set_rule(*id, *show);
            if *show == Show::Never {
                self.leave(*id, Gone::OutOfSight);
            } else {
                self.enter_if_near(store, grid, *id);
            }
        }
        for (id, _) in changes.owners().iter().filter(|(_, owner)| *owner == Some(viewer)) {
            self.enter(store, *id);
        }
    }

    /// Begins a view of the world, with all entities that the connection sees now.
    pub(crate) fn on_attached(&mut self, store: &Store, grid: &SpatialGrid) {
        self.begin_tick(store);
        self.look_around(store, grid);
        for entity in store.entities() {
            self.enter_if_near(store, grid, entity.id);
        }
        self.is_join_due = self.interest.is_some_and(|interest| interest.point.is_none());
        self.joining.clone_from(&self.dirty);
    }

    fn begin_tick(&mut self, store: &Store) {
        let tick = store.tick().and_then(|tick| u32::try_from(tick).ok());
        if let Some(tick) = tick.filter(|tick| *tick != self.tick) {
            self.tick = tick;
            self.parts = 0;
            self.is_behind = !self.plan.is_done();
            self.plan.clear();
            self.dirty.take_all(&mut self.spent);
        }
    }

    /// Updates the view after a commit changed a unit in the view.
    fn on_changed(&mut self, store: &Store, unit: UnitId, slot: UnitSlot) {
        let Some(state) = store.state(unit) else { return };
        if state.group == store.existence_group() {
            match state.gone {
                Some((_, gone)) => {
                    self.hidden.remove(&state.id);
                    self.leave(state.id, gone);
                }
                None if self.views(state.id) => {
                    self.dirty.insert(slot);
                    if !planted::is_planted(Bug::AudienceKept) {
                        self.judge_audiences(store, state.id);
                    }
                }
                None => {}
            }
            return;
        }
        if self.slots.get(slot).is_some_and(|slot| !slot.is_hidden && !slot.is_away) {
            self.spent.remove(slot);
            self.dirty.insert(slot);
        }
    }

    /// Updates the view after a commit added a unit. The unit's entity is new, or received a component of another
    /// group.
    fn on_added(&mut self, store: &Store, grid: &SpatialGrid, unit: UnitId) {
        if self.slots.of_unit(unit).is_some() {
            return;
        }
        let Some(state) = store.state(unit).filter(|state| state.gone.is_none()) else { return };
        if self.views(state.id) {
            self.add_unit(store, unit);
        } else if !self.slots.entities.contains_key(&state.id) {
            self.enter_if_near(store, grid, state.id);
        }
    }

    /// Adds an entity to the view. Call this method only right after a commit, because a tick must identify a single
    /// state.
    pub(crate) fn enter(&mut self, store: &Store, id: NetworkId) {
        if self.is_closed || self.hidden.contains(&id) || store.entity(id).is_none() {
            return;
        }
        let tick = self.tick;
        if let Some(entity) = self.slots.entities.get_mut(&id) {
            let Some((left, _)) = entity.leaving.take_if(|(_, gone)| *gone == Gone::OutOfSight) else {
                return;
            };
            entity.is_leaving_heard = false;
            self.slots.leaving.remove(&(left, id));
            // The peer may have forgotten it, or forgets it before the next frame comes.
            for number in self.slots.units_of(id) {
                if let Some(slot) = self.slots.get_mut(number) {
                    slot.is_away = false;
                    slot.kept_at = tick;
                    if !planted::is_planted(Bug::CameBackTrusted) {
                        slot.start_over();
                    }
                }
                self.dirty.insert(number);
            }
            self.add_units(store, id);
            return;
        }
        if !self.has_room_for(store, id) {
            return;
        }
        let group = store.existence_group();
        let Some((unit, entity)) = store.unit(id, group).zip(store.entity(id)) else { return };
        let blueprint = entity.settings.blueprint;
        let Some(existence) = self.slots.insert(unit, id, (group, blueprint), self.tick) else { return };
        let viewed = ViewedEntity {
            existence,
            units: SmallVec::new(),
            blueprint,
            leaving: None,
            is_leaving_heard: false,
        };
        self.slots.entities.insert(id, viewed);
        self.dirty.insert(existence);
        self.add_units(store, id);
    }

    /// Assigns slots to the units of an entity that have none.
    pub(super) fn add_units(&mut self, store: &Store, id: NetworkId) {
        for (_, unit) in store.units(id) {
            if self.slots.of_unit(unit).is_none() {
                self.add_unit(store, unit);
            }
        }
        self.judge_audiences(store, id);
    }

    /// Assigns a slot to a unit of an entity in the view.
    fn add_unit(&mut self, store: &Store, unit: UnitId) {
        let Some(state) = store.state(unit) else { return };
        let blueprint = self.slots.entities.get(&state.id).and_then(|entity| entity.blueprint);
        let Some(slot) = self.slots.insert(unit, state.id, (state.group, blueprint), self.tick) else {
            self.leave_out(store, unit);
            return;
        };
        if let Some(entity) = self.slots.entities.get_mut(&state.id) {
            entity.units.push(slot);
        }
        self.dirty.insert(slot);
        self.judge_audiences(store, state.id);
    }

    /// Removes an entity from the view, because the entity is out of sight or destroyed. Call this method only right
    /// after a commit, because a tick must identify a single state.
    pub(crate) fn leave(&mut self, id: NetworkId, gone: Gone) {
        let tick = self.tick;
        let Some(entity) = self.slots.entities.get_mut(&id) else { return };
        // An entity that is out of sight is destroyed out of sight.
        if entity.leaving.is_some() {
            return;
        }
        let is_out_of_sight = gone == Gone::OutOfSight;
        entity.leaving = Some((tick, gone));
        entity.is_leaving_heard = false;
        self.slots.leaving.insert((tick, id));
        let existence = entity.existence;
        let units = entity.units.clone();
        for number in &units {
            let Some(slot) = self.slots.get_mut(*number) else { continue };
            if is_out_of_sight {
                slot.is_away = true;
                self.dirty.remove(*number);
                self.spent.remove(*number);
                self.joining.remove(*number);
            } else {
                // The last values still go.
                slot.gone_at = tick;
            }
        }
        let was_sent = |slot: &UnitSlot| self.slots.get(*slot).is_some_and(|slot| slot.is_known);
        if units.iter().chain([&existence]).any(was_sent) {
            self.spent.remove(existence);
            self.dirty.insert(existence);
            return;
        }
        self.retire(id);
    }

    /// Sets the rule of the connection for an entity.
    pub(crate) fn set_rule(&mut self, id: NetworkId, show: Show) {
        self.set_hidden(id, show == Show::Never);
        if show == Show::Always {
            self.always.insert(id);
        } else {
            self.always.remove(&id);
        }
    }

    /// Sets whether an entity is hidden from the connection. Call this method before [`Self::leave`] or
    /// [`Self::enter`].
    pub(crate) fn set_hidden(&mut self, id: NetworkId, is_hidden: bool) {
        if is_hidden {
            self.hidden.insert(id);
        } else {
            self.hidden.remove(&id);
        }
    }

    /// Closes the view: all entities leave the view with the next commit.
    pub(crate) const fn close(&mut self) {
        self.is_closed = true;
    }

    /// Returns whether [`Self::close`] was called.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Removes all entities from the view.
    fn leave_all(&mut self) {
        let ids: Vec<NetworkId> = self.slots.entities.keys().copied().collect();
        for id in ids {
            self.leave(id, Gone::OutOfSight);
        }
    }

    /// Returns whether an entity is in the view and does not leave it.
    pub(in crate::snapshot) fn views(&self, id: NetworkId) -> bool {
        self.slots.entities.get(&id).is_some_and(|entity| entity.leaving.is_none())
    }

    /// Hides or shows the units of groups that only the owner, or only the other peers, receive.
    fn judge_audiences(&mut self, store: &Store, id: NetworkId) {
        if !self.codec.has_audiences() {
            return;
        }
        let owner = store.entity(id).and_then(|entity| entity.owner);
        let is_own = owner == Some(self.viewer);
        let Some(entity) = self.slots.entities.get(&id) else { return };
        for slot in entity.units.clone() {
            let Some(own) = self.slots.get_mut(slot) else { continue };
            let is_hidden = match self.codec.audience(own.group) {
                Audience::All => false,
                Audience::Owner => !is_own,
                Audience::Others => is_own,
            };
            if is_hidden != own.is_hidden {
                own.is_hidden = is_hidden;
                own.start_over();
                self.dirty.insert(slot);
            }
            if is_hidden && !own.is_known {
                self.dirty.remove(slot);
                self.joining.remove(slot);
            }
        }
    }

    /// Returns the words of an entity's own unit in the form that this connection receives: whether and why the
    /// entity is gone, the owner, and the epoch.
    pub(super) fn existence_words(&self, store: &Store, id: NetworkId) -> [u32; EXISTENCE_WORDS] {
        match self.slots.entities.get(&id).and_then(|entity| entity.leaving) {
            Some((_, Gone::Destroyed)) => return [1, 0, 0],
            Some((_, Gone::OutOfSight)) => return [2, 0, 0],
            None => {}
        }
        let Some(entity) = store.entity(id) else { return [1, 0, 0] };
        let owner = match entity.owner {
            None => 0,
            Some(owner) if owner == self.viewer => 1,
            Some(_) => 2,
        };
        [0, owner, entity.epoch]
    }

    /// Returns the versions of a unit that later frames of this connection may be coded against, one bit for each
    /// item of `ranges`. All versions from the oldest needed version on are needed: each was sent, or is the baseline
    /// of a version in flight.
    pub(crate) fn needed(&self, unit: UnitId, ranges: &[Range<u64>]) -> u64 {
        let Some(slot) = self.slots.of_unit(unit).and_then(|slot| self.slots.get(slot)) else { return 0 };
        let second = if slot.against >= self.floor { slot.against } else { NEVER };
        let oldest = second.min(slot.baseline).min(slot.first_unacked().unwrap_or(NEVER));
        let is_needed = |ticks: &&Range<u64>| ticks.end > u64::from(oldest);
        let count = ranges.iter().take_while(is_needed).count();
        1u64.checked_shl(count as u32).map_or(u64::MAX, |bit| bit - 1)
    }

    /// Returns the tick in which the first of the leaving entities left the view. An entity counts as leaving until
    /// the peer has dropped it.
    pub(crate) fn first_leaving(&self) -> Option<u32> {
        self.slots.leaving.first().map(|(tick, _)| *tick)
    }
}
