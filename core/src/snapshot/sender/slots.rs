//! The slots of one connection: the unit to which each slot is bound, and the versions of the unit that the peer has
//! acknowledged.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use smallvec::SmallVec;

use super::interest_state::NEAREST;
use crate::limits::VIEW_UNITS;
use crate::planted::{self, Bug};
use crate::snapshot::changes::Gone;
use crate::snapshot::delta::UnitSlot;
use crate::snapshot::ids::{BlueprintId, GroupId, NetworkId};
use crate::snapshot::store::UnitId;

/// The value that represents no tick.
pub(super) const NEVER: u32 = u32::MAX;
/// The number of ticks for which a slot records whether its unit was sent.
const MASK_TICKS: u32 = u64::BITS;
/// The value that represents no slot.
const NONE: u16 = VIEW_UNITS as u16;

/// A unit in the view of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewSlot {
    pub(super) unit: UnitId,
    pub(super) id: NetworkId,
    pub(super) group: GroupId,
    pub(super) blueprint: Option<BlueprintId>,
    /// A counter that distinguishes the uses of a slot. Acknowledgements of frames with an earlier value do not count
    /// for the unit.
    pub(super) visit: u16,
    /// The tick of the newest acknowledged version, or [`NEVER`].
    pub(super) baseline: u32,
    /// The tick of the version that the baseline was coded against, or [`NEVER`].
    pub(super) against: u32,
    /// The tick in which the unit was most recently sent, or [`NEVER`].
    pub(super) sent: u32,
    /// The tick in which the unit came into view or was most recently sent, whichever is later. The unit's urgency
    /// grows from this tick on.
    pub(super) waits_from: u32,
    /// The tick in which the unit came into view, or a search most recently found the unit within the outer radius.
    pub(super) kept_at: u32,
    /// The nearness of the entity, from 1 to [`NEAREST`].
    pub(super) nearness: u8,
    /// The ticks after the baseline in which the unit was sent: bit n represents the tick `sent` - n.
    unacked: u64,
    /// `true` if the store no longer has the unit, or the peer must not see the unit. The unit is then sent as
    /// absent.
    pub(super) is_hidden: bool,
    /// `true` if the unit's entity is out of sight, so that the unit is not sent.
    pub(super) is_away: bool,
    /// The tick in which the unit's entity was destroyed, or [`NEVER`].
    pub(super) gone_at: u32,
    /// `true` if a frame with the unit was sent, so that the peer may have the unit.
    pub(super) is_known: bool,
    /// `true` if the next frame codes the unit against its blueprint although the peer has the baseline.
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

    /// Discards the baseline and all earlier frames of this unit. The next frame codes the unit against its
    /// blueprint.
    pub(super) const fn start_over(&mut self) {
        self.visit = self.visit.wrapping_add(1);
        (self.baseline, self.against, self.sent, self.unacked) = (NEVER, NEVER, NEVER, 0);
    }

    /// Discards all earlier frames of this unit, but keeps the baseline. If the unit changes, the next frame codes
    /// the unit against its blueprint.
    pub(super) const fn renew(&mut self) {
        self.visit = self.visit.wrapping_add(1);
        self.unacked = 0;
        self.is_renewed = true;
    }

    /// Returns the first tick after the baseline in which the unit was sent.
    pub(super) fn first_unacked(&self) -> Option<u32> {
        let oldest = self.unacked.checked_ilog2()?;
        Some(self.sent.saturating_sub(oldest))
    }

    /// Returns whether the slot cannot record a transmission in `tick`, because too many versions of the unit are
    /// unacknowledged.
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

    /// Records that the peer acknowledged the version of `tick`. A version that is not newer than the baseline
    /// changes nothing.
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

/// An entity in the view of a connection.
#[derive(Clone, Debug)]
pub(super) struct ViewedEntity {
    pub(super) existence: UnitSlot,
    pub(super) units: SmallVec<[UnitSlot; 4]>,
    pub(super) blueprint: Option<BlueprintId>,
    /// The tick from which frames report that the entity left the view, and the reason. `None` while the entity is in
    /// view.
    pub(super) leaving: Option<(u32, Gone)>,
    /// `true` if the peer acknowledged that the entity left the view.
    pub(super) is_leaving_heard: bool,
}

