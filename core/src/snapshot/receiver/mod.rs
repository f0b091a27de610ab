//! The receiving end of a replicated world, which decodes frames and reports changes.

mod bound_units;
mod recent_frames;
mod report;
mod row_pool;
mod seen_entities;

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::bound_units::BoundUnits;
use self::seen_entities::{Existence, SeenEntities, SeenEntity};
use super::changes::Gone;
use super::delta::{DecodedFrame, FrameHeader, FrameName, SlotBinding, SnapshotFault, UnitSlot};
use super::ids::{GroupId, NetworkId};
use super::slot_set::SlotSet;
use super::unit_codec::UnitCodec;

/// A replicated world, as far as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct WorldReceiver {
    codec: Arc<UnitCodec>,
    max_entities: usize,
    units: BoundUnits,
    entities: SeenEntities,
    /// Entities that are gone and not forgotten yet, by the tick.
    leaving: BTreeSet<(u32, NetworkId)>,
    /// Units whose newest version the application was not told yet.
    pending: SlotSet,
    /// The units that the frame in hand binds.
    bound: Vec<(NetworkId, GroupId)>,
    /// Entities that were forgotten before the application was told that they are gone.
    farewells: Vec<(NetworkId, Gone)>,
    decoded: DecodedFrame,
    counts: ReceiverCounts,
}

/// Frames that a receiver got so far, by what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ReceiverCounts {
    /// Frames that were stored.
    pub(crate) stored: u64,
    /// Frames that came after a newer one had made the receiver forget what they were coded against.
    pub(crate) stale: u64,
    /// Frames that were refused for another reason.
    pub(crate) refused: u64,
}

/// Why a frame was not stored. Its packet must not be acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FrameRefusal {
    /// A newer frame came before this one, and made the receiver forget what it was coded against. That is nobody's fault.
    Stale,
    /// The frame is wrong.
    Fault(SnapshotFault),
}

impl WorldReceiver {
    /// A receiver of a world of at most `max_entities` entities.
    pub(crate) fn new(codec: Arc<UnitCodec>, max_entities: usize) -> Self {
        Self {
            units: BoundUnits::new(Arc::clone(&codec)),
            codec,
            max_entities,
            entities: SeenEntities::new(),
            leaving: BTreeSet::new(),
            pending: SlotSet::default(),
            bound: Vec::new(),
            farewells: Vec::new(),
            decoded: DecodedFrame::new(),
            counts: ReceiverCounts::default(),
        }
    }

    /// The peer shows another world, and has forgotten this one.
    pub(crate) fn start_over(&mut self) {
        let mut fresh = Self::new(Arc::clone(&self.codec), self.max_entities);
        fresh.counts = self.counts;
        fresh.farewells = core::mem::take(&mut self.farewells);
        let known = self.entities.iter().filter(|(_, entity)| entity.reported.is_some());
        fresh.farewells.extend(known.map(|(id, entity)| match entity.state {
            Existence::Gone(gone) => (*id, gone),
            Existence::There(_) => (*id, Gone::OutOfSight),
        }));
        *self = fresh;
    }

    pub(crate) const fn counts(&self) -> ReceiverCounts {
        self.counts
    }

    /// The tick of the newest frame so far.
    pub(crate) const fn tick(&self) -> Option<u32> {
        self.units.newest
    }

    /// The name of the frame that was refused last, if its head could be read.
    pub(crate) fn refused(&self) -> Option<FrameName> {
        self.decoded.header().map(|header| header.name)
    }

    /// Takes a frame in, whole or not at all.
    pub(crate) fn on_frame(&mut self, bytes: &[u8]) -> Result<(), FrameRefusal> {
        let mut decoded = core::mem::take(&mut self.decoded);
        let result = decoded.decode(bytes, &self.units).map_err(FrameRefusal::Fault);
        let result = match (result, decoded.header()) {
            (Ok(()), Some(header)) => self.store(header, &decoded),
            (Err(FrameRefusal::Fault(fault)), Some(header)) => Err(self.excuse(fault, header)),
            (result, _) => result,
        };
        self.decoded = decoded;
        match result {
            Ok(()) => self.counts.stored += 1,
            Err(FrameRefusal::Stale) => self.counts.stale += 1,
            Err(FrameRefusal::Fault(_)) => self.counts.refused += 1,
        }
        result
    }

