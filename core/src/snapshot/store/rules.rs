//! A layout in the form that the store needs: the largest value of each word, and the parts that have a threshold.

use alloc::vec::Vec;

use crate::snapshot::groups::{ComponentPlace, Group};
use crate::snapshot::layout::{Layout, Part};

/// The rules of one group's layout.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The number of words of a unit.
    words: usize,
    /// The place of the word that shows which components the entity has: the first word, or in a group of a single component the
    /// word after the unit's words.
    presence: usize,
    /// The largest value of each word.
    most: Vec<u32>,
    /// The first word and the number of words of each byte string.
    strings: Vec<(usize, usize)>,
    /// The parts with a threshold, in order.
    tolerances: Vec<Tolerance>,
}

/// A part with a threshold: a difference up to the threshold does not count as a change.
#[derive(Clone, Copy, Debug)]
struct Tolerance {
    first: usize,
    words: usize,
    kind: ToleranceKind,
    threshold: u32,
}

#[derive(Clone, Copy, Debug)]
enum ToleranceKind {
    Numbers,
    /// An angle of fewer than 32 bits, with the number of unused bits.
    Angle {
        spare_bits: u32,
    },
    Rotation,
}

impl Rules {
    pub(super) fn new(group: &Group) -> Self {
        Self::of_layout(&group.layout, group.has_presence())
    }

    /// Returns the rules of a layout. With `has_presence`, the first word shows which components the entity has.
    pub(super) fn of_layout(layout: &Layout, has_presence: bool) -> Self {
        let words = layout.words();
        let presence = if has_presence { 0 } else { words };
        let mut rules =
            Self { words, presence, most: Vec::new(), strings: Vec::new(), tolerances: Vec::new() };
        layout.parts().iter().for_each(|part| rules.add(part));
        rules
    }

    fn add(&mut self, part: &Part) {
        let first = self.most.len();
        match part {
            Part::Flag => self.most.push(1),
            Part::Choice { count } => self.most.push(count.saturating_sub(1)),
            Part::Numbers { words, max, threshold } => {
                self.most.resize(first + usize::from(*words), *max);
                self.tolerate(first, ToleranceKind::Numbers, *threshold);
            }
            Part::Angle { bits, threshold } => {
                self.most.push(mask(*bits));
                let spare_bits = u32::BITS.saturating_sub(u32::from(*bits)).min(u32::BITS - 1);
                self.tolerate(first, ToleranceKind::Angle { spare_bits }, *threshold);
            }
            Part::Rotation { bits, threshold } => {
                self.most.extend([3, mask(*bits), mask(*bits), mask(*bits)]);
                self.tolerate(first, ToleranceKind::Rotation, *threshold);
            }
            Part::Opaque { bits } => {
                self.most.push(mask(*bits));
                if *bits > 32 {
                    self.most.push(mask(bits - 32));
                }
            }
            Part::Entity => self.most.push(u32::MAX),
            Part::Bytes { max } => {
                self.most.push(u32::from(*max));
                self.most.resize(first + part.words(), u32::MAX);
                self.strings.push((first, part.words()));
            }
            Part::Array { length, element } => {
                for _ in 0..*length {
                    element.iter().for_each(|part| self.add(part));
                }
            }
        }
    }

    fn tolerate(&mut self, first: usize, kind: ToleranceKind, threshold: u32) {
        if threshold > 0 {
            self.tolerances.push(Tolerance { first, words: self.most.len() - first, kind, threshold });
        }
    }

    /// Returns the number of words of a unit.
    pub(super) const fn words(&self) -> usize {
        self.words
    }

    /// Returns the number of words of a row.
    pub(super) const fn stride(&self) -> usize {
        if self.presence == self.words { self.words + 1 } else { self.words }
    }

    /// Returns the bits of a row that show which components the entity has.
    pub(super) fn presence(&self, row: &[u32]) -> u32 {
        row.get(self.presence).copied().unwrap_or(0)
    }

