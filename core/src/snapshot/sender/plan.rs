//! The order in which the units of a tick are sent: the order of their slots if all units can be sent in time, else the most urgent
//! units first.

use alloc::vec::Vec;

use super::interest_state::NEAREST;
use super::send_plan::PlanCandidate;
use super::slots::{NEVER, ViewSlot};
use super::world_sender::WorldSender;
use crate::snapshot::store::Store;

/// The number of units out of four that may enter the view while other units wait.
const ENTERING_OF_FOUR: usize = 3;
/// The number of ticks by which a unit counts as waiting longer if the peer has no version of the unit.
const ENTERING_TICKS: u32 = 8;
/// The factor of the urgency of a report that an entity left the view.
const LEAVING_FACTOR: u32 = 8;

impl WorldSender {
    /// Plans the order of all waiting units. `budget` is the number of bytes that may be sent before the next commit.
    pub(super) fn make_plan(&mut self, store: &Store, candidates: &mut Vec<PlanCandidate>, budget: u64) {
        let expected = self.dirty.len() as u64 * u64::from(self.unit_bits) / 64;
        let all_fit = !self.is_behind && expected <= budget;
        self.plan.clear();
        if all_fit {
            self.plan.slots.extend(self.dirty.iter());
            return;
        }
        candidates.clear();
        for number in self.dirty.iter() {
            let Some(slot) = self.slots.get(number) else { continue };
            let urgency = self.urgency(store, slot);
            candidates.push(PlanCandidate { urgency, slot: number, is_entering: slot.baseline == NEVER });
        }
        // The most urgent first, and of the same urgency the lowest slot.
        candidates.sort_unstable_by_key(|candidate| (core::cmp::Reverse(candidate.urgency), candidate.slot));
        let (mut entering, mut others) = (0, 0);
        for place in 0..candidates.len() {
            let is_others_turn = place % 4 >= ENTERING_OF_FOUR;
            let own = take(candidates, &mut entering, true);
            let other = take(candidates, &mut others, false);
            let first = match (own, other) {
                (Some(own), Some(other)) if is_others_turn || other.urgency > own.urgency => {
                    others += 1;
                    other
                }
                (Some(own), _) => {
                    entering += 1;
                    own
                }
                (None, Some(other)) => {
                    others += 1;
                    other
                }
                (None, None) => return,
            };
            self.plan.slots.push(first.slot);
        }
    }

    fn urgency(&self, store: &Store, slot: &ViewSlot) -> u32 {
        let head_start = if slot.baseline == NEVER { ENTERING_TICKS } else { 1 };
        let waited = self.tick.saturating_sub(slot.waits_from).saturating_add(head_start);
        let is_leaving = slot.group == store.existence_group()
            && self.slots.entities.get(&slot.id).is_some_and(|entity| entity.leaving.is_some());
        let factor = if is_leaving {
            LEAVING_FACTOR * 128 * u32::from(NEAREST)
        } else {
            u32::from(store.weight(slot.unit)) * u32::from(slot.nearness)
        };
        waited.saturating_mul(factor)
    }
}

/// Returns the next candidate from the index `place` on whose `is_entering` has the given value.
fn take(candidates: &[PlanCandidate], place: &mut usize, is_entering: bool) -> Option<PlanCandidate> {
    while let Some(candidate) = candidates.get(*place) {
        if candidate.is_entering == is_entering {
            return Some(*candidate);
        }
        *place += 1;
    }
    None
}
