//! The slots of one connection: the unit to which each slot is bound, and the versions of the unit that the peer is known to have.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use smallvec::SmallVec;

use super::interest_state::NEAREST;
use crate::planted::{self, Bug};
use crate::snapshot::changes::Gone;
use crate::snapshot::delta::UnitSlot;
use crate::snapshot::ids::{BlueprintId, GroupId, NetworkId};
use crate::snapshot::store::UnitId;

/// No tick.
pub(super) const NEVER: u32 = u32::MAX;
/// Ticks back to which a slot knows when its unit was sent.
const MASK_TICKS: u32 = u64::BITS;
/// No slot.
const NONE: u16 = u16::MAX;

/// A unit in the view of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewSlot {
    pub(super) unit: UnitId,
    pub(super) id: NetworkId,
    pub(super) group: GroupId,
    pub(super) blueprint: Option<BlueprintId>,
    /// Counts what makes earlier frames say nothing of this unit: another unit in the slot, or a fresh start.
    pub(super) visit: u16,
    /// The newest acknowledged version, or [`NEVER`].
    pub(super) baseline: u32,
    /// The version that the baseline was coded against, or [`NEVER`].
    pub(super) against: u32,
    /// The tick in which the unit was last sent, or [`NEVER`].
    pub(super) sent: u32,
    /// The tick in which it came into view, or was last sent: since then it waits.
    pub(super) waits_from: u32,
    /// The tick in which the unit came into view, or a search last found it within the outer radius.
    pub(super) kept_at: u32,
    /// How near the entity is, from 1 to [`NEAREST`].
    pub(super) nearness: u8,
    /// The ticks after the baseline in which it was sent: bit 0 stands for `sent`, each next one for a tick before.
    unacked: u64,
    /// Whether the store has the unit no more, or the peer may not see it: it is sent as absent.
    pub(super) is_hidden: bool,
    /// Whether its entity is out of sight, so that the unit is not sent.
    pub(super) is_away: bool,
    /// The tick in which its entity was destroyed, or [`NEVER`].
    pub(super) gone_at: u32,
    /// Whether the peer may have heard of it.
    pub(super) is_known: bool,
    /// Whether the next frame codes it against nothing, although the peer has the baseline.
    pub(super) is_renewed: bool,
}

impl ViewSlot {
    const fn new(
        unit: UnitId,
        id: NetworkId,
        (group, blueprint): (GroupId, Option<BlueprintId>),
        visit: u16,
        tick: u32,
    ) -> Self {
        Self {
            unit,
            id,
            group,
            blueprint,
            visit,
            baseline: NEVER,
            against: NEVER,
            sent: NEVER,
            waits_from: tick,
            kept_at: tick,
            nearness: NEAREST,
            unacked: 0,
            is_hidden: false,
            is_away: false,
            gone_at: NEVER,
            is_known: false,
            is_renewed: false,
        }
    }

    /// From now on, earlier frames say nothing of this unit: the next one codes it against nothing.
    pub(super) const fn start_over(&mut self) {
        self.visit = self.visit.wrapping_add(1);
        (self.baseline, self.against, self.sent, self.unacked) = (NEVER, NEVER, NEVER, 0);
    }

    /// From now on, earlier frames say nothing of this unit, but the peer has the baseline: if the unit changes, it is coded against
    /// nothing once.
    pub(super) const fn renew(&mut self) {
        self.visit = self.visit.wrapping_add(1);
        self.unacked = 0;
        self.is_renewed = true;
    }

    /// The first tick after the baseline in which the unit was sent.
    pub(super) fn first_unacked(&self) -> Option<u32> {
        let oldest = self.unacked.checked_ilog2()?;
        Some(self.sent.saturating_sub(oldest))
    }

    /// Whether there is no room to note that the unit is sent in `tick`: the peer left so many versions unacknowledged.
    pub(super) fn is_full(&self, tick: u32, most: u32) -> bool {
        self.unacked.count_ones() >= most
            || self.first_unacked().is_some_and(|first| tick.saturating_sub(first) >= MASK_TICKS)
    }

    pub(super) const fn on_sent(&mut self, tick: u32) {
        if self.sent != NEVER {
            let ticks = tick.saturating_sub(self.sent);
            self.unacked = if ticks < MASK_TICKS { self.unacked << ticks } else { 0 };
        }
        self.unacked |= 1;
        (self.sent, self.waits_from) = (tick, tick);
        self.is_known = true;
    }

    /// A frame that carried the unit is acknowledged. An older one than the baseline says nothing new.
    pub(super) const fn on_acked(&mut self, tick: u32, coded_against: u32) {
        if self.baseline != NEVER && tick <= self.baseline {
            return;
        }
        (self.baseline, self.against) = (tick, coded_against);
        self.is_renewed = false;
        let Some(newer) = self.sent.checked_sub(tick) else { return };
        // Only what was sent later is in doubt.
        self.unacked &= if newer < MASK_TICKS { (1 << newer) - 1 } else { u64::MAX };
    }
}

/// An entity in the view.
#[derive(Clone, Debug)]
pub(super) struct ViewedEntity {
    pub(super) existence: UnitSlot,
    pub(super) units: SmallVec<[UnitSlot; 4]>,
    pub(super) blueprint: Option<BlueprintId>,
    /// Since which tick the peer is told that it is gone, and why.
    pub(super) leaving: Option<(u32, Gone)>,
    /// Whether the peer acknowledged that.
    pub(super) is_leaving_heard: bool,
}

