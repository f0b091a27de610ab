//! The state of a sender, and the acknowledgement or loss of its frames.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::interest_state::InterestState;
use super::ledger::Ledger;
use super::send_plan::SendPlan;
use super::slots::{NEVER, Slots, ViewSlot};
use crate::event::ConnectionId;
use crate::planted::{self, Bug};
use crate::snapshot::delta::{FrameHeader, FrameName, UnitSlot};
use crate::snapshot::ids::{NetworkId, WorldId};
use crate::snapshot::slot_set::SlotSet;
use crate::snapshot::unit_codec::UnitCodec;

/// Ticks that the floor stays behind the newest tick, at least and at most.
const FLOOR_LAG: core::ops::RangeInclusive<u32> = 24..=192;
/// Frames after which none refers to an acknowledged one any more: the receiver holds the most recent ones only.
const REFERENCE_FRAMES: u64 = crate::limits::SNAPSHOT_FRAMES_HELD as u64 / 2;

/// A world as one connection is sent it.
#[derive(Clone, Debug)]
pub(crate) struct WorldSender {
    pub(super) codec: Arc<UnitCodec>,
    pub(super) world: WorldId,
    /// The connection that is sent the world.
    pub(super) viewer: ConnectionId,
    pub(super) slots: Slots,
    /// Units of which the newest version was not sent, or was lost.
    pub(super) dirty: SlotSet,
    /// Units that were sent in this tick and lost, or have to wait for an acknowledgement: they are dirty again in the next tick.
    pub(super) spent: SlotSet,
    pub(super) plan: SendPlan,
    /// Whether the last tick ended before its plan was done.
    pub(super) is_behind: bool,
    pub(super) ledger: Ledger,
    pub(super) reference: Option<Reference>,
    /// The tick of the last commit, or [`NEVER`].
    pub(super) tick: u32,
    /// The frames that were written in this tick.
    pub(super) parts: u16,
    pub(super) newest_acked: Option<u32>,
    pub(super) floor: u32,
    /// Bits of a unit in a frame, an average over the last frames, in eighths.
    pub(super) unit_bits: u32,
    /// Entities that the connection may not see.
    pub(super) hidden: BTreeSet<NetworkId>,
    /// Entities that the connection sees at any distance.
    pub(super) always: BTreeSet<NetworkId>,
    /// From where the connection sees the world; `None` if it sees all of it.
    pub(super) interest: Option<InterestState>,
    /// Whether everything is to enter the view with the next commit.
    pub(super) is_all_due: bool,
    pub(super) is_closed: bool,
    pub(super) opening: ViewOpening,
    /// Units that were in view when the view began, and that the peer has not acknowledged yet.
    pub(super) joining: SlotSet,
    pub(super) counts: SenderCounts,
}

/// Whether the peer knows that it has a view, be it empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ViewOpening {
    Due,
    Sent,
    Known,
}

/// The newest frame that was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) name: FrameName,
    pub(super) frame: u64,
    pub(super) slots: Vec<UnitSlot>,
}

/// Counters of a sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SenderCounts {
    /// Frames that were written.
    pub(crate) frames: u64,
    /// Units in these frames.
    pub(crate) units: u64,
    /// Bytes of these frames.
    pub(crate) bytes: u64,
    /// Units that were coded against nothing although the peer had a version of them.
    pub(crate) restarts: u64,
}

impl WorldSender {
    /// A sender that knows nothing of the world yet.
    pub(crate) fn new(codec: Arc<UnitCodec>, world: WorldId, viewer: ConnectionId) -> Self {
        Self {
            codec,
            world,
            viewer,
            slots: Slots::default(),
            dirty: SlotSet::default(),
            spent: SlotSet::default(),
            plan: SendPlan::default(),
            is_behind: false,
            ledger: Ledger::default(),
            reference: None,
            tick: NEVER,
            parts: 0,
            newest_acked: None,
            floor: 0,
            unit_bits: 64 * 8,
            hidden: BTreeSet::new(),
            always: BTreeSet::new(),
            interest: None,
            is_all_due: false,
            joining: SlotSet::default(),
            is_closed: false,
            opening: ViewOpening::Due,
            counts: SenderCounts::default(),
        }
    }

