//! A table from network ids to small numbers. It uses open addressing with linear probing: a look-up costs about fifteen
//! instructions, and a table that has grown to its largest allocates nothing.

use alloc::vec;
use alloc::vec::Vec;

use super::ids::NetworkId;

/// The number of entries of the smallest table.
const LEAST: usize = 16;
/// 2 to the power of 32, divided by the golden ratio (Knuth, The Art of Computer Programming, volume 3, §6.4), so that consecutive
/// ids fall on places far from each other.
const GOLDEN: u32 = 0x9e37_79b9;

/// A table that maps network ids to numbers.
#[derive(Clone, Debug)]
pub(super) struct EntityIndex {
    /// Entries of an id and a number; the id 0 marks a free entry. The number of entries is 0 or a power of two, and
    /// at most half of the entries are used.
    places: Vec<(u32, u32)>,
    used: usize,
    /// The number of bits by which a product is shifted right to give the index of an entry.
    shift: u32,
}

impl EntityIndex {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), used: 0, shift: u32::BITS - LEAST.ilog2() }
    }

    /// Returns the number of ids in the table.
    pub(super) const fn len(&self) -> usize {
        self.used
    }

    /// Returns the heap memory of the table, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.places.capacity() * size_of::<(u32, u32)>()
    }

    const fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    const fn home(&self, id: u32) -> usize {
        (id.wrapping_mul(GOLDEN) >> self.shift) as usize
    }

    /// Returns the number that belongs to an id.
    pub(super) fn get(&self, id: NetworkId) -> Option<u32> {
        let (_, number) = self.find(id)?;
        Some(number)
    }

    /// Returns the index of an id's entry, and the number that belongs to the id.
    fn find(&self, id: NetworkId) -> Option<(usize, u32)> {
        let mut place = self.home(id.0);
        loop {
            let (key, number) = *self.places.get(place)?;
            if key == 0 {
                return None;
            }
            if key == id.0 {
                return Some((place, number));
            }
            place = (place + 1) & self.mask();
        }
    }

    /// Adds an id that the table does not have. The method ignores the id 0.
    pub(super) fn insert(&mut self, id: NetworkId, number: u32) {
        if id.0 == 0 {
            return;
        }
        if (self.used + 1) * 2 > self.places.len() {
            self.grow();
        }
        self.put(id.0, number);
        self.used += 1;
    }

    fn put(&mut self, id: u32, number: u32) {
        let mask = self.mask();
        let mut place = self.home(id);
        while let Some(pair) = self.places.get_mut(place) {
            if pair.0 == 0 {
                *pair = (id, number);
                return;
            }
            place = (place + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let length = (self.places.len() * 2).max(LEAST);
        let old = core::mem::replace(&mut self.places, vec![(0, 0); length]);
        self.shift = u32::BITS - length.ilog2();
        for (id, number) in old {
            if id != 0 {
                self.put(id, number);
            }
        }
    }

    /// Removes an id and returns its number.
    pub(super) fn remove(&mut self, id: NetworkId) -> Option<u32> {
        let (mut hole, number) = self.find(id)?;
        let mask = self.mask();
        let mut place = (hole + 1) & mask;
        // Close the gap: move back each following entry that a search from its home place would otherwise no longer reach.
        while let Some(&(key, moved)) = self.places.get(place)
            && key != 0
        {
            let from_home = place.wrapping_sub(self.home(key)) & mask;
            if from_home >= place.wrapping_sub(hole) & mask {
                if let Some(pair) = self.places.get_mut(hole) {
                    *pair = (key, moved);
                }
                hole = place;
            }
            place = (place + 1) & mask;
        }
        if let Some(pair) = self.places.get_mut(hole) {
            *pair = (0, 0);
        }
        self.used -= 1;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn the_entity_index_matches_a_btree_map_after_any_insertions_and_removals() {
        fn property(steps: Vec<(u16, bool)>) -> bool {
            let (mut table, mut tree) = (EntityIndex::new(), BTreeMap::new());
            for (number, (id, is_insertion)) in (0..).zip(steps) {
                // Few distinct ids, many of which share a home place in a small table.
                let id = NetworkId(u32::from(id % 16) * 0x1000_0000 + u32::from(id % 7));
                if is_insertion && id.0 != 0 && !tree.contains_key(&id) {
                    table.insert(id, number);
                    tree.insert(id, number);
                } else if table.remove(id) != tree.remove(&id) {
                    return false;
                }
                if table.len() != tree.len()
                    || tree.iter().any(|(id, number)| table.get(*id) != Some(*number))
                {
                    return false;
                }
            }
            true
        }
        quickcheck(property as fn(Vec<(u16, bool)>) -> bool);
    }

    #[test]
    fn the_entity_index_never_finds_id_0() {
        let mut table = EntityIndex::new();
        table.insert(NetworkId(0), 7);
        assert_eq!((table.get(NetworkId(0)), table.len()), (None, 0));
        table.insert(NetworkId(1), 8);
        assert_eq!((table.get(NetworkId(0)), table.remove(NetworkId(0))), (None, None));
    }
}
