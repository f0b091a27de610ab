//! The unit to which each slot is bound, and the versions of the unit that later frames may refer to.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::recent_frames::RecentFrames;
use super::row_pool::RowPool;
use crate::limits::SNAPSHOT_VERSIONS_HELD;
use crate::snapshot::delta::{
    FrameName, ReceiverUnit, SlotBinding, StoredVersion, UnitSlot, VersionWords, Versions,
};
use crate::snapshot::ids::GroupId;
use crate::snapshot::unit_codec::UnitCodec;

/// A unit that is bound to a slot.
#[derive(Clone, Debug)]
pub(super) struct BoundUnit {
    pub(super) binding: SlotBinding,
    /// The tick of the frame that bound the slot.
    pub(super) bound_at: u32,
    /// The components that the application has received: one bit for each component, in the order of the group.
    pub(super) reported: u32,
    /// The stored versions, the oldest first. After [`BoundUnits::store`], at most one version is below the floor.
    versions: VecDeque<HeldVersion>,
}

#[derive(Clone, Copy, Debug)]
struct HeldVersion {
    tick: u32,
    coded_against: Option<u32>,
    row: u32,
}

/// All slots of a receiver.
#[derive(Clone, Debug)]
pub(super) struct BoundUnits {
    codec: Arc<UnitCodec>,
    slots: Vec<Option<BoundUnit>>,
    /// The words of the versions, indexed by group.
    rows: Vec<RowPool>,
    pub(super) frames: RecentFrames,
    /// The newest tick of all stored frames.
    pub(super) newest: Option<u32>,
    /// The highest floor of all stored frames.
    pub(super) floor: u32,
}

impl BoundUnits {
    pub(super) fn new(codec: Arc<UnitCodec>) -> Self {
        let plans = (0..).map_while(|group| codec.plan(GroupId(group)));
        let rows = plans.map(|plan| RowPool::new(plan.words())).collect();
        Self { codec, slots: Vec::new(), rows, frames: RecentFrames::default(), newest: None, floor: 0 }
    }

    pub(super) fn get(&self, slot: UnitSlot) -> Option<&BoundUnit> {
        self.slots.get(usize::from(slot.0))?.as_ref()
    }

    /// Binds a free slot to a unit.
    pub(super) fn bind(&mut self, slot: UnitSlot, binding: SlotBinding, tick: u32) {
        let place = usize::from(slot.0);
        if self.slots.len() <= place {
            self.slots.resize(place + 1, None);
        }
        self.unbind(slot);
        if let Some(unit) = self.slots.get_mut(place) {
            *unit = Some(BoundUnit { binding, bound_at: tick, reported: 0, versions: VecDeque::new() });
        }
    }

    /// Drops the unit in a slot and all its versions.
    pub(super) fn unbind(&mut self, slot: UnitSlot) {
        let Some(unit) = self.slots.get_mut(usize::from(slot.0)).and_then(Option::take) else { return };
        if let Some(rows) = self.rows.get_mut(usize::from(unit.binding.group.0)) {
            unit.versions.iter().for_each(|version| rows.remove(version.row));
        }
    }

    /// Returns whether a version of `tick` can be stored after the floor becomes `floor`. A sender that follows the
    /// protocol never makes the receiver keep more than [`SNAPSHOT_VERSIONS_HELD`] versions of a unit.
    pub(super) fn has_room(&self, slot: UnitSlot, tick: u32, floor: u32) -> bool {
        let Some(unit) = self.get(slot) else { return true };
        if unit.versions.len() < SNAPSHOT_VERSIONS_HELD {
            return true;
        }
        let below = unit.versions.partition_point(|version| version.tick < floor);
        let is_held = unit.versions.binary_search_by_key(&tick, |version| version.tick).is_ok();
        is_held || unit.versions.len() - below.saturating_sub(1) < SNAPSHOT_VERSIONS_HELD
    }