    /// A frame that lacks what a newer frame made this end forget is late, and nothing worse.
    fn excuse(&self, fault: SnapshotFault, header: &FrameHeader) -> FrameRefusal {
        let is_missing = matches!(
            fault,
            SnapshotFault::BaselineMissing { .. }
                | SnapshotFault::ReferenceMissing
                | SnapshotFault::UnknownUnit { .. }
        );
        let is_overtaken = header.floor < self.units.floor && Some(header.name.tick) <= self.units.newest;
        if is_missing && is_overtaken { FrameRefusal::Stale } else { FrameRefusal::Fault(fault) }
    }

    fn store(&mut self, header: &FrameHeader, frame: &DecodedFrame) -> Result<(), FrameRefusal> {
        let tick = header.name.tick;
        if self.units.frames.contains(header.name) {
            return Err(FrameRefusal::Fault(SnapshotFault::Tick));
        }
        let floor = self.units.floor.max(header.floor);
        self.bound.clear();
        for unit in frame.units() {
            if !self.units.has_room(unit.slot, tick, floor) {
                return Err(FrameRefusal::Fault(SnapshotFault::TooLarge));
            }
            if let Some(binding) = unit.binding {
                self.check_binding(tick, unit.slot, &binding)?;
                self.bound.push((binding.id, binding.group));
            }
        }
        self.check_bound()?;
        self.units.floor = floor;
        self.units.newest = self.units.newest.max(Some(tick));
        for unit in frame.units() {
            if let Some(binding) = unit.binding {
                self.bind(tick, unit.slot, binding);
            }
            if self.units.store(unit.slot, tick, unit.words, unit.coded_against) {
                self.show(tick, unit.slot, unit.words);
            }
        }
        self.units.frames.push(header.name, frame.units().map(|unit| unit.slot));
        self.forget();
        Ok(())
    }

