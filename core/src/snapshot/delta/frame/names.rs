//! The units that a frame carries, named by their slots, and the versions that they are coded against.

use alloc::vec::Vec;

use super::header::FrameHeader;
use crate::limits;
use crate::snapshot::delta::fault::SnapshotFault;
use crate::snapshot::delta::slot::{SlotBinding, UnitSlot};
use crate::snapshot::delta::tally::{BitTally, BitUse};
use crate::snapshot::entropy::{CodeReader, CodeWriter, golomb_bits, unzigzag, zigzag};
use crate::snapshot::ids::{BlueprintId, GroupId, NetworkId};

/// The version that a unit is coded against, in the form in which a frame states it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BaselineName {
    /// The unit's newest version below the floor.
    Below,
    /// The blueprint. The binding names the unit of the slot.
    Blueprint(SlotBinding),
    /// The version of this tick, which is not below the floor.
    At(u32),
}

/// A unit of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NamedUnit {
    pub(super) slot: UnitSlot,
    pub(super) baseline: BaselineName,
}

/// The names of a frame's units, collected before they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct NameList {
    /// One item for each unit of the referenced frame: `true` if this frame repeats the unit, coded against the
    /// version in the referenced frame.
    again: Vec<bool>,
    /// Scratch space: the gaps between the units of the rarer kind, which is either the repeated units or the others.
    runs: Vec<u32>,
    /// The number of skipped slots before each unit that is not repeated. Slots of repeated units do not count.
    gaps: Vec<u32>,
    /// The baseline of each unit that is not repeated.
    ages: Vec<Age>,
    /// The binding of each unit that is coded against a blueprint.
    bindings: Vec<SlotBinding>,
    /// The slot after the highest slot of the units that are not repeated, and the number of repeated units since
    /// that slot.
    next: u32,
    again_since: u32,
}

/// The age of a baseline as a number that tends to be small.
#[derive(Clone, Copy, Debug)]
struct Age {
    symbol: u32,
    /// The number of ticks from the baseline to the tick before the frame's tick, if the symbol is [`NEWER`].
    newer: u32,
}

const BELOW: u32 = 0;
const BLUEPRINT: u32 = 1;
/// The symbol of a baseline that is newer than the reference.
const NEWER: u32 = 2;
/// The symbol of a baseline as old as the reference, or, without a reference, of the tick before the frame's tick. Each further
/// tick of age adds 1.
const REFERENCE_AGE: u32 = 3;

/// The number of bits in which the order of a list's Golomb code is written.
const ORDER_BITS: u32 = 4;
const COUNT_ORDER: u32 = 3;
/// The orders of the codes of a binding.
const ID_STEP_ORDER: u32 = 1;
const GROUP_ORDER: u32 = 1;

impl NameList {
    /// Removes all units and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.again.clear();
        self.gaps.clear();
        self.ages.clear();
        self.bindings.clear();
        (self.next, self.again_since) = (0, 0);
    }

    /// Adds a unit whose slot is above all slots added before. `reference` holds the remaining slots of the referenced frame: those
    /// not below the slots of earlier units. Returns `false` if a frame cannot name the baseline.
    pub(super) fn add(
        &mut self,
        header: &FrameHeader,
        reference: &mut core::iter::Peekable<core::slice::Iter<'_, UnitSlot>>,
        unit: NamedUnit,
    ) -> bool {
        while reference.next_if(|slot| **slot < unit.slot).is_some() {
            self.again.push(false);
        }
        let is_referred = reference.next_if(|slot| **slot == unit.slot).is_some();
        let is_again =
            is_referred && header.reference.is_some_and(|name| unit.baseline == BaselineName::At(name.tick));
        if is_referred {
            self.again.push(is_again);
        }
        if is_again {
            self.again_since += 1;
            return true;
        }
        let Some(age) = Age::of(header, unit.baseline) else { return false };
        if let BaselineName::Blueprint(binding) = unit.baseline {
            self.bindings.push(binding);
        }
        let slot = u32::from(unit.slot.0);
        self.gaps.push(slot.saturating_sub(self.next + self.again_since));
        self.ages.push(age);
        (self.next, self.again_since) = (slot + 1, 0);
        true
    }

    /// Writes the names; `referred` is the number of units of the referenced frame.
    pub(super) fn put(&mut self, referred: usize, out: &mut CodeWriter, tally: &mut impl BitTally) {
        let from = out.bits();
        self.again.resize(referred, false);
        self.put_again(out);
        out.golomb(self.gaps.len() as u32, COUNT_ORDER);
        let order = put_order(self.gaps.iter().copied(), out);
        self.gaps.iter().for_each(|gap| out.golomb(*gap, order));
        tally.add(BitUse::Names, out.bits() - from);
        let from = out.bits();
        let order = put_order(self.ages.iter().map(|age| age.symbol), out);
        for age in &self.ages {
            out.golomb(age.symbol, order);
            if age.symbol == NEWER {
                out.golomb(age.newer, 0);
            }
        }
        let mut before = NetworkId::default();
        for binding in &self.bindings {
            put_binding(*binding, &mut before, out);
        }
        tally.add(BitUse::Baselines, out.bits() - from);
    }

    /// Writes which units of the referenced frame are repeated: the gaps between units of the rarer kind.
    fn put_again(&mut self, out: &mut CodeWriter) {
        if self.again.is_empty() {
            return;
        }
        let again = self.again.iter().filter(|again| **again).count();
        let is_rare = 2 * again < self.again.len();
        out.put(u64::from(is_rare), 1);
        self.runs.clear();
        let mut run = 0;
        for again in &self.again {
            if *again == is_rare {
                self.runs.push(core::mem::take(&mut run));
            } else {
                run += 1;
            }
        }
        // A run that ends with the last unit needs no further number.
        if run > 0 {
            self.runs.push(run);
        }
        let order = put_order(self.runs.iter().copied(), out);
        self.runs.iter().for_each(|run| out.golomb(*run, order));
    }
}