/// All slots, and the entities in view.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Option<ViewSlot>>,
    /// By unit.
    by_unit: Vec<u16>,
    pub(super) entities: BTreeMap<NetworkId, ViewedEntity>,
    free: BTreeSet<u16>,
    /// The visits of slots that no unit has.
    visits: Vec<u16>,
    /// The entities that leave, by the tick.
    pub(super) leaving: BTreeSet<(u32, NetworkId)>,
}

impl Slots {
    pub(super) fn get(&self, slot: UnitSlot) -> Option<&ViewSlot> {
        self.slots.get(usize::from(slot.0))?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: UnitSlot) -> Option<&mut ViewSlot> {
        self.slots.get_mut(usize::from(slot.0))?.as_mut()
    }

    /// The slot of a unit in view.
    pub(super) fn of_unit(&self, unit: UnitId) -> Option<UnitSlot> {
        self.by_unit.get(unit.0 as usize).filter(|slot| **slot != NONE).map(|slot| UnitSlot(*slot))
    }

    /// All slots of an entity.
    pub(super) fn units_of(&self, id: NetworkId) -> SmallVec<[UnitSlot; 5]> {
        let entity = self.entities.get(&id);
        entity.into_iter().flat_map(|entity| entity.units.iter().copied().chain([entity.existence])).collect()
    }

    /// Changes all slots that units have.
    pub(super) fn for_each_mut(&mut self, change: impl FnMut(&mut ViewSlot)) {
        self.slots.iter_mut().flatten().for_each(change);
    }

    /// All slots that units have.
    pub(super) fn iter(&self) -> impl Iterator<Item = (UnitSlot, &ViewSlot)> {
        (0..).map(UnitSlot).zip(&self.slots).filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
    }

    /// Gives a unit the lowest free slot; none if all are taken.
    pub(super) fn insert(
        &mut self,
        unit: UnitId,
        id: NetworkId,
        of: (GroupId, Option<BlueprintId>),
        tick: u32,
    ) -> Option<UnitSlot> {
        let number = match self.free.pop_first() {
            Some(number) => number,
            None if self.slots.len() < usize::from(NONE) => {
                self.slots.push(None);
                self.visits.push(0);
                self.slots.len() as u16 - 1
            }
            None => return None,
        };
        let visit = self.visits.get(usize::from(number)).copied().unwrap_or(0);
        if let Some(place) = self.slots.get_mut(usize::from(number)) {
            *place = Some(ViewSlot::new(unit, id, of, visit, tick));
        }
        if self.by_unit.len() <= unit.0 as usize {
            self.by_unit.resize(unit.0 as usize + 1, NONE);
        }
        if let Some(place) = self.by_unit.get_mut(unit.0 as usize) {
            *place = number;
        }
        Some(UnitSlot(number))
    }

    /// The store used the number of a unit again, or will.
    pub(super) fn orphan(&mut self, unit: UnitId) -> Option<UnitSlot> {
        let place = self.by_unit.get_mut(unit.0 as usize)?;
        let number = core::mem::replace(place, NONE);
        let slot = UnitSlot(number);
        let own = self.get_mut(slot)?;
        own.is_hidden = true;
        own.start_over();
        Some(slot)
    }

    /// The peer forgot an entity, or never heard of it: its slots are free.
    pub(super) fn retire(&mut self, id: NetworkId) {
        let Some(entity) = self.entities.remove(&id) else { return };
        if let Some((tick, _)) = entity.leaving {
            self.leaving.remove(&(tick, id));
        }
        for slot in entity.units.iter().chain([&entity.existence]) {
            let place = usize::from(slot.0);
            let Some(own) = self.slots.get_mut(place).and_then(Option::take) else { continue };
            if let Some(visit) = self.visits.get_mut(place) {
                *visit = own.visit.wrapping_add(1);
            }
            if let Some(number) =
                self.by_unit.get_mut(own.unit.0 as usize).filter(|number| **number == slot.0)
            {
                *number = NONE;
            }
            self.free.insert(slot.0);
        }
    }

    /// An entity that the peer forgot when it stored a frame with this floor: the peer knows that it left, and every frame that says so
    /// is older than the floor.
    pub(super) fn first_forgotten(&self, floor: u32) -> Option<NetworkId> {
        let floor = if planted::is_planted(Bug::SlotReusedAtOnce) { NEVER } else { floor };
        let before = self.leaving.iter().take_while(|(tick, _)| *tick < floor);
        let is_old = |entity: &ViewedEntity| self.get(entity.existence).is_none_or(|slot| slot.sent < floor);
        let is_forgotten = |entity: &ViewedEntity| entity.is_leaving_heard && is_old(entity);
        before.map(|(_, id)| *id).find(|id| self.entities.get(id).is_some_and(is_forgotten))
    }

    /// Bytes of the heap.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Option<ViewSlot>>()
            + (self.by_unit.capacity() + self.visits.capacity()) * size_of::<u16>()
            + self.entities.len() * size_of::<(NetworkId, ViewedEntity)>() * 2
            + self.free.len() * size_of::<u16>() * 2
            + self.leaving.len() * size_of::<(u32, NetworkId)>() * 2
    }
}