    pub(crate) const fn world(&self) -> WorldId {
        self.world
    }

    /// The number of a frame, of which these are the low bits.
    pub(crate) fn whole_number(&self, low: u32) -> u64 {
        let next = self.ledger.next();
        next - u64::from((next as u32).wrapping_sub(low))
    }

    pub(crate) const fn counts(&self) -> SenderCounts {
        self.counts
    }

    /// Whether a frame would have anything to carry.
    pub(crate) const fn has_news(&self) -> bool {
        let is_due = !self.dirty.is_empty() || matches!(self.opening, ViewOpening::Due);
        is_due && self.parts <= u8::MAX as u16 && self.tick != NEVER
    }

    /// Whether the peer has everything that was in view when the view began.
    pub(crate) fn is_joined(&self) -> bool {
        self.opening == ViewOpening::Known && self.joining.is_empty()
    }

    /// Whether units wait for the next commit.
    pub(crate) const fn has_spent(&self) -> bool {
        !self.spent.is_empty()
    }

    /// Whether the peer lacks anything, as far as this end knows.
    pub(crate) fn is_settled(&self) -> bool {
        self.dirty.is_empty()
            && self.spent.is_empty()
            && self.slots.iter().all(|(_, slot)| slot.first_unacked().is_none() || self.is_let_go(slot))
    }

    /// Whether nobody asks what the peer has of a unit: it is out of sight, or its entity was destroyed before the floor, so that the
    /// peer may have forgotten both.
    pub(super) const fn is_let_go(&self, slot: &ViewSlot) -> bool {
        slot.is_away || slot.gone_at < self.floor
    }

    /// A frame is acknowledged: the peer stored it.
    pub(crate) fn on_acked(&mut self, frame: u64) {
        let Some((name, floor)) = self.ledger.settle(frame) else { return };
        self.opening = ViewOpening::Known;
        let Self { ledger, slots, codec, joining, .. } = self;
        for entry in ledger.units(frame) {
            let is_of_visit =
                |slot: &&mut ViewSlot| slot.visit == entry.visit || planted::is_planted(Bug::VisitIgnored);
            let Some(slot) = slots.get_mut(entry.slot).filter(is_of_visit) else { continue };
            let is_guessed = planted::is_planted(Bug::SecondBaselineGuessed);
            let coded_against = if is_guessed { slot.baseline } else { entry.coded_against };
            slot.on_acked(name.tick, coded_against);
            joining.remove(entry.slot);
            let (id, group) = (slot.id, slot.group);
            if group == codec.existence_group()
                && let Some(entity) = slots.entities.get_mut(&id)
            {
                entity.is_leaving_heard = entity.leaving.is_some_and(|(since, _)| name.tick >= since);
            }
        }
        while let Some(id) = self.slots.first_forgotten(floor) {
            self.retire(id);
        }
        self.newest_acked = self.newest_acked.max(Some(name.tick));
        if self.reference.as_ref().is_none_or(|reference| reference.name < name) {
            let mut list = self.reference.take().map(|reference| reference.slots).unwrap_or_default();
            list.clear();
            list.extend(self.ledger.units(frame).map(|entry| entry.slot));
            self.reference = Some(Reference { name, frame, slots: list });
        }
        self.ledger.trim();
    }

    /// Frees the slots of an entity.
    pub(super) fn retire(&mut self, id: NetworkId) {
        for slot in self.slots.units_of(id) {
            self.dirty.remove(slot);
            self.spent.remove(slot);
            self.joining.remove(slot);
        }
        self.slots.retire(id);
    }

