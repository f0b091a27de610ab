//! The layout of a unit: the number of words of each field, the values that a word may have, and the way in which a change is
//! coded.

use alloc::vec::Vec;

/// A field of a unit: its words, and the way in which their changes are coded.
///
/// Every word is unsigned, and zero is a valid value of every word.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Part {
    /// A boolean: one word, 0 or 1.
    Flag,
    /// A choice among `count` values, such as the variant of an enumeration: one word below `count`.
    Choice {
        /// The number of values, at least 1.
        count: u32,
    },
    /// One to three numbers that move together, such as the axes of a position: one word each, coded as a difference.
    Numbers {
        /// The number of words, 1 to 3.
        words: u8,
        /// The greatest value of each word.
        max: u32,
        /// The largest difference of a word from the committed word that counts as no change.
        threshold: u32,
    },
    /// An angle: one word below 2 to the power of `bits`. The difference between two angles is taken the short way round.
    Angle {
        /// The number of bits of a full turn, 1 to 32.
        bits: u8,
        /// The largest difference from the committed angle, in words, that counts as no change.
        threshold: u32,
    },
    /// A rotation as the smallest three components of a unit quaternion: the place (0 to 3) of the largest component, which is
    /// positive and left out, then the other three in order, each below 2 to the power of `bits`.
    Rotation {
        /// The number of bits of each component, 2 to 15.
        bits: u8,
        /// The largest difference of each component from the committed component, in words, that counts as no change.
        threshold: u32,
    },
    /// Bits whose numeric difference means nothing, such as a lossless float or a hash: one word, or above 32 bits two words, the
    /// low word first.
    Opaque {
        /// The number of bits, 1 to 64.
        bits: u8,
    },
    /// A reference to an entity by its network id, in one word. 0 refers to no entity.
    Entity,
    /// A byte string: a word for the length, then four bytes a word, the first in the lowest bits. Bytes after the end are zero.
    Bytes {
        /// The largest length in bytes.
        max: u16,
    },
    /// The same parts, repeated `length` times. A change is coded with a mask of the elements that changed.
    Array {
        /// The number of elements, at least 1.
        length: u16,
        /// The parts of each element.
        element: Vec<Self>,
    },
}

/// The rule that predicts the next value of a unit's numbers, angles and rotations from two earlier versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Predictor {
    /// The value stays as it is.
    #[default]
    Last,
    /// The value keeps changing at the rate between the two versions.
    Linear,
    /// The value of one part changes at the rate that another part of the same unit gives; all other parts stay as they are.
    Velocity {
        /// The place of the part that moves, a [`Part::Numbers`].
        position: u16,
        /// The place of the part that holds the velocity, a [`Part::Numbers`] with the same number of words. Half of
        /// `max`, rounded up, stands for standstill.
        velocity: u16,
        /// Position steps per tick and velocity step, as a fraction of 2 to the power of 32.
        scale: u64,
    },
}

/// The layout of a unit: its parts in the order of the words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    parts: Vec<Part>,
    words: usize,
    predictor: Predictor,
}

impl Part {
    /// The number of words that the part takes.
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

    /// `true` if `words` has the number of words of the part, and each word has a value that the part allows. A decoder refuses all
    /// other words.
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

/// `true` if a word has no bits above the lowest `bits`.
const fn fits(word: u32, bits: u8) -> bool {
    bits >= 32 || word >> bits == 0
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
    /// The layout of these parts.
    #[must_use]
    pub fn new(parts: Vec<Part>, predictor: Predictor) -> Self {
        let words = parts.iter().map(Part::words).sum();
        Self { parts, words, predictor }
    }

    /// The parts in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The number of words of a unit.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.words
    }

    /// `true` if `words` is a whole unit whose parts allow all words.
    #[must_use]
    pub fn admits(&self, mut words: &[u32]) -> bool {
        admit(&self.parts, &mut words) && words.is_empty()
    }

    /// The rule that predicts a unit's next value.
    #[must_use]
    pub const fn predictor(&self) -> Predictor {
        self.predictor
    }
}
