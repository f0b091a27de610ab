//! Decodes a frame.

use alloc::vec::Vec;

use super::audit::{AUDIT_BITS, Audit, digest};
use super::header::{FrameHeader, FrameName};
use super::names::{BaselineName, NamedUnit, take_names};
use crate::limits;
use crate::snapshot::delta::against::{Against, VersionWords};
use crate::snapshot::delta::decode::decode;
use crate::snapshot::delta::fault::SnapshotFault;
use crate::snapshot::delta::plan::Plan;
use crate::snapshot::delta::slot::{SlotBinding, UnitSlot};
use crate::snapshot::entropy::CodeReader;

/// The versions that a receiver has stored, which the decoder looks up.
pub trait Versions {
    /// Returns the newest tick of all stored frames, or `None` without frames.
    fn newest_tick(&self) -> Option<u32>;

    /// Returns the slots of the units of a stored frame, ascending. Returns `None` if the receiver does not have the
    /// frame.
    fn frame_slots(&self, frame: FrameName) -> Option<&[UnitSlot]>;

    /// Returns the unit in a slot. Returns `None` if the slot is empty.
    fn unit(&self, slot: UnitSlot) -> Option<ReceiverUnit<'_>>;

    /// Returns the unit to which a frame binds a slot. Returns `None` if the schema does not have the group or
    /// blueprint of the binding.
    fn bound(&self, binding: SlotBinding) -> Option<ReceiverUnit<'_>>;

    /// Returns the version that the unit in `slot` has at this tick, or `None` if no such version is stored.
    fn version(&self, slot: UnitSlot, tick: u32) -> Option<StoredVersion<'_>>;

    /// Returns the newest version that the unit in `slot` has before this tick, or `None` if no such version is stored.
    fn newest_before(&self, slot: UnitSlot, tick: u32) -> Option<StoredVersion<'_>>;
}

/// A unit that a receiver has in a slot.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverUnit<'a> {
    /// The compiled layout of the unit.
    pub plan: &'a Plan,
    /// The words of the unit's blueprint, or zeros if the unit has no blueprint.
    pub blueprint: &'a [u32],
}

/// A version of a unit that a receiver has stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredVersion<'a> {
    /// The tick and the words of the version.
    pub version: VersionWords<'a>,
    /// The tick of the version against which this version was coded, or `None` if it was coded against a blueprint.
    pub coded_against: Option<u32>,
}

/// A unit of a decoded frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodedUnit<'a> {
    /// The slot of the unit.
    pub slot: UnitSlot,
    /// The words of the unit at the tick of the frame.
    pub words: &'a [u32],
    /// The tick of the version against which the words were coded, or `None` if they were coded against a blueprint.
    pub coded_against: Option<u32>,
    /// The unit to which the frame binds the slot, if the words were coded against a blueprint.
    pub binding: Option<SlotBinding>,
}

/// The decoded content of a frame. The same value can decode one frame after another and reuses its memory.
#[derive(Clone, Debug, Default)]
pub struct DecodedFrame {
    header: Option<FrameHeader>,
    names: Vec<NamedUnit>,
    /// Scratch space for the units while their names are read.
    fresh: Vec<NamedUnit>,
    units: Vec<UnitPlace>,
    words: Vec<u32>,
}

/// The place of a unit's words among the words of the frame.
#[derive(Clone, Copy, Debug)]
struct UnitPlace {
    slot: UnitSlot,
    coded_against: Option<u32>,
    binding: Option<SlotBinding>,
    first: usize,
    words: usize,
}

impl DecodedFrame {
    /// Creates a decoder without a frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the header of the most recently decoded frame, even if a later part of the frame was invalid. Returns `None` if
    /// the header itself was invalid, or before the first frame.
    #[must_use]
    pub const fn header(&self) -> Option<&FrameHeader> {
        self.header.as_ref()
    }