    /// A frame counts as lost: what it carried is sent again, unless it was since.
    pub(crate) fn on_lost(&mut self, frame: u64) {
        let Some((name, _)) = self.ledger.settle(frame) else { return };
        if self.opening == ViewOpening::Sent {
            self.opening = ViewOpening::Due;
        }
        for entry in self.ledger.units(frame) {
            let is_newest = |slot: &&ViewSlot| slot.visit == entry.visit && slot.sent == name.tick;
            if self.slots.get(entry.slot).filter(is_newest).is_none_or(|slot| self.is_let_go(slot)) {
                continue;
            }
            if name.tick == self.tick {
                if planted::is_planted(Bug::LostInTickForgotten) {
                    continue;
                }
                self.spent.insert(entry.slot);
            } else {
                self.dirty.insert(entry.slot);
            }
        }
        self.ledger.trim();
    }

    /// No commit came for a while: what was lost in this tick goes again in the same tick, coded against nothing. The peer may have
    /// got the first sending, and then ignores against which version the second one was coded.
    pub(crate) fn on_stall(&mut self) {
        for slot in self.spent.iter() {
            if let Some(slot) = self.slots.get_mut(slot) {
                slot.start_over();
            }
        }
        self.dirty.take_all(&mut self.spent);
    }

    /// The transport is gone, and another one took its place: all that is not acknowledged goes again, coded against nothing.
    pub(crate) fn on_resumed(&mut self) {
        let open = self.slots.iter().filter(|(_, slot)| slot.is_known && slot.sent != slot.baseline);
        let open: Vec<UnitSlot> =
            open.filter(|(_, slot)| !self.is_let_go(slot)).map(|(number, _)| number).collect();
        for slot in open.into_iter().filter(|_| !planted::is_planted(Bug::ResumeForgetsUnits)) {
            self.dirty.insert(slot);
        }
        self.slots.for_each_mut(ViewSlot::renew);
        self.dirty.take_all(&mut self.spent);
        self.ledger.forget_all();
        if self.opening == ViewOpening::Sent {
            self.opening = ViewOpening::Due;
        }
        self.reference = None;
    }

    /// The peer could not decode a frame: nothing is coded against what that was coded against.
    pub(crate) fn on_reset(&mut self, name: FrameName) {
        let Some(frame) = self.ledger.number(name) else { return };
        for entry in self.ledger.units(frame) {
            let is_same = |slot: &&ViewSlot| slot.visit == entry.visit;
            if self.slots.get(entry.slot).filter(is_same).is_none_or(|slot| self.is_let_go(slot)) {
                continue;
            }
            if let Some(slot) = self.slots.get_mut(entry.slot) {
                slot.start_over();
            }
            self.dirty.insert(entry.slot);
        }
        self.reference = None;
    }

    /// The head of the next frame.
    pub(super) fn header(&mut self) -> FrameHeader {
        let lag = self.newest_acked.map_or(0, |acked| self.tick.saturating_sub(acked));
        let distance = lag.saturating_mul(2).saturating_add(16).clamp(*FLOOR_LAG.start(), *FLOOR_LAG.end());
        self.floor = self.floor.max(self.tick.saturating_sub(distance));
        let (floor, tick, next) = (self.floor, self.tick, self.ledger.next());
        let is_held = |reference: &&Reference| {
            let Reference { name, frame, .. } = reference;
            name.tick >= floor
                && name.tick < tick
                && tick - name.tick <= FrameHeader::REACH
                && next.saturating_sub(*frame) <= REFERENCE_FRAMES
        };
        let reference = self.reference.as_ref().filter(is_held).map(|reference| reference.name);
        FrameHeader { name: FrameName { tick, part: self.parts as u8 }, floor, reference }
    }

    /// Bytes of the heap, without those of the codec.
    pub(crate) fn memory(&self) -> usize {
        let reference = self.reference.as_ref().map_or(0, |reference| reference.slots.capacity());
        self.slots.memory()
            + self.dirty.memory()
            + self.spent.memory()
            + self.joining.memory()
            + (self.hidden.len() + self.always.len()) * size_of::<NetworkId>() * 2
            + self.ledger.memory()
            + self.plan.memory()
            + reference * size_of::<UnitSlot>()
    }
}