/// All slots of a connection, and the entities in its view.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Option<ViewSlot>>,
    /// The number of each unit's slot, indexed by unit, or [`NONE`].
    by_unit: Vec<u16>,
    pub(super) entities: BTreeMap<NetworkId, ViewedEntity>,
    free: BTreeSet<u16>,
    /// The use counter of each free slot, indexed by slot.
    visits: Vec<u16>,
    /// The entities that leave the view, sorted by the tick in which they left.
    pub(super) leaving: BTreeSet<(u32, NetworkId)>,
}

impl Slots {
    pub(super) fn get(&self, slot: UnitSlot) -> Option<&ViewSlot> {
        self.slots.get(usize::from(slot.0))?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: UnitSlot) -> Option<&mut ViewSlot> {
        self.slots.get_mut(usize::from(slot.0))?.as_mut()
    }

    /// Returns the slot of a unit in the view.
    pub(super) fn of_unit(&self, unit: UnitId) -> Option<UnitSlot> {
        self.by_unit.get(unit.0 as usize).filter(|slot| **slot != NONE).map(|slot| UnitSlot(*slot))
    }

    /// Returns the slots of all units of an entity.
    pub(super) fn units_of(&self, id: NetworkId) -> SmallVec<[UnitSlot; 5]> {
        let entity = self.entities.get(&id);
        entity.into_iter().flat_map(|entity| entity.units.iter().copied().chain([entity.existence])).collect()
    }

    /// Calls `change` with each slot that has a unit.
    pub(super) fn for_each_mut(&mut self, change: impl FnMut(&mut ViewSlot)) {
        self.slots.iter_mut().flatten().for_each(change);
    }

    /// Returns each slot that has a unit.
    pub(super) fn iter(&self) -> impl Iterator<Item = (UnitSlot, &ViewSlot)> {
        (0..=u16::MAX)
            .map(UnitSlot)
            .zip(&self.slots)
            .filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
    }

    /// Returns the number of free slots.
    pub(super) fn free(&self) -> usize {
        self.free.len() + VIEW_UNITS.saturating_sub(self.slots.len())
    }

    /// Assigns the lowest free slot to a unit. Returns `None` if no slot is free.
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

    /// Separates a slot from its unit, because the store reuses the number of the unit. Returns the slot, which is
    /// sent as absent from now on.
    pub(super) fn orphan(&mut self, unit: UnitId) -> Option<UnitSlot> {
        let place = self.by_unit.get_mut(unit.0 as usize)?;
        let number = core::mem::replace(place, NONE);
        let slot = UnitSlot(number);
        let own = self.get_mut(slot)?;
        own.is_hidden = true;
        own.start_over();
        Some(slot)
    }

    /// Releases the slots of an entity that the peer has dropped or never received.
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

    /// Returns an entity that the peer dropped when the peer stored a frame with the floor `floor`. The peer
    /// acknowledged that the entity left the view, and all frames that report this are older than the floor.
    pub(super) fn first_forgotten(&self, floor: u32) -> Option<NetworkId> {
        let floor = if planted::is_planted(Bug::SlotReusedAtOnce) { NEVER } else { floor };
        let before = self.leaving.iter().take_while(|(tick, _)| *tick < floor);
        let is_old = |entity: &ViewedEntity| self.get(entity.existence).is_none_or(|slot| slot.sent < floor);
        let is_forgotten = |entity: &ViewedEntity| entity.is_leaving_heard && is_old(entity);
        before.map(|(_, id)| *id).find(|id| self.entities.get(id).is_some_and(is_forgotten))
    }

    /// Returns the heap memory of the slots, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Option<ViewSlot>>()
            + (self.by_unit.capacity() + self.visits.capacity()) * size_of::<u16>()
            + self.entities.len() * size_of::<(NetworkId, ViewedEntity)>() * 2
            + self.free.len() * size_of::<u16>() * 2
            + self.leaving.len() * size_of::<(u32, NetworkId)>() * 2
    }
}
