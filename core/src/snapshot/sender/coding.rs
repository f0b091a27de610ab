//! Codes one unit against the newest version that the peer has acknowledged.

use super::residuals::{CodedAgainst, Residuals};
use super::slots::{NEVER, ViewSlot};
use super::world_sender::WorldSender;
use crate::limits;
use crate::planted::{self, Bug};
use crate::snapshot::delta::FrameHeader;
use crate::snapshot::delta::{Against, CodedUnit, SlotBinding, UnitSlot, VersionWords};
use crate::snapshot::store::Store;

impl WorldSender {
    /// Prepares a unit for this frame. Returns `false` if the unit cannot be sent in the frame. A unit with too many
    /// unacknowledged versions waits while a frame is in flight whose acknowledgement can reduce their number.
    pub(super) fn prepare(&mut self, header: &FrameHeader, number: UnitSlot) -> bool {
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
            // A unit without a baseline waits too: if it started over, the acknowledgements under way would count for
            // nothing, and on a path with a long RTT it would never get a baseline.
            if may_come {
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

    /// Codes a unit. Returns the binding of its slot, and the index of the coded unit in `residuals`.
    pub(super) fn code_unit(
        &mut self,
        store: &Store,
        header: &FrameHeader,
        number: UnitSlot,
        residuals: &mut Residuals,
    ) -> Option<(SlotBinding, usize)> {
        let slot = *self.slots.get(number)?;
        let ViewSlot { id, group, blueprint, .. } = slot;
        let binding = SlotBinding { id, group, blueprint };
        if slot.group == self.codec.existence_group() || slot.is_hidden {
            let place = residuals.spare();
            self.code_own(store, &slot, residuals.get_mut(place)?)?;
            return Some((binding, place));
        }
        let is_above = slot.against >= header.floor || planted::is_planted(Bug::SecondBelowFloor);
        let has_second = slot.against != NEVER && is_above;
        let is_absolute = slot.baseline == NEVER || slot.is_renewed;
        let second = if has_second && !is_absolute { slot.against } else { NEVER };
        let wanted = CodedAgainst { baseline: if is_absolute { NEVER } else { slot.baseline }, second };
        if let Some(place) = residuals.find(slot.unit, wanted) {
            return Some((binding, place));
        }
        let current = store.state(slot.unit)?.version.row;
        let plan = self.codec.plan(slot.group)?;
        let mut against = Against::Blueprint(self.codec.blueprint(slot.group, blueprint)?);
        let mut coded_against = CodedAgainst { baseline: NEVER, second: NEVER };
        if !is_absolute {
            let version = |tick: u32| {
                let words = store.words_at(slot.unit, u64::from(tick))?.row;
                Some(VersionWords { tick, words })
            };
            let second = if second == NEVER { Some(None) } else { version(second).map(Some) };
            if let (Some(baseline), Some(second)) = (version(slot.baseline), second) {
                against = Against::Version { baseline, second };
                coded_against = wanted;
            } else {
                // The store does not have the words any more.
                self.counts.restarts += 1;
                self.slots.get_mut(number)?.start_over();
            }
        }
        let place = residuals.spare();
        residuals.get_mut(place)?.code(plan, self.tick, current, &against).ok()?;
        residuals.keep(slot.unit, coded_against, place);
        Some((binding, place))
    }

    /// Codes a unit whose words differ from the words in the store: the unit of an entity itself, or a unit that is
    /// hidden from the peer.
    fn code_own(&self, store: &Store, slot: &ViewSlot, out: &mut CodedUnit) -> Option<()> {
        let plan = self.codec.plan(slot.group)?;
        let absent = self.codec.blueprint(slot.group, None)?;
        let blueprint = self.codec.blueprint(slot.group, slot.blueprint)?;
        let against = Against::Blueprint(blueprint);
        if slot.is_hidden && slot.group != self.codec.existence_group() {
            return out.code(plan, self.tick, absent, &against).ok();
        }
        let words = self.existence_words(store, slot.id);
        out.code(plan, self.tick, &words, &against).ok()
    }
}