    /// Checks all bindings of a frame: none is there twice, and there is room for their entities. A sender may send new entities before
    /// the end of old ones arrives, so there is room for twice the entities of a world.
    fn check_bound(&mut self) -> Result<(), FrameRefusal> {
        self.bound.sort_unstable();
        if self.bound.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return Err(FrameRefusal::Fault(SnapshotFault::Slot));
        }
        let present = self.entities.len() - self.leaving.len();
        if present + self.bound.len() <= 2 * self.max_entities {
            return Ok(());
        }
        self.bound.dedup_by_key(|(id, _)| *id);
        let is_new =
            |(id, _): &&(NetworkId, GroupId)| self.entities.get(id).is_none_or(|one| one.state.is_gone());
        let new = self.bound.iter().filter(is_new).count();
        if present + new > 2 * self.max_entities {
            return Err(FrameRefusal::Fault(SnapshotFault::TooLarge));
        }
        Ok(())
    }

    /// A slot has one unit at a time, and a unit one slot. Another binding needs an entity that is gone, and a newer frame.
    fn check_binding(&self, tick: u32, slot: UnitSlot, binding: &SlotBinding) -> Result<(), FrameRefusal> {
        let bound = self.units.get(slot);
        if bound.is_some_and(|bound| is_same(&bound.binding, binding)) {
            return Ok(());
        }
        let of_entity = self.entities.get(&binding.id);
        let is_late = |bound_at: u32| tick <= bound_at;
        // A frame from before the floor brings nothing new: what it binds may have been forgotten since.
        if tick < self.units.floor
            || bound.is_some_and(|bound| is_late(bound.bound_at))
            || of_entity.is_some_and(|entity| tick < entity.bound_at)
        {
            return Err(FrameRefusal::Stale);
        }
        // A slot is free when its entity is gone, and an entity has each unit in one slot.
        let is_held = |id: NetworkId| self.entities.get(&id).is_some_and(SeenEntity::is_there);
        let is_taken = bound.is_some_and(|bound| is_held(bound.binding.id));
        let is_elsewhere = of_entity.is_some_and(|entity| self.has_unit(entity, binding));
        if is_taken || is_elsewhere { Err(FrameRefusal::Fault(SnapshotFault::Slot)) } else { Ok(()) }
    }

    /// Whether an entity has the unit of a binding in some slot.
    fn has_unit(&self, entity: &SeenEntity, binding: &SlotBinding) -> bool {
        let mut slots = entity.units.iter().chain(&entity.existence);
        slots.any(|slot| self.units.get(*slot).is_some_and(|unit| is_same(&unit.binding, binding)))
    }

    /// Binds a slot, unless it is bound to the same unit.
    fn bind(&mut self, tick: u32, slot: UnitSlot, binding: SlotBinding) {
        let bound = self.units.get(slot).map(|unit| unit.binding);
        if bound.is_some_and(|bound| is_same(&bound, &binding)) {
            return;
        }
        if let Some(bound) = bound {
            self.forget_entity(bound.id);
        }
        self.units.bind(slot, binding, tick);
        let first = || SeenEntity { bound_at: tick, ..SeenEntity::default() };
        let entity = self.entities.entry(binding.id).or_insert_with(first);
        entity.blueprint = binding.blueprint;
        if binding.group == self.codec.existence_group() {
            entity.existence = Some(slot);
        } else {
            entity.units.push(slot);
        }
    }

    /// The newest words of a unit arrived.
    fn show(&mut self, tick: u32, slot: UnitSlot, words: &[u32]) {
        let Some(binding) = self.units.get(slot).map(|unit| unit.binding) else { return };
        let Some(entity) = self.entities.get_mut(&binding.id) else { return };
        if binding.group == self.codec.existence_group() {
            let state = Existence::of_words(words);
            let was_gone = entity.state.is_gone();
            if was_gone {
                self.leaving.remove(&(entity.since, binding.id));
            }
            (entity.state, entity.since) = (state, tick);
            if state.is_gone() {
                self.leaving.insert((tick, binding.id));
            }
            self.pending.insert(slot);
            if entity.reported.is_none() {
                entity.units.iter().for_each(|slot| self.pending.insert(*slot));
            }
        } else if entity.existence.is_some() {
            self.pending.insert(slot);
        }
    }

    /// Forgets entities that no later frame may refer to.
    fn forget(&mut self) {
        while let Some((tick, id)) = self.leaving.first().copied() {
            if tick >= self.units.floor {
                return;
            }
            if self.is_coming_back(id, tick) {
                self.leaving.remove(&(tick, id));
            } else {
                self.forget_entity(id);
            }
        }
    }

    /// Whether units of an entity arrived that are newer than the end of it.
    fn is_coming_back(&self, id: NetworkId, gone: u32) -> bool {
        let newest = |slot: &UnitSlot| self.units.newest_words(*slot).map(|(tick, _)| tick);
        let entity = self.entities.get(&id);
        entity.is_some_and(|entity| entity.units.iter().filter_map(newest).any(|tick| tick > gone))
    }

    fn forget_entity(&mut self, id: NetworkId) {
        let Some(SeenEntity { existence, units, state, since, reported, .. }) = self.entities.remove(&id)
        else {
            return;
        };
        if let (Existence::Gone(gone), Some(_)) = (state, reported) {
            self.farewells.push((id, gone));
        }
        for slot in units.iter().chain(&existence) {
            self.units.unbind(*slot);
            self.pending.remove(*slot);
        }
        if state.is_gone() {
            self.leaving.remove(&(since, id));
        }
    }

    /// A text of all that is stored, for comparisons.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn stored(&self) -> alloc::string::String {
        let Self { units, entities, leaving, pending, farewells, .. } = self;
        alloc::format!("{units:?} {entities:?} {leaving:?} {pending:?} {farewells:?}")
    }

    /// Bytes of the heap, without those of the codec.
    pub(crate) fn memory(&self) -> usize {
        // A tree's node has places for eleven entries, of which more than half are used.
        let entity = size_of::<(NetworkId, SeenEntity)>() * 2;
        self.units.memory() + self.pending.memory() + self.entities.len() * entity
    }
}

/// Whether two bindings are of the same unit.
fn is_same(one: &SlotBinding, other: &SlotBinding) -> bool {
    (one.id, one.group) == (other.id, other.group)
}
