//! A set of slots, with one bit for each slot.

use alloc::vec::Vec;

use super::delta::UnitSlot;

/// A set of slots.
#[derive(Clone, Debug, Default)]
pub(super) struct SlotSet {
    bits: Vec<u64>,
    count: usize,
}

impl SlotSet {
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn contains(&self, slot: UnitSlot) -> bool {
        let (place, bit) = place(slot);
        self.bits.get(place).is_some_and(|bits| bits & bit != 0)
    }

    pub(super) fn insert(&mut self, slot: UnitSlot) {
        let (place, bit) = place(slot);
        if self.bits.len() <= place {
            self.bits.resize(place + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(place) {
            self.count += usize::from(*bits & bit == 0);
            *bits |= bit;
        }
    }

    pub(super) fn remove(&mut self, slot: UnitSlot) {
        let (place, bit) = place(slot);
        if let Some(bits) = self.bits.get_mut(place) {
            self.count -= usize::from(*bits & bit != 0);
            *bits &= !bit;
        }
    }

    /// Returns the slots of the set, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = UnitSlot> {
        (0..).zip(&self.bits).flat_map(|(place, bits)| {
            let mut rest = *bits;
            core::iter::from_fn(move || {
                let bit = rest.checked_ilog2().map(|_| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(UnitSlot(place * 64 + bit as u16))
            })
        })
    }

    pub(super) fn clear(&mut self) {
        self.bits.fill(0);
        self.count = 0;
    }

    /// Moves all slots of `other` to this set.
    pub(super) fn take_all(&mut self, other: &mut Self) {
        if other.is_empty() {
            return;
        }
        if self.bits.len() < other.bits.len() {
            self.bits.resize(other.bits.len(), 0);
        }
        for (own, others) in self.bits.iter_mut().zip(&mut other.bits) {
            self.count += (*others & !*own).count_ones() as usize;
            *own |= core::mem::take(others);
        }
        other.count = 0;
    }

    /// Returns the heap memory of the set, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.bits.capacity() * size_of::<u64>()
    }
}

const fn place(slot: UnitSlot) -> (usize, u64) {
    (slot.0 as usize / 64, 1 << (slot.0 % 64))
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn a_slot_set_matches_a_btree_set_after_any_insertions_and_removals() {
        fn property(steps: Vec<(u16, bool)>) -> bool {
            let (mut set, mut tree) = (SlotSet::default(), BTreeSet::new());
            for (slot, is_inserted) in steps {
                let slot = UnitSlot(slot % 300);
                if is_inserted {
                    set.insert(slot);
                    tree.insert(slot);
                } else {
                    set.remove(slot);
                    tree.remove(&slot);
                }
            }
            set.len() == tree.len() && set.iter().eq(tree.iter().copied())
        }
        quickcheck(property as fn(Vec<(u16, bool)>) -> bool);
    }

    #[test]
    fn take_all_moves_all_slots_of_one_slot_set_into_another() {
        let (mut one, mut other) = (SlotSet::default(), SlotSet::default());
        [3, 64, 200].into_iter().for_each(|slot| one.insert(UnitSlot(slot)));
        [3, 5, 700].into_iter().for_each(|slot| other.insert(UnitSlot(slot)));
        one.take_all(&mut other);
        assert_eq!((one.len(), other.len(), other.iter().count()), (5, 0, 0));
        assert!(one.iter().eq([3, 5, 64, 200, 700].map(UnitSlot)));
    }
}
