//! Building a frame: the units that differ from what the peer may show, the most urgent first where not all fit.

use alloc::vec::Vec;

use super::ledger::LedgerEntry;
use super::scratch::{FrameCandidate, FrameScratch, PickedUnit};
use super::slots::{NEVER, Slot};
use super::{FrameHeader, Opening, WorldSender};
use crate::limits;
use crate::planted::{self, Bug};
use crate::snapshot::delta::{
    Against, CodedUnit, SlotBinding, UnitSlot, UnitUpdate, UpdateBody, VersionWords,
};
use crate::snapshot::store::Store;

/// Bits of a frame's head, names and check that no unit pays for.
const HEAD_BITS: usize = 160;
/// Bits that name a unit, about, and those that say which unit a slot stands for.
const NAME_BITS: usize = 8;
const BINDING_BITS: usize = 24;
/// The share of a frame that entering units may take while others wait, in quarters.
const ENTERING_QUARTERS: usize = 3;
/// How urgent a unit is that the peer has nothing of: as one that was sent so many ticks ago.
const ENTERING_TICKS: u32 = 8;
/// How urgent it is that an entity is gone, as a multiple.
const LEAVING_FACTOR: u32 = 8;

impl WorldSender {
    /// Builds the next frame of at most `room` bytes. Returns its number; its bytes are those of `scratch`.
    pub(crate) fn pack(&mut self, store: &Store, scratch: &mut FrameScratch, room: usize) -> Option<u64> {
        if !self.has_news() {
            return None;
        }
        let header = self.header();
        let room_bits = (room * 8).checked_sub(HEAD_BITS)?;
        self.gather(store, &mut scratch.candidates, room_bits);
        self.code(store, &header, scratch, room_bits);
        self.write(&header, scratch, room)?;
        self.record(&header, scratch);
        Some(self.ledger.next() - 1)
    }

    /// Lists the units that wait, in the order of their slots if all will fit, else the most urgent first.
    fn gather(&mut self, store: &Store, candidates: &mut Vec<FrameCandidate>, room_bits: usize) {
        candidates.clear();
        let expected = self.dirty.len() * self.unit_bits as usize / 8;
        let all_fit = expected * 8 <= room_bits * 7;
        for number in self.dirty.iter() {
            let Some(slot) = self.slots.get(number) else { continue };
            let is_entering = slot.baseline == NEVER;
            let urgency = if all_fit { 0 } else { self.urgency(store, slot) };
            candidates.push(FrameCandidate { urgency, slot: number, is_entering });
        }
        if all_fit {
            return;
        }
        // Twice as many as are expected to fit: units differ in size.
        let most = 16 + 2 * room_bits * 8 / self.unit_bits.max(8) as usize;
        if candidates.len() > most {
            candidates.select_nth_unstable_by(most, |one, other| other.cmp(one));
            candidates.truncate(most);
        }
        candidates.sort_unstable_by(|one, other| other.cmp(one));
    }

    fn urgency(&self, store: &Store, slot: &Slot) -> u32 {
        let waited = match slot.sent {
            NEVER => ENTERING_TICKS,
            sent => self.tick.saturating_sub(sent).saturating_add(1),
        };
        let is_leaving = slot.group == store.existence_group()
            && self.slots.entities.get(&slot.id).is_some_and(|entity| entity.leaving.is_some());
        let factor = if is_leaving { LEAVING_FACTOR * 128 } else { u32::from(store.weight(slot.unit)) };
        waited.saturating_mul(factor)
    }

    /// Codes units until no more fit.
    fn code(&mut self, store: &Store, header: &FrameHeader, scratch: &mut FrameScratch, room_bits: usize) {
        let FrameScratch { candidates, picked, coded, .. } = scratch;
        picked.clear();
        let has_others = candidates.iter().any(|candidate| !candidate.is_entering);
        let entering_room = if has_others { room_bits * ENTERING_QUARTERS / 4 } else { room_bits };
        let (mut used, mut entering, mut words) = (0, 0, 0);
        for candidate in candidates.iter() {
            if picked.len() >= limits::SNAPSHOT_FRAME_UNITS || used >= room_bits {
                break;
            }
            if candidate.is_entering && entering >= entering_room {
                continue;
            }
            if !self.prepare(header, candidate.slot) {
                continue;
            }
            if coded.len() == picked.len() {
                coded.push(CodedUnit::default());
            }
            let Some(unit) = coded.get_mut(picked.len()) else { break };
            let Some(binding) = self.code_unit(store, header, candidate.slot, unit) else {
                // Nobody can code it, now or later: it must not keep the connection awake.
                debug_assert!(false, "a unit without a state");
                self.dirty.remove(candidate.slot);
                continue;
            };
            let is_absolute = unit.baseline().is_none();
            let bits = unit.bits() + NAME_BITS + if is_absolute { BINDING_BITS } else { 0 };
            words += unit.words();
            let is_too_much = used + bits > room_bits || words > limits::SNAPSHOT_FRAME_WORDS;
            if is_too_much && !picked.is_empty() {
                break;
            }
            used += bits;
            entering += if candidate.is_entering { bits } else { 0 };
            picked.push(PickedUnit { slot: candidate.slot, binding, place: picked.len() });
        }
    }