    /// Returns the place in a row of the word that shows which components the entity has.
    pub(super) const fn presence_place(&self) -> usize {
        self.presence
    }

    /// Returns the bit of a component in the word that shows which components the entity has.
    pub(super) const fn presence_bit(&self, place: &ComponentPlace) -> u32 {
        if self.presence == self.words { 1 } else { 1 << (place.bit & 31) }
    }

    pub(super) fn presence_mut<'a>(&self, row: &'a mut [u32]) -> Option<&'a mut u32> {
        row.get_mut(self.presence)
    }

    /// Returns `true` if the component may have these words. `words` must have the number of words of the component.
    pub(super) fn admits(&self, place: &ComponentPlace, words: &[u32]) -> bool {
        let first = usize::from(place.first_word);
        let most = self.most.get(first..).unwrap_or_default();
        if words.iter().zip(most).any(|(word, most)| word > most) {
            return false;
        }
        self.strings.iter().all(|(string, length)| {
            let own = string.checked_sub(first).and_then(|string| words.get(string..string + length));
            own.is_none_or(is_clean)
        })
    }

    /// Returns `true` if the words of two rows differ by more than the thresholds.
    pub(super) fn differ(&self, committed: &[u32], latest: &[u32]) -> bool {
        let mut done = 0;
        for tolerance in &self.tolerances {
            let Tolerance { first, words, .. } = *tolerance;
            if first > done && committed.get(done..first) != latest.get(done..first) {
                return true;
            }
            done = first + words;
            match (committed.get(first..done), latest.get(first..done)) {
                (Some(committed), Some(latest)) if !tolerance.is_exceeded(committed, latest) => {}
                _ => return true,
            }
        }
        committed.get(done..) != latest.get(done..)
    }

    /// Returns the heap memory of the rules, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.most.capacity() * size_of::<u32>()
            + self.strings.capacity() * size_of::<(usize, usize)>()
            + self.tolerances.capacity() * size_of::<Tolerance>()
    }
}

impl Tolerance {
    fn is_exceeded(&self, committed: &[u32], latest: &[u32]) -> bool {
        let mut pairs = committed.iter().zip(latest);
        match self.kind {
            ToleranceKind::Numbers => pairs.any(|(old, new)| old.abs_diff(*new) > self.threshold),
            ToleranceKind::Angle { spare_bits } => pairs.any(|(old, new)| {
                // Shifted to the top, the difference wraps around as an angle does, and its sign shows the shorter way.
                let difference = (new.wrapping_sub(*old) << spare_bits) as i32;
                difference.unsigned_abs() >> spare_bits > self.threshold
            }),
            // If another component is the largest, the same rotation has other words, so the words cannot be compared.
            ToleranceKind::Rotation => {
                pairs.next().is_some_and(|(old, new)| old != new)
                    || pairs.any(|(old, new)| old.abs_diff(*new) > self.threshold)
            }
        }
    }
}

const fn mask(bits: u8) -> u32 {
    if bits >= 32 { u32::MAX } else { (1 << bits) - 1 }
}

