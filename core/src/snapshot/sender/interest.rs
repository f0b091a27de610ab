//! The entities that a connection sees by distance.

use alloc::vec::Vec;

use slotmap::Key;

use super::interest_state::InterestState;
use super::slots::{NEVER, ViewSlot};
use super::world_sender::WorldSender;
use crate::event::ConnectionId;
use crate::limits::{INTEREST_HOLD, INTEREST_INTERVAL};
use crate::planted::{self, Bug};
use crate::snapshot::changes::Gone;
use crate::snapshot::delta::UnitSlot;
use crate::snapshot::ids::NetworkId;
use crate::snapshot::interest::{Eyes, SpatialGrid};
use crate::snapshot::store::Store;

impl WorldSender {
    /// Sets the point and the radii of the view, which apply from the next commit on. With `None`, the connection
    /// sees the whole world.
    pub(crate) fn set_interest(&mut self, interest: Option<InterestState>) {
        self.is_all_due = interest.is_none() && (self.is_all_due || self.interest.is_some());
        self.interest = interest.map(|interest| match &self.interest {
            Some(before) => interest.after(before),
            None => interest,
        });
    }

    /// Adds an entity to the view if the connection sees the entity from its eyes.
    pub(super) fn enter_if_near(&mut self, store: &Store, grid: &SpatialGrid, id: NetworkId) {
        if self.is_near(store, grid, id) {
            self.enter(store, id);
        }
    }

    fn is_near(&self, store: &Store, grid: &SpatialGrid, id: NetworkId) -> bool {
        let Some(interest) = self.interest else { return true };
        if self.sees_anywhere(store, id) {
            return true;
        }
        let Some(point) = interest.point else { return grid.point(store, id).is_none() };
        grid.squared_distance(store, id, point).is_none_or(|squared| squared <= interest.enters_within)
    }

    /// Returns whether the connection sees an entity at any distance.
    fn sees_anywhere(&self, store: &Store, id: NetworkId) -> bool {
        let is_eyes = self.interest.is_some_and(|interest| interest.eyes == Eyes::Entity(id));
        is_eyes
            || self.always.contains(&id)
            || store.entity(id).is_some_and(|entity| entity.owner == Some(self.viewer))
    }

    /// Searches for entities near the eyes, if a search is due. Call this method right after a commit.
    pub(super) fn look_around(&mut self, store: &Store, grid: &SpatialGrid) {
        if core::mem::take(&mut self.is_all_due) {
            store.entities().for_each(|entity| self.enter(store, entity.id));
        }
        let Some(mut interest) = self.interest.filter(|_| !self.is_closed) else { return };
        grid.unplaced().iter().for_each(|id| self.enter(store, *id));
        let own = match interest.eyes {
            Eyes::Entity(id) => grid.point(store, id),
            Eyes::Point(point) => Some(point),
        };
        let is_frozen = planted::is_planted(Bug::EyesFrozen);
        interest.point = if is_frozen { interest.point.or(own) } else { own.or(interest.point) };
        let is_due = self.tick >= interest.next;
        if is_due {
            let interval = ticks(INTEREST_INTERVAL.as_millis() as u32, store);
            let first = phase(self.viewer, interval);
            // Connections search in different ticks.
            interest.next = (self.tick / interval * interval + first).max(self.tick + 1);
        }
        self.interest = Some(interest);
        if is_due && interest.point.is_some() {
            self.enter_near(store, grid, &interest);
            self.leave_far(store, grid);
        }
        if self.is_join_due && interest.point.is_some() {
            // The set keeps the units that entered the view earlier and that the peer has not acknowledged.
            self.dirty.iter().for_each(|slot| self.joining.insert(slot));
            self.is_join_due = false;
        }
    }

    /// Adds the entities within the inner radius to the view, the nearest first, and updates the nearness of the
    /// entities in the view.
    fn enter_near(&mut self, store: &Store, grid: &SpatialGrid, interest: &InterestState) {
        let Some(point) = interest.point else { return };
        let mut entering = Vec::new();
        let tick = self.tick;
        grid.visit(point, interest.keep, |unit, id, squared| {
            let number = self.slots.of_unit(unit);
            let known = number.and_then(|number| self.slots.get_mut(number)).filter(|slot| !slot.is_away);
            let Some(slot) = known else {
                if squared <= interest.enters_within {
                    entering.push((squared, id));
                }
                return;
            };
            if squared > interest.enters_within && planted::is_planted(Bug::HysteresisIgnored) {
                return;
            }
            slot.kept_at = tick;
            let nearness = interest.nearness(squared);
            if slot.nearness != nearness {
                self.set_nearness(id, nearness);
            }
        });
        entering.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        for (_, id) in &entering {
            self.enter(store, *id);
        }
        // An entity with several positions is as near as the nearest of them, so that one is set last.
        for (squared, id) in entering.into_iter().rev() {
            self.set_nearness(id, interest.nearness(squared));
        }
    }

    fn set_nearness(&mut self, id: NetworkId, nearness: u8) {
        for number in self.slots.units_of(id) {
            if let Some(slot) = self.slots.get_mut(number) {
                slot.nearness = nearness;
            }
        }
    }

    /// Removes the entities that have been outside of the outer radius for at least [`INTEREST_HOLD`].
    fn leave_far(&mut self, store: &Store, grid: &SpatialGrid) {
        let is_ignored = planted::is_planted(Bug::HoldIgnored);
        let hold = if is_ignored { 1 } else { ticks(INTEREST_HOLD.as_millis() as u32, store) };
        let tick = self.tick;
        let is_placed = |slot: &ViewSlot| grid.get(slot.unit).is_some_and(|placed| placed.id == slot.id);
        let is_far = |slot: &ViewSlot| tick.saturating_sub(slot.kept_at) >= hold;
        let own = self.slots.iter().map(|(_, slot)| slot);
        let present = own.filter(|slot| !slot.is_away && slot.gone_at == NEVER);
        let far: Vec<NetworkId> =
            present.filter(|slot| is_far(slot) && is_placed(slot)).map(|slot| slot.id).collect();
        for id in far {
            let mut units = self.slots.units_of(id).into_iter();
            let is_near = |number: UnitSlot| {
                self.slots.get(number).is_some_and(|slot| is_placed(slot) && !is_far(slot))
            };
            if !units.any(is_near) && !self.sees_anywhere(store, id) {
                self.leave(id, Gone::OutOfSight);
            }
        }
    }
}

/// Converts milliseconds to ticks, at least 1.
fn ticks(milliseconds: u32, store: &Store) -> u32 {
    (milliseconds * store.ticks_per_second() / 1000).max(1)
}

/// Returns the offset of a connection's searches, in ticks. Offsets spread the searches of all connections over the
/// interval.
fn phase(connection: ConnectionId, interval: u32) -> u32 {
    interval + (connection.data().as_ffi() % u64::from(interval)) as u32
}
