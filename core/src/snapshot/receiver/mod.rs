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
use crate::limits::SNAPSHOT_BYTES_PER_ENTITY;

/// The received state of a replicated world.
#[derive(Clone, Debug)]
pub(crate) struct WorldReceiver {
    codec: Arc<UnitCodec>,
    max_entities: usize,
    units: BoundUnits,
    entities: SeenEntities,
    /// The entities that are gone but not dropped yet, sorted by the tick in which they left.
    leaving: BTreeSet<(u32, NetworkId)>,
    /// The units whose newest version the application has not received yet.
    pending: SlotSet,
    /// The units that the current frame binds to slots.
    bound: Vec<(NetworkId, GroupId)>,
    /// The entities that were dropped before the application received the report that they are gone.
    farewells: Vec<(NetworkId, Gone)>,
    decoded: DecodedFrame,
    counts: ReceiverCounts,
}

/// The number of received frames, by outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ReceiverCounts {
    /// The number of frames that were stored.
    pub(crate) stored: u64,
    /// The number of frames that arrived after a newer frame, which made the receiver drop the versions that they
    /// were coded against.
    pub(crate) stale: u64,
    /// The number of frames that were rejected for another reason.
    pub(crate) refused: u64,
}

/// The reason why a frame was not stored. The packet of the frame must not be acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FrameRefusal {
    /// A newer frame arrived before this frame and made the receiver drop a version that this frame was coded
    /// against. The sender made no mistake.
    Stale,
    /// The frame is invalid.
    Fault(SnapshotFault),
}

impl WorldReceiver {
    /// Creates a receiver of a world of at most `max_entities` entities.
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

    /// Discards the world, because the peer starts to send a different world.
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

    /// Returns the newest tick of all stored frames.
    pub(crate) const fn tick(&self) -> Option<u32> {
        self.units.newest
    }

    /// Returns the name of the most recently decoded frame. Returns `None` if the header of the frame is invalid.
    pub(crate) fn refused(&self) -> Option<FrameName> {
        self.decoded.header().map(|header| header.name)
    }

    /// Decodes and stores a frame. If any part of the frame is invalid, the method stores no part.
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

    /// Returns [`FrameRefusal::Stale`] if the frame is older than a stored frame that made the receiver drop the
    /// missing state. Otherwise, returns the fault.
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
        self.check_words(floor, frame.units().map(|unit| unit.words.len()).sum())?;
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

    /// Checks the bindings of a frame: each unit is bound only once, and the number of entities stays within the
    /// limit. A sender may send new entities before the removal of old entities arrives, so the limit is twice the
    /// number of entities of a world.
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

    /// Checks that the memory of all versions stays within the limit after a frame with `words` words, which raises the
    /// floor to `floor`.
    fn check_words(&mut self, floor: u32, words: usize) -> Result<(), FrameRefusal> {
        let most = self.max_entities.saturating_mul(SNAPSHOT_BYTES_PER_ENTITY / size_of::<u32>());
        if self.units.words() + words > most {
            self.units.drop_below(floor);
        }
        if self.units.words() + words > most {
            return Err(FrameRefusal::Fault(SnapshotFault::TooLarge));
        }
        Ok(())
    }

    /// Checks a binding. A slot has one unit at a time, and a unit has one slot. A slot can be bound to a different
    /// unit only if the previous entity is gone, and only by a newer frame.
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

    /// Returns whether a slot of the entity is bound to the unit of `binding`.
    fn has_unit(&self, entity: &SeenEntity, binding: &SlotBinding) -> bool {
        let mut slots = entity.units.iter().chain(&entity.existence);
        slots.any(|slot| self.units.get(*slot).is_some_and(|unit| is_same(&unit.binding, binding)))
    }

    /// Binds a slot to a unit, unless the slot is already bound to the unit.
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

    /// Marks the unit in a slot for the next report, because `words` is its newest version.
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

    /// Drops the entities that no later frame may refer to.
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

    /// Returns whether the receiver has a version of one of the entity's units that is newer than the tick `gone`.
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

    /// Returns a text that describes the stored state, for comparisons.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn stored(&self) -> alloc::string::String {
        let Self { units, entities, leaving, pending, farewells, .. } = self;
        alloc::format!("{units:?} {entities:?} {leaving:?} {pending:?} {farewells:?}")
    }

    /// Returns the heap memory of the receiver, in bytes, without the memory of the codec.
    pub(crate) fn memory(&self) -> usize {
        // A tree's node has places for eleven entries, of which more than half are used.
        let entity = size_of::<(NetworkId, SeenEntity)>() * 2;
        self.units.memory() + self.pending.memory() + self.entities.len() * entity
    }
}

/// Returns whether two bindings have the same unit.
fn is_same(one: &SlotBinding, other: &SlotBinding) -> bool {
    (one.id, one.group) == (other.id, other.group)
}
