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

/// The smallest and the largest distance, in ticks, of the floor to the newest tick.
const FLOOR_LAG: core::ops::RangeInclusive<u32> = 24..=192;
/// The number of frames after which no new frame refers to an acknowledged frame, because the receiver keeps only its
/// most recent frames.
const REFERENCE_FRAMES: u64 = crate::limits::SNAPSHOT_FRAMES_HELD as u64 / 2;

/// The state of a world that is sent to one connection.
#[derive(Clone, Debug)]
pub(crate) struct WorldSender {
    pub(super) codec: Arc<UnitCodec>,
    pub(super) world: WorldId,
    /// The connection that receives the world.
    pub(super) viewer: ConnectionId,
    pub(super) slots: Slots,
    /// The units whose newest version was not sent or was lost.
    pub(super) dirty: SlotSet,
    /// The units that must be sent again in the next tick, because they were sent in this tick and lost, or because
    /// they must wait for an acknowledgement.
    pub(super) spent: SlotSet,
    pub(super) plan: SendPlan,
    /// `true` if the previous tick ended before all units of its plan were sent.
    pub(super) is_behind: bool,
    pub(super) ledger: Ledger,
    pub(super) reference: Option<Reference>,
    /// The tick of the latest commit, or [`NEVER`].
    pub(super) tick: u32,
    /// The number of frames that were written in this tick.
    pub(super) parts: u16,
    pub(super) newest_acked: Option<u32>,
    /// The tick of the first frame.
    first_tick: Option<u32>,
    pub(super) floor: u32,
    /// The average number of bits of a unit in the recent frames, times 8.
    pub(super) unit_bits: u32,
    /// The entities that the connection must not see.
    pub(super) hidden: BTreeSet<NetworkId>,
    /// The entities for whose units the view has no free slots.
    pub(super) left_out: BTreeSet<NetworkId>,
    /// The entities that the connection sees at any distance.
    pub(super) always: BTreeSet<NetworkId>,
    /// The point from which the connection sees the world, and its radii. `None` if the connection sees the whole
    /// world.
    pub(super) interest: Option<InterestState>,
    /// `true` if all entities must enter the view with the next commit.
    pub(super) is_all_due: bool,
    pub(super) is_closed: bool,
    pub(super) opening: ViewOpening,
    /// The units that were in the view when the view began and that the peer has not acknowledged yet.
    pub(super) joining: SlotSet,
    /// `true` if the view began before the eyes had a position, so that the joining units lack what is near.
    pub(super) is_join_due: bool,
    pub(super) counts: SenderCounts,
}

/// The progress of the first frame of a view, which shows the peer that the view exists even if the view is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ViewOpening {
    Due,
    Sent,
    Known,
}

/// The newest acknowledged frame.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) name: FrameName,
    pub(super) frame: u64,
    pub(super) slots: Vec<UnitSlot>,
}

/// The counters of a sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SenderCounts {
    /// The number of frames written.
    pub(crate) frames: u64,
    /// The number of units in the frames written.
    pub(crate) units: u64,
    /// The number of bytes of the frames written.
    pub(crate) bytes: u64,
    /// The number of units that were coded against their blueprints although the peer had a version of the unit.
    pub(crate) restarts: u64,
}