/// Returns whether all bytes after the end of a string are zero. The length of the string is at most the length of
/// the words.
fn is_clean(string: &[u32]) -> bool {
    let Some((length, words)) = string.split_first() else { return true };
    let length = *length as usize;
    words.iter().enumerate().all(|(place, word)| {
        let own = length.saturating_sub(place * 4).min(4);
        own == 4 || word >> (own * 8) == 0
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use crate::snapshot::layout::Predictor;

    use super::*;

    fn rules(parts: Vec<Part>) -> Rules {
        Rules::of_layout(&Layout::new(parts, Predictor::Last), false)
    }

    fn admits(part: &Part, words: &[u32]) -> bool {
        let place = ComponentPlace { first_word: 1, words: words.len() as u16, ..ComponentPlace::default() };
        rules(vec![Part::Entity, part.clone(), Part::Flag]).admits(&place, words)
    }

    #[test]
    fn each_kind_of_part_accepts_its_maximum_words_and_no_larger_words() {
        let cases: [(Part, &[u32]); 8] = [
            (Part::Flag, &[1]),
            (Part::Choice { count: 5 }, &[4]),
            (Part::Numbers { words: 3, max: 1000, threshold: 0 }, &[1000; 3]),
            (Part::Angle { bits: 8, threshold: 0 }, &[255]),
            (Part::Rotation { bits: 9, threshold: 0 }, &[3, 511, 511, 511]),
            (Part::Opaque { bits: 7 }, &[127]),
            (Part::Opaque { bits: 40 }, &[u32::MAX, 255]),
            (Part::Array { length: 2, element: vec![Part::Flag, Part::Choice { count: 3 }] }, &[1, 2, 1, 2]),
        ];
        for (part, greatest) in cases {
            assert!(admits(&part, greatest), "{part:?}");
            assert!(admits(&part, &vec![0; greatest.len()]), "{part:?}");
            for place in 0..greatest.len() {
                let mut words = greatest.to_vec();
                words[place] = words[place].wrapping_add(1);
                // The word after `u32::MAX` wraps around to 0, which is allowed.
                assert!(!admits(&part, &words) || words[place] == 0, "{part:?} {words:?}");
            }
        }
        assert!(
            admits(&Part::Entity, &[u32::MAX])
                && admits(&Part::Angle { bits: 32, threshold: 0 }, &[u32::MAX])
        );
    }

    #[test]
    fn byte_strings_above_their_limit_or_with_nonzero_bytes_after_the_end_are_refused() {
        let part = Part::Bytes { max: 6 };
        for good in [[0, 0, 0], [3, 0x00ff_ffff, 0], [4, u32::MAX, 0], [6, u32::MAX, 0xffff]] {
            assert!(admits(&part, &good), "{good:?}");
        }
        for bad in [[0, 1, 0], [3, u32::MAX, 0], [4, u32::MAX, 1], [6, 0, 0x1_0000], [7, 0, 0]] {
            assert!(!admits(&part, &bad), "{bad:?}");
        }
    }

    #[test]
    fn numbers_whose_difference_is_at_most_the_threshold_count_as_equal() {
        let rules = rules(vec![
            Part::Flag,
            Part::Numbers { words: 2, max: 100, threshold: 3 },
            Part::Numbers { words: 1, max: 100, threshold: 0 },
        ]);
        let old = [1, 50, 50, 7, 1];
        assert!(!rules.differ(&old, &[1, 53, 47, 7, 1]));
        for new in
            [[1, 54, 50, 7, 1], [1, 50, 46, 7, 1], [0, 50, 50, 7, 1], [1, 50, 50, 8, 1], [1, 50, 50, 7, 0]]
        {
            assert!(rules.differ(&old, &new), "{new:?}");
        }
    }

    #[test]
    fn the_difference_of_two_angles_is_measured_along_the_shorter_turn() {
        for (bits, full) in [(8, 1u64 << 8), (32, 1 << 32), (1, 2)] {
            let rules = rules(vec![Part::Angle { bits, threshold: 1 }]);
            let differ =
                |old: u64, new: u64| rules.differ(&[(old % full) as u32, 1], &[(new % full) as u32, 1]);
            assert!(!differ(0, full - 1) && !differ(full - 1, full), "{bits}");
            assert!(full == 2 || differ(0, full / 2) && differ(full - 1, 1) && differ(1, full - 1), "{bits}");
        }
    }

    #[test]
    fn rotations_with_different_largest_components_count_as_different() {
        let rules = rules(vec![Part::Rotation { bits: 9, threshold: 2 }]);
        let old = [1, 100, 200, 300, 1];
        assert!(!rules.differ(&old, &[1, 102, 198, 300, 1]));
        assert!(rules.differ(&old, &[1, 100, 200, 303, 1]));
        assert!(rules.differ(&old, &[2, 100, 200, 300, 1]));
    }
}