impl Age {
    fn of(header: &FrameHeader, baseline: BaselineName) -> Option<Self> {
        let (symbol, newer) = match baseline {
            BaselineName::Below => (BELOW, 0),
            BaselineName::Blueprint(_) => (BLUEPRINT, 0),
            BaselineName::At(tick) => match newest(header).checked_sub(tick) {
                Some(age) => (REFERENCE_AGE.checked_add(age)?, 0),
                None => (NEWER, header.name.tick.checked_sub(1)?.checked_sub(tick)?),
            },
        };
        Some(Self { symbol, newer })
    }
}

/// Writes a binding; `before` is the entity of the binding before it. Units of an entity tend to have slots in a row, and entities
/// that appear together ids in a row.
fn put_binding(binding: SlotBinding, before: &mut NetworkId, out: &mut CodeWriter) {
    let step = binding.id.0.wrapping_sub(before.0).cast_signed();
    out.golomb(zigzag(step), ID_STEP_ORDER);
    out.golomb(u32::from(binding.group.0), GROUP_ORDER);
    out.golomb(binding.blueprint.map_or(0, |blueprint| u32::from(blueprint.0) + 1), 0);
    *before = binding.id;
}

fn take_binding(reader: &mut CodeReader<'_>, before: &mut NetworkId) -> Result<SlotBinding, SnapshotFault> {
    let id = NetworkId(before.0.wrapping_add(unzigzag(reader.golomb(ID_STEP_ORDER)?).cast_unsigned()));
    let group = u16::try_from(reader.golomb(GROUP_ORDER)?).map_err(|_| SnapshotFault::OutOfRange)?;
    let blueprint = match reader.golomb(0)?.checked_sub(1) {
        None => None,
        Some(number) => Some(BlueprintId(u16::try_from(number).map_err(|_| SnapshotFault::OutOfRange)?)),
    };
    *before = id;
    Ok(SlotBinding { id, group: GroupId(group), blueprint })
}

/// Returns the tick of the reference, or the tick before the frame's tick if the frame has no reference.
fn newest(header: &FrameHeader) -> u32 {
    match header.reference {
        Some(reference) => reference.tick,
        None => header.name.tick.saturating_sub(1),
    }
}

/// Chooses the Golomb order, among the three around the list's mean, that makes the list shortest, and writes the order. Writes
/// nothing for an empty list.
fn put_order(list: impl Iterator<Item = u32> + Clone, out: &mut CodeWriter) -> u32 {
    let (sum, count) =
        list.clone().fold((0u64, 0u64), |(sum, count), value| (sum + u64::from(value), count + 1));
    let Some(mean) = sum.checked_div(count) else { return 0 };
    let middle = mean.checked_ilog2().unwrap_or(0);
    let most = (1 << ORDER_BITS) - 1;
    let candidates = [middle.saturating_sub(1), middle, middle + 1].map(|order| order.min(most));
    let bits = |order: &u32| list.clone().map(|value| u64::from(golomb_bits(value, *order))).sum::<u64>();
    let order = candidates.into_iter().min_by_key(bits).unwrap_or(middle);
    out.put(u64::from(order), ORDER_BITS);
    order
}