impl WorldSender {
    /// Creates a sender with an empty view of the world.
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
            first_tick: None,
            floor: 0,
            unit_bits: 64 * 8,
            hidden: BTreeSet::new(),
            left_out: BTreeSet::new(),
            always: BTreeSet::new(),
            interest: None,
            is_all_due: false,
            joining: SlotSet::default(),
            is_join_due: false,
            is_closed: false,
            opening: ViewOpening::Due,
            counts: SenderCounts::default(),
        }
    }

    pub(crate) const fn world(&self) -> WorldId {
        self.world
    }

    /// Returns the full number of the frame whose low 32 bits are `low`.
    pub(crate) fn whole_number(&self, low: u32) -> u64 {
        let next = self.ledger.next();
        next - u64::from((next as u32).wrapping_sub(low))
    }

    /// Returns the number of bytes in frames that are neither acknowledged nor lost.
    pub(crate) const fn in_flight(&self) -> u64 {
        self.ledger.in_flight()
    }

    pub(crate) const fn counts(&self) -> SenderCounts {
        self.counts
    }

    /// Returns whether a frame is due in this tick: a unit waits, or the first frame of the view.
    pub(crate) const fn has_news(&self) -> bool {
        let is_due = !self.dirty.is_empty() || matches!(self.opening, ViewOpening::Due);
        is_due && self.parts <= u8::MAX as u16 && self.tick != NEVER
    }

    /// Returns whether the peer has acknowledged all units that were in the view when the view began.
    pub(crate) fn is_joined(&self) -> bool {
        let has_all = !self.is_join_due && self.joining.is_empty();
        self.opening == ViewOpening::Known && (has_all || planted::is_planted(Bug::ViewCompleteEarly))
    }

    /// Returns whether units wait for the next commit.
    pub(crate) const fn has_spent(&self) -> bool {
        !self.spent.is_empty()
    }

    /// Returns whether a unit waits to be sent, or a frame is neither acknowledged nor lost.
    pub(crate) const fn is_pending(&self) -> bool {
        !self.dirty.is_empty() || !self.spent.is_empty() || self.in_flight() > 0
    }

    /// Returns whether the peer has acknowledged the newest state of all units in its view.
    pub(crate) fn is_settled(&self) -> bool {
        self.dirty.is_empty()
            && self.spent.is_empty()
            && self.slots.iter().all(|(_, slot)| slot.first_unacked().is_none() || self.is_let_go(slot))
    }

    /// Returns whether the acknowledgement of a unit no longer matters: the unit is out of sight, or its entity was
    /// destroyed before the floor, so the peer may have dropped the unit.
    pub(super) const fn is_let_go(&self, slot: &ViewSlot) -> bool {
        slot.is_away || slot.gone_at < self.floor
    }

    /// Records that the peer acknowledged frame `frame`, and therefore stored the frame.
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

    /// Releases the slots of an entity.
    pub(super) fn retire(&mut self, id: NetworkId) {
        for slot in self.slots.units_of(id) {
            self.dirty.remove(slot);
            self.spent.remove(slot);
            self.joining.remove(slot);
        }
        self.slots.retire(id);
    }

    /// Records that frame `frame` is lost. The units of the frame are sent again, except units that were sent again
    /// since.
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
            } else if !planted::is_planted(Bug::LostUnitForgotten) {
                self.dirty.insert(entry.slot);
            }
        }
        self.ledger.trim();
    }

    /// Prepares the lost units of this tick for another frame of the same tick, coded against their blueprints.
    /// Called when the game has not committed for a while. A peer that received both frames ignores the versions that
    /// the second frame was coded against.
    pub(crate) fn on_stall(&mut self) {
        for slot in self.spent.iter() {
            if let Some(slot) = self.slots.get_mut(slot) {
                slot.start_over();
            }
        }
        self.dirty.take_all(&mut self.spent);
    }

    /// Prepares for a new transport. The unacknowledged units are sent again, coded against their blueprints.
    pub(crate) fn on_resumed(&mut self) {
        let open = self.slots.iter().filter(|(_, slot)| slot.is_known && slot.sent != slot.baseline);
        let open: Vec<UnitSlot> =
            open.filter(|(_, slot)| !self.is_let_go(slot)).map(|(number, _)| number).collect();
        for slot in open.into_iter().filter(|_| !planted::is_planted(Bug::ResumeForgetsUnits)) {
            self.dirty.insert(slot);
        }
        self.slots.for_each_mut(|slot| {
            slot.renew();
            if planted::is_planted(Bug::ResumeTrustsSent) {
                (slot.baseline, slot.is_renewed) = (slot.sent, false);
            }
        });
        self.dirty.take_all(&mut self.spent);
        self.ledger.forget_all();
        if self.opening == ViewOpening::Sent {
            self.opening = ViewOpening::Due;
        }
        self.reference = None;
    }

    /// Processes the peer's report that it could not decode the frame `name`. The units of the frame are sent again,
    /// coded against their blueprints. Returns whether a unit is sent again.
    pub(crate) fn on_reset(&mut self, name: FrameName) -> bool {
        let Some(frame) = self.ledger.number(name) else { return false };
        let mut is_news = false;
        for entry in self.ledger.units(frame) {
            let is_same = |slot: &&ViewSlot| slot.visit == entry.visit;
            if self.slots.get(entry.slot).filter(is_same).is_none_or(|slot| self.is_let_go(slot)) {
                continue;
            }
            if let Some(slot) = self.slots.get_mut(entry.slot) {
                slot.start_over();
            }
            self.dirty.insert(entry.slot);
            is_news = true;
        }
        self.reference = None;
        is_news
    }

    /// Returns the header of the next frame, and raises the floor.
    pub(super) fn header(&mut self) -> FrameHeader {
        // Before the first acknowledgement, the peer may still acknowledge the first frame.
        let first = *self.first_tick.get_or_insert(self.tick);
        let lag = self.tick.saturating_sub(self.newest_acked.unwrap_or(first));
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

    /// Returns the heap memory of the sender, in bytes, without the memory of the codec.
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
