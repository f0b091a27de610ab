//! A hash of a whole world.

use super::state::Store;

/// The prime of 64-bit FNV-1a. [`BASIS`] is its initial hash.
const PRIME: u64 = 0x0000_0100_0000_01b3;
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over words instead of bytes, with the final mixing of MurmurHash3.
struct WordHasher(u64);

impl WordHasher {
    fn word(&mut self, word: u32) {
        self.0 = (self.0 ^ u64::from(word)).wrapping_mul(PRIME);
        // A product carries bits upwards only, so the high bits are shifted down.
        self.0 ^= self.0 >> 29;
    }

    const fn finish(&self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ hash >> 33
    }
}

impl Store {
    /// Returns a hash of the committed world: the ids of the existing entities, their owners, and the words of their
    /// components.
    ///
    /// The hash is the same on all targets, and does not depend on how the world reached its state: ticks, epochs,
    /// settings and uncommitted values do not affect it. The hash detects mistakes, but does not protect against
    /// forgery. The cost of the call grows with the size of the world.
    #[must_use]
    pub fn world_hash(&self) -> u64 {
        let mut sum = 0u64;
        for (number, entity) in self.entities.existing() {
            let owner = entity.owner_bits();
            let mut hash = WordHasher(BASIS);
            for word in [entity.id.0, owner as u32, (owner >> 32) as u32] {
                hash.word(word);
            }
            for (group, unit) in self.entities.units(number) {
                let (Some(unit), Some(table)) = (self.units.get(unit), self.tables.get(usize::from(group)))
                else {
                    continue;
                };
                let row = table.committed(unit.row);
                let is_existence = group == self.existence_group().0;
                if !is_existence && table.rules.presence(row) != 0 {
                    hash.word(group.into());
                    row.iter().for_each(|word| hash.word(*word));
                }
            }
            // A sum does not depend on the order of the entities.
            sum = sum.wrapping_add(hash.finish());
        }
        sum
    }
}
