//! The sender and the receiver of a stream of frames, as plain maps.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::Plan;
use crate::snapshot::delta::{
    Against, DecodedFrame, FrameHeader, FrameName, FrameWriter, ReceiverUnit, SlotBinding, SnapshotFault,
    StoredVersion, UnitSlot, UnitUpdate, UpdateBody, VersionWords, Versions,
};
use crate::snapshot::ids::NetworkId;

/// The versions of a unit by tick: the words, and the tick of the version that they were coded against.
type History = BTreeMap<u32, (Vec<u32>, Option<u32>)>;

/// A receiver that keeps all versions.
#[derive(Clone, Debug, Default)]
pub(super) struct Receiver {
    pub(super) plan: Plan,
    pub(super) blueprint: Vec<u32>,
    pub(super) units: usize,
    pub(super) histories: BTreeMap<UnitSlot, History>,
    pub(super) frames: BTreeMap<FrameName, Vec<UnitSlot>>,
    decoded: DecodedFrame,
}

impl Receiver {
    pub(super) fn new(plan: Plan, units: usize) -> Self {
        let blueprint = vec![0; plan.words()];
        Self { plan, blueprint, units, ..Self::default() }
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<FrameHeader, SnapshotFault> {
        let mut decoded = core::mem::take(&mut self.decoded);
        let result = decoded.decode(bytes, self);
        let header = decoded.header().copied().unwrap_or_default();
        for unit in decoded.units() {
            let version = (unit.words.to_vec(), unit.coded_against);
            self.histories.entry(unit.slot).or_default().insert(header.name.tick, version);
        }
        if result.is_ok() {
            self.frames.insert(header.name, decoded.units().map(|unit| unit.slot).collect());
        }
        self.decoded = decoded;
        result.map(|()| header)
    }

    fn stored(tick: u32, (words, coded_against): &(Vec<u32>, Option<u32>)) -> StoredVersion<'_> {
        StoredVersion { version: VersionWords { tick, words }, coded_against: *coded_against }
    }
}

impl Versions for Receiver {
    fn newest_tick(&self) -> Option<u32> {
        self.frames.last_key_value().map(|(name, _)| name.tick)
    }

    fn frame_slots(&self, frame: FrameName) -> Option<&[UnitSlot]> {
        self.frames.get(&frame).map(Vec::as_slice)
    }

    fn unit(&self, slot: UnitSlot) -> Option<ReceiverUnit<'_>> {
        let is_known = usize::from(slot.0) < self.units;
        is_known.then_some(ReceiverUnit { plan: &self.plan, blueprint: &self.blueprint })
    }

    fn bound(&self, binding: SlotBinding) -> Option<ReceiverUnit<'_>> {
        self.unit(UnitSlot(binding.id.0 as u16))
    }

    fn version(&self, slot: UnitSlot, tick: u32) -> Option<StoredVersion<'_>> {
        Some(Self::stored(tick, self.histories.get(&slot)?.get(&tick)?))
    }

    fn newest_before(&self, slot: UnitSlot, tick: u32) -> Option<StoredVersion<'_>> {
        let (tick, version) = self.histories.get(&slot)?.range(..tick).next_back()?;
        Some(Self::stored(*tick, version))
    }
}

/// A sender that codes only against acknowledged versions.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// The versions that were sent.
    sent: BTreeMap<UnitSlot, History>,
    /// The frames that were sent.
    frames: BTreeMap<FrameName, Vec<UnitSlot>>,
    /// The newest acknowledged version of each unit.
    acked: BTreeMap<UnitSlot, u32>,
    acked_frames: BTreeSet<FrameName>,
}

impl Sender {
    /// The number of ticks below the newest acknowledged tick that the receiver is asked to keep.
    const KEPT: u32 = 20;

    pub(super) fn on_acked(&mut self, name: FrameName) {
        for slot in self.frames.get(&name).into_iter().flatten() {
            let newest = self.acked.entry(*slot).or_default();
            *newest = name.tick.max(*newest);
        }
        self.acked_frames.insert(name);
    }

    /// Writes all units that differ from any version that the receiver can have: the newest acknowledged version, or
    /// a version sent later.
    pub(super) fn send(
        &mut self,
        name: FrameName,
        plan: &Plan,
        blueprint: &[u32],
        world: &[Vec<u32>],
    ) -> Vec<u8> {
        let reference = self.acked_frames.last().copied();
        let referable = reference.map_or(name.tick, |reference| reference.tick);
        let mut floor = referable.saturating_sub(Self::KEPT);
        // Below the floor, the receiver uses its newest version, which must be the acknowledged version.
        for (slot, history) in &self.sent {
            let unacked = self.acked.get(slot).map_or(0, |tick| tick + 1);
            floor = history.range(unacked..).next().map_or(floor, |(tick, _)| floor.min(*tick));
        }
        let header = FrameHeader { name, floor, reference };
        let mut updates = Vec::new();
        for (place, current) in world.iter().enumerate() {
            let slot = UnitSlot(place as u16);
            let against = self.against(slot, blueprint);
            let unacked = self.acked.get(&slot).map_or(0, |tick| tick + 1);
            let mut shown = self.sent.get(&slot).into_iter().flat_map(|sent| sent.range(unacked..));
            if current != against.words() || shown.any(|(_, (words, _))| current != words) {
                let binding = SlotBinding { id: NetworkId(u32::from(slot.0)), ..SlotBinding::default() };
                updates.push(UnitUpdate {
                    slot,
                    binding,
                    body: UpdateBody::Words { plan, current, against },
                });
            }
        }
        let slots = reference.map_or(&[][..], |reference| &self.frames[&reference]);
        let mut bytes = Vec::new();
        FrameWriter::new().write(&header, slots, updates.iter().copied()).unwrap().finish_into(&mut bytes);
        let new: Vec<UnitSlot> = updates.iter().map(|update| update.slot).collect();
        for slot in &new {
            let version = (world[usize::from(slot.0)].clone(), self.acked.get(slot).copied());
            self.sent.entry(*slot).or_default().insert(name.tick, version);
        }
        self.frames.insert(name, new);
        bytes
    }

    fn against<'a>(&'a self, slot: UnitSlot, blueprint: &'a [u32]) -> Against<'a> {
        let Some(tick) = self.acked.get(&slot) else { return Against::Blueprint(blueprint) };
        let history = &self.sent[&slot];
        let version = |tick: u32| VersionWords { tick, words: &history[&tick].0 };
        Against::Version { baseline: version(*tick), second: history[tick].1.map(version) }
    }
}
