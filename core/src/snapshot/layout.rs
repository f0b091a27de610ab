//! The layout of a unit: the number of words of each field, the values that a word may have, and the way in which a change is
//! coded.

use alloc::vec::Vec;

use crate::bits::bits_for;

/// A part of a unit, which corresponds to one field. The part determines the number of words of the field, and how
/// their changes are coded.
///
/// Every word is an unsigned number, and zero is a valid value of every word.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Part {
    /// A Boolean value: one word, 0 or 1.
    Flag,
    /// A choice among `count` values, such as the variant of an enum: one word below `count`.
    Choice {
        /// The number of possible values, at least 1.
        count: u32,
    },
    /// One to three numbers that are treated as one value, such as the axes of a position: one word for each number,
    /// coded as a difference.
    Numbers {
        /// The number of axes, 1 to 3. Each axis takes one word.
        words: u8,
        /// The largest value of each word.
        max: u32,
        /// The largest difference of a word from the committed word that is not committed as a change.
        threshold: u32,
    },
    /// An angle: one word below 2 to the power of `bits`. The difference between two angles is the shorter way around
    /// the circle.
    Angle {
        /// The number of bits that encode a full turn, 1 to 32.
        bits: u8,
        /// The largest difference from the committed angle, in the unit of the word, that is not committed as a change.
        threshold: u32,
    },
    /// A rotation as the three smallest components of a unit quaternion. The first word is the index (0 to 3) of the
    /// largest component, which is positive and omitted. The other three components follow in order, each below 2 to
    /// the power of `bits`.
    Rotation {
        /// The number of bits that encode each component, 2 to 15.
        bits: u8,
        /// The largest difference of each component from the committed component, in the unit of the word, that is not
        /// committed as a change.
        threshold: u32,
    },
    /// Bits whose numeric difference has no meaning, such as a lossless float or a hash. Up to 32 bits take one word.
    /// More bits take two words, the low word first.
    Opaque {
        /// The number of bits in the value, 1 to 64.
        bits: u8,
    },
    /// A reference to an entity by its network id, in one word. 0 means no entity.
    Entity,
    /// A byte string: one word for the length, then the bytes, four in each word in little-endian order. All bytes
    /// after the end of the string are zero.
    Bytes {
        /// The largest length of the byte string, in bytes.
        max: u16,
    },
    /// An array: the same parts, repeated `length` times. A change is coded with a mask of the elements that changed.
    Array {
        /// The number of elements in the array, at least 1.
        length: u16,
        /// The parts of each element of the array.
        element: Vec<Self>,
    },
}

/// The rule by which the next value of a unit's numbers, angles and rotations is predicted from two earlier
/// versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Predictor {
    /// The prediction that the value does not change.
    #[default]
    Last,
    /// The prediction that the value keeps changing at the rate between the two versions. If the time since the newer
    /// version is more than twice the time between the versions, the prediction is that the value does not change.
    Linear,
    /// Dead reckoning: the prediction that one part (a position) changes in each tick by the mean of the old and the
    /// new velocity in another part of the same unit, and that no other part changes.
    Velocity {
        /// The index of the part that changes, which is a [`Part::Numbers`].
        position: u16,
        /// The index of the part that holds the velocity, which is a [`Part::Numbers`] with the same number of words. The
        /// word for a velocity of zero is half of `max`, rounded up.
        velocity: u16,
        /// The number of position steps that one velocity step adds in each tick, in units of 2^-32.
        scale: u64,
    },
}

/// The layout of a unit: its parts, in the order of their words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    parts: Vec<Part>,
    words: usize,
    predictor: Predictor,
}

impl Part {
    /// Returns the number of words that the part takes.
    #[must_use]
    pub fn words(&self) -> usize {
        match self {
            Self::Flag | Self::Choice { .. } | Self::Angle { .. } | Self::Entity => 1,
            Self::Numbers { words, .. } => usize::from(*words),
            Self::Rotation { .. } => 4,
            Self::Opaque { bits } => usize::from(bits.div_ceil(32)),
            Self::Bytes { max } => 1 + usize::from(max.div_ceil(4)),
            Self::Array { length, element } => {
                usize::from(*length) * element.iter().map(Self::words).sum::<usize>()
            }
        }
    }