    /// Sees to it that a unit may be sent in this frame. One with so many versions in doubt waits for an acknowledgement, as long as a
    /// frame is in flight that may bring one.
    fn prepare(&mut self, header: &FrameHeader, number: UnitSlot) -> bool {
        let (tick, newest_acked, is_waiting) = (self.tick, self.newest_acked, self.ledger.is_waiting());
        let is_let_go = self.slots.get(number).is_none_or(|slot| self.is_let_go(slot));
        let Some(slot) = self.slots.get_mut(number).filter(|_| !is_let_go) else {
            self.dirty.remove(number);
            return false;
        };
        if slot.sent == tick {
            // It goes once a tick, because the tick names the version.
            self.dirty.remove(number);
            self.spent.insert(number);
            return false;
        }
        if slot.is_full(tick, limits::UNACKED_VERSIONS) {
            let may_come = is_waiting && newest_acked.is_none_or(|acked| acked < slot.sent);
            if may_come && slot.baseline != NEVER {
                self.dirty.remove(number);
                self.spent.insert(number);
                return false;
            }
            self.counts.restarts += u64::from(slot.baseline != NEVER);
            slot.start_over();
        }
        let is_below = |first: u32| first < header.floor && !planted::is_planted(Bug::FloorPastUnacked);
        if slot.first_unacked().is_some_and(is_below) {
            self.counts.restarts += u64::from(slot.baseline != NEVER);
            slot.start_over();
        }
        true
    }

    /// Codes a unit against what the peer is known to have.
    fn code_unit(
        &mut self,
        store: &Store,
        header: &FrameHeader,
        number: UnitSlot,
        out: &mut CodedUnit,
    ) -> Option<SlotBinding> {
        let slot = *self.slots.get(number)?;
        let blueprint = self.blueprint_of(slot.id);
        let binding = SlotBinding { id: slot.id, group: slot.group, blueprint };
        let plan = self.codec.plan(slot.group)?;
        let nothing = Against::Blueprint(self.codec.blueprint(slot.group, blueprint)?);
        if slot.group == self.codec.existence_group() {
            let words = self.existence_words(store, slot.id);
            out.code(plan, self.tick, &words, &nothing).ok()?;
            return Some(binding);
        }
        if slot.is_hidden {
            let absent = self.codec.blueprint(slot.group, None)?;
            out.code(plan, self.tick, absent, &nothing).ok()?;
            return Some(binding);
        }
        let current = store.state(slot.unit)?.version.row;
        let words_at = |tick: u32| store.words_at(slot.unit, u64::from(tick)).map(|version| version.row);
        let baseline = if slot.baseline == NEVER { None } else { words_at(slot.baseline) };
        let has_second = slot.against != NEVER && slot.against >= header.floor;
        let second = if has_second { words_at(slot.against) } else { None };
        let against = match baseline {
            Some(words) if second.is_some() == has_second && !slot.is_renewed => Against::Version {
                baseline: VersionWords { tick: slot.baseline, words },
                second: second.map(|words| VersionWords { tick: slot.against, words }),
            },
            _ => nothing,
        };
        if slot.baseline != NEVER && !slot.is_renewed && matches!(against, Against::Blueprint(_)) {
            // The store does not have the words any more.
            self.counts.restarts += 1;
            self.slots.get_mut(number)?.start_over();
        }
        out.code(plan, self.tick, current, &against).ok()?;
        Some(binding)
    }

    /// Writes the frame. Units that do not fit after all stay for the next one.
    fn write(&self, header: &FrameHeader, scratch: &mut FrameScratch, room: usize) -> Option<()> {
        let FrameScratch { picked, coded, writer, bytes, .. } = scratch;
        let reference = self.reference.as_ref().filter(|one| header.reference == Some(one.name));
        let reference = reference.map_or(&[][..], |reference| &reference.slots);
        // The first frame of a view may be empty: it says that there is one.
        while !picked.is_empty() || self.opening == Opening::Due {
            let kept = picked.len();
            picked.sort_unstable_by_key(|unit| unit.slot);
            let units = picked.iter().filter_map(|unit| {
                let body = UpdateBody::Coded(coded.get(unit.place)?);
                Some(UnitUpdate { slot: unit.slot, binding: unit.binding, body })
            });
            let written = writer.write(header, reference, units).ok()?;
            if written.bits().div_ceil(8) <= room {
                bytes.clear();
                written.finish_into(bytes);
                return Some(());
            }
            // The least urgent give way.
            picked.sort_unstable_by_key(|unit| unit.place);
            picked.truncate(kept.saturating_sub((kept / 8).max(1)));
            if kept == 0 {
                break;
            }
        }
        None
    }

    /// Notes what the frame carries.
    fn record(&mut self, header: &FrameHeader, scratch: &FrameScratch) {
        for unit in &scratch.picked {
            let Some(slot) = self.slots.get_mut(unit.slot) else { continue };
            let coded = scratch.coded.get(unit.place);
            let coded_against = coded.and_then(CodedUnit::baseline).unwrap_or(NEVER);
            slot.on_sent(header.name.tick);
            self.ledger.note(LedgerEntry { slot: unit.slot, visit: slot.visit, coded_against });
            self.dirty.remove(unit.slot);
        }
        self.ledger.record(header.name, header.floor);
        if self.opening == Opening::Due {
            self.opening = Opening::Sent;
        }
        self.parts += 1;
        self.counts.frames += 1;
        self.counts.units += scratch.picked.len() as u64;
        self.counts.bytes += scratch.bytes.len() as u64;
        let units = scratch.picked.len() as u32;
        if units == 0 {
            return;
        }
        let bits = (scratch.bytes.len() as u32 * 64) / units;
        // An average over about eight frames.
        self.unit_bits = (self.unit_bits * 7 + bits) / 8;
    }
}