    /// Stores a version, and drops the versions that no later frame may refer to. The caller has checked
    /// [`Self::has_room`]. Returns whether the version is new and the newest of the unit.
    pub(super) fn store(
        &mut self,
        slot: UnitSlot,
        tick: u32,
        words: &[u32],
        coded_against: Option<u32>,
    ) -> bool {
        let floor = self.floor;
        let Some(Some(unit)) = self.slots.get_mut(usize::from(slot.0)) else { return false };
        let Some(rows) = self.rows.get_mut(usize::from(unit.binding.group.0)) else { return false };
        let place = unit.versions.partition_point(|version| version.tick < tick);
        match unit.versions.get_mut(place) {
            Some(version) if version.tick == tick => {
                // The same words, sent again. What was coded against nothing counts: its sender relies on nothing older.
                version.coded_against = version.coded_against.and(coded_against);
                return false;
            }
            _ => {}
        }
        let row = rows.insert(words);
        unit.versions.insert(place, HeldVersion { tick, coded_against, row });
        while unit.versions.get(1).is_some_and(|version| version.tick < floor) {
            if let Some(version) = unit.versions.pop_front() {
                rows.remove(version.row);
            }
        }
        unit.versions.back().is_some_and(|version| version.tick == tick)
    }

    /// Returns the number of words in all versions.
    pub(super) fn words(&self) -> usize {
        self.rows.iter().map(RowPool::used).sum()
    }

    /// Drops the versions that no frame with a floor of at least `floor` may refer to.
    #[cold]
    pub(super) fn drop_below(&mut self, floor: u32) {
        for unit in self.slots.iter_mut().flatten() {
            let Some(rows) = self.rows.get_mut(usize::from(unit.binding.group.0)) else { continue };
            while unit.versions.get(1).is_some_and(|version| version.tick < floor) {
                if let Some(version) = unit.versions.pop_front() {
                    rows.remove(version.row);
                }
            }
        }
    }

    pub(super) fn set_reported(&mut self, slot: UnitSlot, components: u32) {
        if let Some(Some(unit)) = self.slots.get_mut(usize::from(slot.0)) {
            unit.reported = components;
        }
    }

    /// Returns the tick and the words of a unit's newest version.
    pub(super) fn newest_words(&self, slot: UnitSlot) -> Option<(u32, &[u32])> {
        let unit = self.get(slot)?;
        let version = unit.versions.back()?;
        Some((version.tick, self.rows.get(usize::from(unit.binding.group.0))?.get(version.row)))
    }

    fn stored(&self, unit: &BoundUnit, version: &HeldVersion) -> Option<StoredVersion<'_>> {
        let words = self.rows.get(usize::from(unit.binding.group.0))?.get(version.row);
        let HeldVersion { tick, coded_against, .. } = *version;
        Some(StoredVersion { version: VersionWords { tick, words }, coded_against })
    }

    /// Returns the heap memory of the slots and versions, in bytes.
    pub(super) fn memory(&self) -> usize {
        let versions: usize = self.slots.iter().flatten().map(|unit| unit.versions.capacity()).sum();
        self.slots.capacity() * size_of::<Option<BoundUnit>>()
            + versions * size_of::<HeldVersion>()
            + self.rows.iter().map(RowPool::memory).sum::<usize>()
            + self.frames.memory()
    }
}

impl Versions for BoundUnits {
    fn newest_tick(&self) -> Option<u32> {
        self.newest
    }

    fn frame_slots(&self, frame: FrameName) -> Option<&[UnitSlot]> {
        self.frames.slots(frame)
    }

    fn unit(&self, slot: UnitSlot) -> Option<ReceiverUnit<'_>> {
        self.codec.unit(&self.get(slot)?.binding)
    }

    fn bound(&self, binding: SlotBinding) -> Option<ReceiverUnit<'_>> {
        self.codec.unit(&binding).filter(|_| binding.id.0 != 0)
    }

    fn version(&self, slot: UnitSlot, tick: u32) -> Option<StoredVersion<'_>> {
        let unit = self.get(slot)?;
        let place = unit.versions.binary_search_by_key(&tick, |version| version.tick).ok()?;
        self.stored(unit, unit.versions.get(place)?)
    }

    fn newest_before(&self, slot: UnitSlot, tick: u32) -> Option<StoredVersion<'_>> {
        let unit = self.get(slot)?;
        let place = unit.versions.partition_point(|version| version.tick < tick);
        self.stored(unit, unit.versions.get(place.checked_sub(1)?)?)
    }
}