/// Reads the names of a frame's units into `units`, in the order of their slots. `reference` holds the slots of the referenced
/// frame, ascending; `fresh` is scratch space.
pub(super) fn take_names(
    reader: &mut CodeReader<'_>,
    header: &FrameHeader,
    reference: &[UnitSlot],
    units: &mut Vec<NamedUnit>,
    fresh: &mut Vec<NamedUnit>,
) -> Result<(), SnapshotFault> {
    units.clear();
    fresh.clear();
    if reference.len() > limits::SNAPSHOT_FRAME_UNITS {
        return Err(SnapshotFault::TooLarge);
    }
    if let Some(name) = header.reference.filter(|_| !reference.is_empty()) {
        take_again(reader, reference, |slot| {
            units.push(NamedUnit { slot, baseline: BaselineName::At(name.tick) });
        })?;
    }
    let count = reader.golomb(COUNT_ORDER)? as usize;
    if count.saturating_add(units.len()) > limits::SNAPSHOT_FRAME_UNITS {
        return Err(SnapshotFault::TooLarge);
    }
    if count > 0 {
        take_slots(reader, count, units, fresh)?;
        let order = reader.take(ORDER_BITS)? as u32;
        for unit in fresh.iter_mut() {
            unit.baseline = take_baseline(reader, header, order)?;
        }
        let mut before = NetworkId::default();
        for unit in fresh.iter_mut() {
            if let BaselineName::Blueprint(binding) = &mut unit.baseline {
                *binding = take_binding(reader, &mut before)?;
            }
        }
        units.append(fresh);
        units.sort_unstable_by_key(|unit| unit.slot);
    }
    Ok(())
}

/// Reads which units of the referenced frame are repeated.
fn take_again(
    reader: &mut CodeReader<'_>,
    reference: &[UnitSlot],
    mut again: impl FnMut(UnitSlot),
) -> Result<(), SnapshotFault> {
    let is_rare = reader.bit()?;
    let order = reader.take(ORDER_BITS)? as u32;
    let mut rest = reference;
    while !rest.is_empty() {
        let run = reader.golomb(order)? as usize;
        let (common, after) = rest.split_at_checked(run).ok_or(SnapshotFault::Slot)?;
        let (rare, after) = after.split_at_checked(1).unwrap_or_default();
        let named = if is_rare { rare } else { common };
        named.iter().copied().for_each(&mut again);
        rest = after;
    }
    Ok(())
}

/// Reads the slots of the units that are not among the repeated units `again`.
fn take_slots(
    reader: &mut CodeReader<'_>,
    count: usize,
    again: &[NamedUnit],
    fresh: &mut Vec<NamedUnit>,
) -> Result<(), SnapshotFault> {
    let order = reader.take(ORDER_BITS)? as u32;
    let mut again = again.iter().map(|unit| u32::from(unit.slot.0)).peekable();
    let mut next = 0u32;
    for _ in 0..count {
        let mut slot = next.saturating_add(reader.golomb(order)?);
        // The slots of repeated units do not count.
        while again.next_if(|taken| *taken <= slot).is_some() {
            slot = slot.saturating_add(1);
        }
        let named = UnitSlot(u16::try_from(slot).map_err(|_| SnapshotFault::Slot)?);
        fresh.push(NamedUnit { slot: named, baseline: BaselineName::Below });
        next = slot + 1;
    }
    Ok(())
}

fn take_baseline(
    reader: &mut CodeReader<'_>,
    header: &FrameHeader,
    order: u32,
) -> Result<BaselineName, SnapshotFault> {
    let tick = match reader.golomb(order)? {
        BELOW => return Ok(BaselineName::Below),
        BLUEPRINT => return Ok(BaselineName::Blueprint(SlotBinding::default())),
        NEWER => {
            let back = reader.golomb(0)?.checked_add(1);
            let tick = back.and_then(|back| header.name.tick.checked_sub(back));
            tick.filter(|tick| *tick > newest(header)).ok_or(SnapshotFault::Tick)?
        }
        symbol => newest(header).checked_sub(symbol - REFERENCE_AGE).ok_or(SnapshotFault::Tick)?,
    };
    if tick < header.floor || tick >= header.name.tick {
        return Err(SnapshotFault::Tick);
    }
    Ok(BaselineName::At(tick))
}
