//! A layout, compiled for the codec: each part with the place of its words, in coding order.

use alloc::vec::Vec;

use crate::snapshot::layout::{Layout, Part, Predictor};

/// A compiled layout, which all units of a group share.
///
/// ```
/// use tickwire_core::snapshot::delta::Plan;
/// use tickwire_core::snapshot::{Layout, Part, Predictor};
///
/// let position = Part::Numbers { words: 2, max: 4095, threshold: 0 };
/// let plan = Plan::new(&Layout::new(vec![position, Part::Flag], Predictor::Linear));
/// assert!(plan.admits(&[0, 4095, 1]));
/// assert!(!plan.admits(&[0, 4096, 1]) && !plan.admits(&[0, 0, 2]) && !plan.admits(&[0, 0]));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// The parts in coding order: a velocity comes before the position that moves along it.
    pub(super) parts: Vec<CodedPart>,
    words: usize,
}

/// A part of a unit or of an array's element.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CodedPart {
    /// The place of the part's first word in the unit or the element.
    pub(super) first: usize,
    /// The number of words of the part.
    pub(super) words: usize,
    /// The part's place in the layout. The parts of an element have the place of their array.
    pub(super) place: u16,
    pub(super) coding: Coding,
}

/// The way in which the words of a part are coded. The fields are those of [`Part`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Coding {
    Flag,
    Choice { count: u32 },
    Numbers { max: u32, motion: MotionRule },
    Angle { bits: u32, motion: MotionRule },
    Rotation { bits: u32, motion: MotionRule },
    Opaque { bits: u32 },
    Entity,
    Bytes { max: u16 },
    Array { length: usize, stride: usize, element: Vec<CodedPart> },
}

/// The rule that predicts a part's next value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MotionRule {
    /// The value does not change.
    Rest,
    /// The value keeps changing at the rate between the two baselines.
    Linear,
    /// The value moves along the velocity, which is in other parts of the unit.
    Along {
        /// The index of the velocity's first word.
        first: usize,
        /// The word that represents a velocity of zero.
        middle: u32,
        /// The scale of [`Predictor::Velocity`].
        scale: u64,
    },
}

impl Plan {
    /// Compiles a layout. A [`Predictor::Velocity`] predicts no change if its two parts are not numbers, or differ in
    /// their number of words.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let motion =
            if layout.predictor() == Predictor::Linear { MotionRule::Linear } else { MotionRule::Rest };
        let mut parts = compile(layout.parts(), motion, |index| u16::try_from(index).unwrap_or(u16::MAX));
        if let Predictor::Velocity { position, velocity, scale } = layout.predictor() {
            follow(&mut parts, usize::from(position), usize::from(velocity), scale);
        }
        Self { parts, words: layout.words() }
    }

    /// Returns the number of words of a unit.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.words
    }

    /// Returns whether `words` has the unit's number of words, and each word is within the range of its part.
    #[must_use]
    pub fn admits(&self, words: &[u32]) -> bool {
        words.len() == self.words && self.parts.iter().all(|part| part.admits(part.of(words)))
    }
}

impl CodedPart {
    /// Returns the part's words among the words of the unit or element, or no words if there are too few.
    #[inline]
    pub(super) fn of<'a>(&self, words: &'a [u32]) -> &'a [u32] {
        words.get(self.first..self.first + self.words).unwrap_or_default()
    }

    /// Returns the part's words among the words of the unit or element, for writing, or no words if there are too
    /// few.
    #[inline]
    pub(super) fn of_mut<'a>(&self, words: &'a mut [u32]) -> &'a mut [u32] {
        words.get_mut(self.first..self.first + self.words).unwrap_or_default()
    }

    fn admits(&self, words: &[u32]) -> bool {
        let below = |bits: u32| move |word: &u32| u64::from(*word) < 1 << bits;
        match &self.coding {
            Coding::Flag => words.iter().all(|word| *word < 2),
            Coding::Choice { count } => words.iter().all(|word| word < count),
            Coding::Numbers { max, .. } => words.iter().all(|word| word <= max),
            Coding::Angle { bits, .. } => words.iter().all(below(*bits)),
            Coding::Rotation { bits, .. } => match words {
                [largest, others @ ..] => *largest < 4 && others.iter().all(below(*bits)),
                [] => false,
            },
            Coding::Opaque { bits } => match words {
                [low, high] => high_of(*low, *high) >> 1 >> (bits - 1) == 0,
                _ => words.iter().all(below(*bits)),
            },
            Coding::Entity => true,
            Coding::Bytes { max } => match words {
                [length, rest @ ..] => length <= &u32::from(*max) && is_padded(*length as usize, rest),
                [] => false,
            },
            Coding::Array { stride, element, .. } => {
                words.chunks(*stride).all(|words| element.iter().all(|part| part.admits(part.of(words))))
            }
        }
    }
}

/// Returns the number that consists of a low and a high word.
const fn high_of(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

/// Returns whether all bytes after the end of a byte string are zero.
fn is_padded(length: usize, words: &[u32]) -> bool {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes());
    bytes.skip(length).all(|byte| byte == 0)
}

fn compile(parts: &[Part], motion: MotionRule, place: impl Fn(usize) -> u16) -> Vec<CodedPart> {
    let mut first = 0;
    let coded = parts.iter().enumerate().map(|(index, part)| {
        let words = part.words();
        let coded =
            CodedPart { first, words, place: place(index), coding: coding(part, motion, place(index)) };
        first += words;
        coded
    });
    coded.collect()
}

fn coding(part: &Part, motion: MotionRule, place: u16) -> Coding {
    match part {
        Part::Flag => Coding::Flag,
        Part::Choice { count } => Coding::Choice { count: *count },
        Part::Numbers { max, .. } => Coding::Numbers { max: *max, motion },
        Part::Angle { bits, .. } => Coding::Angle { bits: u32::from(*bits).clamp(1, 32), motion },
        Part::Rotation { bits, .. } => Coding::Rotation { bits: u32::from(*bits).clamp(2, 15), motion },
        Part::Opaque { bits } => Coding::Opaque { bits: u32::from(*bits).clamp(1, 64) },
        Part::Entity => Coding::Entity,
        Part::Bytes { max } => Coding::Bytes { max: *max },
        Part::Array { length, element } => {
            let element = compile(element, motion, |_| place);
            let stride = element.iter().map(|part| part.words).sum::<usize>();
            // Elements without words are all equal, so none of them is coded.
            let length = if stride == 0 { 0 } else { usize::from(*length) };
            Coding::Array { length, stride: stride.max(1), element }
        }
    }
}

/// Makes the part `position` move along the part `velocity`, which is then coded before it.
fn follow(parts: &mut Vec<CodedPart>, position: usize, velocity: usize, scale: u64) {
    let (Some(moved), Some(moving)) = (parts.get(position), parts.get(velocity)) else { return };
    let Coding::Numbers { max, .. } = moving.coding else { return };
    let along = MotionRule::Along { first: moving.first, middle: max.div_ceil(2), scale };
    let is_possible = matches!(moved.coding, Coding::Numbers { .. }) && moved.words == moving.words;
    if !is_possible || position == velocity {
        return;
    }
    let mut moved = parts.remove(position);
    if let Coding::Numbers { motion, .. } = &mut moved.coding {
        *motion = along;
    }
    // Removing the position moved a velocity after it forward by one, so the place `velocity` is now just after that part.
    parts.insert(if position < velocity { velocity } else { position }, moved);
}
