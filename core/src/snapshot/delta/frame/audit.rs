//! A checksum of the words that a frame decodes to.

use crate::snapshot::delta::slot::SlotBinding;

/// The fraction of the golden ratio as a 64-bit number: an odd number without a regular bit pattern.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns a hash of a unit's words, which depends on the order of the words.
#[inline]
pub(super) fn digest(words: &[u32]) -> u64 {
    let (pairs, rest) = words.as_chunks::<2>();
    let sum = pairs
        .iter()
        .fold(words.len() as u64, |sum, [low, high]| mixed(sum, u64::from(*low) | u64::from(*high) << 32));
    rest.iter().fold(sum, |sum, word| mixed(sum, u64::from(*word)))
}

/// The checksum of a frame: 16 bits over the slots and words of its units, in order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Audit(u64);

/// The number of bits of the checksum.
pub(super) const AUDIT_BITS: u32 = 16;

impl Audit {
    /// Adds a unit by the [`digest`] of its words.
    #[inline]
    pub(super) fn add(&mut self, slot: u16, digest: u64) {
        self.0 = mixed(mixed(self.0, u64::from(slot)), digest);
    }

    /// Adds the binding of a slot.
    pub(super) fn add_binding(&mut self, binding: &SlotBinding) {
        let blueprint = binding.blueprint.map_or(0, |blueprint| u64::from(blueprint.0) + 1);
        self.0 = mixed(self.0, u64::from(binding.id.0) << 32 | u64::from(binding.group.0) << 17 | blueprint);
    }

    /// Returns the checksum of all units that were added.
    pub(super) const fn value(self) -> u64 {
        (self.0 ^ self.0 >> 32).wrapping_mul(FACTOR) >> (64 - AUDIT_BITS)
    }
}

/// Mixes `value` into `sum`. A product carries bits only upwards, so the function shifts the high bits down before
/// each product.
#[inline]
const fn mixed(sum: u64, value: u64) -> u64 {
    (sum.rotate_left(29) ^ value).wrapping_mul(FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_depends_on_every_bit_of_every_word_and_on_the_order_of_words() {
        let words = [7, 0, 3, 1 << 31, 5];
        for place in 0..5 {
            for bit in 0..32 {
                let mut other = words;
                other[place] ^= 1 << bit;
                let check = |words: &[u32]| {
                    let mut audit = Audit::default();
                    audit.add(9, digest(words));
                    audit.value()
                };
                assert_ne!(check(&words), check(&other), "word {place}, bit {bit}");
            }
        }
        assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
        assert_ne!(digest(&[0]), digest(&[0, 0]));
    }
}
