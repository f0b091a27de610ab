//! Builds a frame of the units whose newest state the peer has not acknowledged. If not all units fit, the most
//! urgent units come first.

use super::ledger::LedgerEntry;
use super::scratch::{FrameScratch, PickedUnit};
use super::slots::NEVER;
use super::world_sender::{ViewOpening, WorldSender};
use crate::limits;
use crate::snapshot::delta::FrameHeader;
use crate::snapshot::delta::{CodedUnit, UnitUpdate, UpdateBody};
use crate::snapshot::store::Store;

/// The estimated number of bits of a frame's header, names and checksum.
const HEAD_BITS: usize = 160;
/// The estimated number of bits of a unit's name. [`BINDING_BITS`] is the estimated number of bits of a binding.
const NAME_BITS: usize = 8;
const BINDING_BITS: usize = 24;

impl WorldSender {
    /// Builds the next frame of at most `room` bytes, and returns its number. `scratch` then holds the bytes of the
    /// frame. `budget` is the number of bytes that may be sent before the next commit. Returns `None` if no frame is
    /// due or no unit fits.
    pub(crate) fn pack(
        &mut self,
        store: &Store,
        scratch: &mut FrameScratch,
        room: usize,
        budget: u64,
    ) -> Option<u64> {
        if !self.has_news() {
            return None;
        }
        let header = self.header();
        let room_bits = (room * 8).checked_sub(HEAD_BITS)?;
        if self.plan.is_done() {
            self.make_plan(store, &mut scratch.candidates, budget);
        }
        self.code(store, &header, scratch, room_bits);
        let is_written = self.write(&header, scratch, room);
        if is_written.is_none() || scratch.is_cut {
            // The units that found no room are in no plan any more.
            self.plan.clear();
        }
        is_written?;
        self.record(&header, scratch);
        Some(self.ledger.next() - 1)
    }

    /// Codes units in the order of the plan, until the frame is full.
    fn code(&mut self, store: &Store, header: &FrameHeader, scratch: &mut FrameScratch, room_bits: usize) {
        let FrameScratch { picked, residuals, .. } = scratch;
        picked.clear();
        residuals.begin(self.tick);
        let (mut used, mut words) = (0, 0);
        while let Some(number) = self.plan.first() {
            if picked.len() >= limits::SNAPSHOT_FRAME_UNITS || used >= room_bits {
                break;
            }
            if !self.dirty.contains(number) || !self.prepare(header, number) {
                self.plan.advance();
                continue;
            }
            let coded = self.code_unit(store, header, number, residuals);
            let Some((binding, place)) = coded else {
                // Nobody can code it, now or later: it must not keep the connection awake.
                debug_assert!(false, "the store has no state for a unit in the send plan");
                self.dirty.remove(number);
                self.plan.advance();
                continue;
            };
            let Some(unit) = residuals.get(place) else { break };
            let is_absolute = unit.baseline().is_none();
            let bits = unit.bits() + NAME_BITS + if is_absolute { BINDING_BITS } else { 0 };
            words += unit.words();
            let is_too_much = used + bits > room_bits || words > limits::SNAPSHOT_FRAME_WORDS;
            if is_too_much && !picked.is_empty() {
                break;
            }
            used += bits;
            self.plan.advance();
            picked.push(PickedUnit { slot: number, binding, order: picked.len(), place });
        }
    }

    /// Writes the frame. If the coded units do not fit, the least urgent units are left for the next frame. Returns
    /// `None` if no unit fits.
    fn write(&self, header: &FrameHeader, scratch: &mut FrameScratch, room: usize) -> Option<()> {
        let FrameScratch { picked, residuals, writer, bytes, is_cut, .. } = scratch;
        *is_cut = false;
        let reference = self.reference.as_ref().filter(|one| header.reference == Some(one.name));
        let reference = reference.map_or(&[][..], |reference| &reference.slots);
        // The first frame of a view may be empty: it says that there is one.
        while !picked.is_empty() || self.opening == ViewOpening::Due {
            let kept = picked.len();
            if !picked.is_sorted_by_key(|unit| unit.slot) {
                picked.sort_unstable_by_key(|unit| unit.slot);
            }
            let units = picked.iter().filter_map(|unit| {
                let body = UpdateBody::Coded(residuals.get(unit.place)?);
                Some(UnitUpdate { slot: unit.slot, binding: unit.binding, body })
            });
            let written = writer.write(header, reference, units).ok()?;
            if written.bits().div_ceil(8) <= room {
                bytes.clear();
                written.finish_into(bytes);
                return Some(());
            }
            // The least urgent give way.
            *is_cut = true;
            picked.sort_unstable_by_key(|unit| unit.order);
            picked.truncate(kept.saturating_sub((kept / 8).max(1)));
            if kept == 0 {
                break;
            }
        }
        None
    }

    /// Records the units of the frame as sent.
    fn record(&mut self, header: &FrameHeader, scratch: &FrameScratch) {
        for unit in &scratch.picked {
            let Some(slot) = self.slots.get_mut(unit.slot) else { continue };
            let coded = scratch.residuals.get(unit.place);
            let coded_against = coded.and_then(CodedUnit::baseline).unwrap_or(NEVER);
            slot.on_sent(header.name.tick);
            self.ledger.note(LedgerEntry { slot: unit.slot, visit: slot.visit, coded_against });
            self.dirty.remove(unit.slot);
        }
        self.ledger.record(header.name, header.floor, scratch.bytes.len());
        if self.opening == ViewOpening::Due {
            self.opening = ViewOpening::Sent;
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