    /// Returns the units of the most recently decoded frame, in the order of their slots. Returns no units if the frame was
    /// invalid.
    pub fn units(&self) -> impl Iterator<Item = DecodedUnit<'_>> {
        self.units.iter().map(|unit| DecodedUnit {
            slot: unit.slot,
            words: self.words.get(unit.first..unit.first + unit.words).unwrap_or_default(),
            coded_against: unit.coded_against,
            binding: unit.binding,
        })
    }

    /// Decodes the frame in `bytes`. The frame must fill all bytes.
    ///
    /// # Errors
    /// A [`SnapshotFault`] if the frame is invalid. [`Self::units`] then returns no units.
    pub fn decode(&mut self, bytes: &[u8], versions: &impl Versions) -> Result<(), SnapshotFault> {
        self.header = None;
        self.words.clear();
        self.units.clear();
        let result = self.decode_units(&mut CodeReader::new(bytes), versions);
        if result.is_err() {
            self.units.clear();
        }
        result
    }

    fn decode_units(
        &mut self,
        reader: &mut CodeReader<'_>,
        versions: &impl Versions,
    ) -> Result<(), SnapshotFault> {
        let header = FrameHeader::take(reader, versions.newest_tick())?;
        self.header = Some(header);
        let reference = match header.reference {
            Some(name) => versions.frame_slots(name).ok_or(SnapshotFault::ReferenceMissing)?,
            None => &[],
        };
        take_names(reader, &header, reference, &mut self.names, &mut self.fresh)?;
        let mut audit = Audit::default();
        for NamedUnit { slot, baseline } in &self.names {
            let slot = *slot;
            let binding = match baseline {
                BaselineName::Blueprint(binding) => Some(*binding),
                BaselineName::Below | BaselineName::At(_) => None,
            };
            let known = binding.map_or_else(|| versions.unit(slot), |binding| versions.bound(binding));
            let unit = known.ok_or(SnapshotFault::UnknownUnit { slot })?;
            let against = match baseline {
                BaselineName::Blueprint(_) => Against::Blueprint(unit.blueprint),
                BaselineName::Below => held(slot, None, header.floor, versions)?,
                BaselineName::At(tick) => held(slot, Some(*tick), header.floor, versions)?,
            };
            let (first, words) = (self.words.len(), unit.plan.words());
            if first + words > limits::SNAPSHOT_FRAME_WORDS {
                return Err(SnapshotFault::TooLarge);
            }
            self.words.resize(first + words, 0);
            let out = self.words.get_mut(first..).unwrap_or_default();
            decode(unit.plan, header.name.tick, &against, reader, out)?;
            audit.add(slot.0, digest(out));
            if let Some(binding) = &binding {
                audit.add_binding(binding);
            }
            self.units.push(UnitPlace {
                slot,
                coded_against: against.baseline_tick(),
                binding,
                first,
                words,
            });
        }
        let sent = reader.take(AUDIT_BITS)?;
        reader.finish()?;
        if sent == audit.value() { Ok(()) } else { Err(SnapshotFault::Diverged) }
    }
}

/// Looks up the version of `tick`, or the newest version below the floor if `tick` is `None`. The result includes the
/// version that the found version was coded against, unless that version is below the floor.
fn held<'a>(
    slot: UnitSlot,
    tick: Option<u32>,
    floor: u32,
    versions: &'a impl Versions,
) -> Result<Against<'a>, SnapshotFault> {
    let stored = match tick {
        Some(tick) => versions.version(slot, tick),
        None => versions.newest_before(slot, floor),
    };
    let StoredVersion { version, coded_against } =
        stored.ok_or(SnapshotFault::BaselineMissing { slot, tick })?;
    let second = match coded_against.filter(|tick| *tick >= floor) {
        None => None,
        Some(tick) => {
            let second = versions.version(slot, tick);
            Some(second.ok_or(SnapshotFault::BaselineMissing { slot, tick: Some(tick) })?.version)
        }
    };
    Ok(Against::Version { baseline: version, second })
}