    /// Returns the number of bits that the part with these words takes without compression.
    #[must_use]
    pub fn state_bits(&self, words: &[u32]) -> u64 {
        let bits_of = |most: u32| u64::from(bits_for(most.into()));
        match self {
            Self::Flag => 1,
            Self::Choice { count } => bits_of(count.saturating_sub(1)),
            Self::Numbers { words, max, .. } => u64::from(*words) * bits_of(*max),
            Self::Angle { bits, .. } | Self::Opaque { bits } => u64::from(*bits),
            Self::Rotation { bits, .. } => 2 + 3 * u64::from(*bits),
            Self::Entity => 32,
            Self::Bytes { max } => {
                let length = words.first().copied().unwrap_or(0).min(u32::from(*max));
                bits_of(u32::from(*max)) + 8 * u64::from(length)
            }
            Self::Array { length, element } => {
                let mut rest = words;
                (0..*length).map(|_| state_bits(element, &mut rest)).sum()
            }
        }
    }

    /// Returns whether `words` has the part's number of words, and each word has a value that the part allows. A
    /// decoder rejects all other words.
    #[must_use]
    pub fn admits(&self, words: &[u32]) -> bool {
        if words.len() != self.words() {
            return false;
        }
        match self {
            Self::Flag => words.iter().all(|word| *word <= 1),
            Self::Choice { count } => words.iter().all(|word| word < count),
            Self::Numbers { max, .. } => words.iter().all(|word| word <= max),
            Self::Angle { bits, .. } => words.iter().all(|word| fits(*word, *bits)),
            Self::Rotation { bits, .. } => match words {
                [place, rest @ ..] => *place < 4 && rest.iter().all(|word| fits(*word, *bits)),
                [] => false,
            },
            Self::Opaque { bits } => {
                words.last().is_none_or(|word| fits(*word, bits.wrapping_sub(1) % 32 + 1))
            }
            Self::Entity => true,
            Self::Bytes { max } => match words {
                [length, rest @ ..] => {
                    let past_the_end = rest.iter().flat_map(|word| word.to_le_bytes()).skip(*length as usize);
                    *length <= u32::from(*max) && past_the_end.into_iter().all(|byte| byte == 0)
                }
                [] => false,
            },
            Self::Array { length, element } => {
                let mut rest = words;
                (0..*length).all(|_| admit(element, &mut rest))
            }
        }
    }
}

/// Returns `true` if a word has no bits above the lowest `bits`.
const fn fits(word: u32, bits: u8) -> bool {
    bits >= 32 || word >> bits == 0
}

/// Removes the words of `parts` from the front of `words`. Returns the number of bits of those words.
fn state_bits(parts: &[Part], words: &mut &[u32]) -> u64 {
    let bits = parts.iter().map(|part| {
        let (own, rest) = words.split_at_checked(part.words()).unwrap_or_default();
        *words = rest;
        part.state_bits(own)
    });
    bits.sum()
}

/// Removes the words of `parts` from the front of `words`. Returns `true` if the parts allow those words.
fn admit(parts: &[Part], words: &mut &[u32]) -> bool {
    parts.iter().all(|part| {
        words.split_at_checked(part.words()).is_some_and(|(own, rest)| {
            *words = rest;
            part.admits(own)
        })
    })
}

impl Layout {
    /// Creates the layout of a unit with these parts.
    #[must_use]
    pub fn new(parts: Vec<Part>, predictor: Predictor) -> Self {
        let words = parts.iter().map(Part::words).sum();
        Self { parts, words, predictor }
    }

    /// Returns the parts of the unit in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the number of words of a unit.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.words
    }

    /// Returns whether `words` has the unit's number of words, and each part allows its words.
    #[must_use]
    pub fn admits(&self, mut words: &[u32]) -> bool {
        admit(&self.parts, &mut words) && words.is_empty()
    }

    /// Returns the number of bits that a unit with these words takes without compression.
    #[must_use]
    pub fn state_bits(&self, mut words: &[u32]) -> u64 {
        state_bits(&self.parts, &mut words)
    }

    /// Returns the rule by which a unit's next value is predicted.
    #[must_use]
    pub const fn predictor(&self) -> Predictor {
        self.predictor
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn the_uncompressed_size_of_a_unit_counts_only_the_used_bytes_of_a_string() {
        let metres = Part::Numbers { words: 3, max: 1_024_000, threshold: 5 };
        let text = Part::Bytes { max: 15 };
        let item = vec![Part::Flag, Part::Choice { count: 5 }];
        let parts = vec![
            metres,
            Part::Rotation { bits: 9, threshold: 0 },
            text,
            Part::Array { length: 2, element: item },
        ];
        let layout = Layout::new(parts, Predictor::Last);
        let words = [1, 2, 3, 0, 1, 1, 1, 2, 0, 0, 0, 0, 1, 4, 0, 0];
        assert_eq!(layout.words(), words.len());
        assert_eq!(layout.state_bits(&words), 3 * 20 + (2 + 27) + (4 + 16) + 2 * (1 + 3));
        assert_eq!(layout.state_bits(&[]), 3 * 20 + 29 + 4 + 8);
    }
}
