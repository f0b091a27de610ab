//! The kinds of fields that a component may have, and the words that they become.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::layout::Part;
use super::super::quantize::{Steps, angle_threshold, rotation_threshold};

/// A field moves by this much before the change counts, unless it says otherwise: numbers with a step, in their own unit.
pub const NUMBER_THRESHOLD: f64 = 0.01;
/// The same for rotations and angles, in degrees.
pub const TURN_THRESHOLD: f64 = 0.1;

/// A field of a component: its name, and what it holds.
#[derive(Clone, PartialEq, Debug)]
pub struct FieldSpec {
    /// The name, unique in its component.
    pub name: Cow<'static, str>,
    /// The kind of value that it holds.
    pub kind: FieldKind,
    /// Its part in the prediction of [`super::Prediction::Velocity`].
    pub motion: Option<Motion>,
}

/// A field's part in a prediction along a velocity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Motion {
    /// It holds the position, in units of length.
    Position,
    /// It holds the velocity, in the same units a second.
    Velocity,
}

/// The kind of value that a field holds, and how it becomes words.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum FieldKind {
    /// True or false.
    Bool,
    /// One of several variants without fields.
    Choice {
        /// The names of the variants, in order.
        variants: Vec<Cow<'static, str>>,
    },
    /// An integer between two ends, both included.
    Integer {
        /// The least.
        low: i128,
        /// The greatest.
        high: i128,
        /// A change of at most as much is none.
        threshold: u32,
    },
    /// A float without loss.
    Exact {
        /// 32 or 64 bits.
        width: u8,
    },
    /// One to three floats that move together, each in the same steps.
    Numbers {
        /// How many.
        axes: u8,
        /// Their range and step.
        steps: Steps,
        /// A change of at most as many steps is none.
        threshold: u32,
    },
    /// An angle in radians.
    Angle {
        /// 1 to 32 bits for a turn.
        bits: u8,
        /// A change of at most as many words is none.
        threshold: u32,
    },
    /// A rotation as a quaternion, x y z w.
    Rotation {
        /// 2 to 15 bits for each of three components.
        bits: u8,
        /// A change of each component by at most as many words is none.
        threshold: u32,
    },
    /// Another entity, or none.
    Entity,
    /// Bytes without meaning.
    Bytes {
        /// The most there may be.
        max: u16,
    },
    /// UTF-8.
    Text {
        /// The most bytes.
        max: u16,
    },
    /// A fixed number of items, of which those that changed are sent.
    Array {
        /// How many, at least 1.
        length: u16,
        /// Each item.
        item: Box<Self>,
    },
    /// Fields one after another.
    Structure {
        /// The fields in order.
        fields: Vec<FieldSpec>,
    },
    /// A value or none.
    Optional {
        /// The value.
        item: Box<Self>,
    },
}

impl FieldSpec {
    /// A field that holds `kind`.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, kind: FieldKind) -> Self {
        Self { name: name.into(), kind, motion: None }
    }

    /// It holds the position that [`super::Prediction::Velocity`] predicts.
    #[must_use]
    pub fn position(self) -> Self {
        Self { motion: Some(Motion::Position), ..self }
    }

    /// It holds the velocity along which [`super::Prediction::Velocity`] predicts.
    #[must_use]
    pub fn velocity(self) -> Self {
        Self { motion: Some(Motion::Velocity), ..self }
    }

    /// A change of at most `distance` is none. See [`FieldKind::with_threshold`].
    #[must_use]
    pub fn threshold(self, distance: f64) -> Self {
        Self { kind: self.kind.with_threshold(distance), ..self }
    }
}

impl FieldKind {
    /// An integer from `low` to `high`. Each change of it counts.
    #[must_use]
    pub fn integer(low: impl Into<i128>, high: impl Into<i128>) -> Self {
        Self::Integer { low: low.into(), high: high.into(), threshold: 0 }
    }

    /// One to three floats in steps. A change of at most 0.01 on each axis is none.
    #[must_use]
    pub const fn numbers(axes: u8, steps: Steps) -> Self {
        Self::Numbers { axes, steps, threshold: steps.threshold(NUMBER_THRESHOLD) }
    }

    /// An angle in radians, with 1 to 32 bits for a turn. A change of at most 0.1 degrees is none.
    #[must_use]
    pub const fn angle(bits: u8) -> Self {
        Self::Angle { bits, threshold: angle_threshold(TURN_THRESHOLD, bits) }
    }

    /// A rotation, with 2 to 15 bits for each of the three smallest components. A change of at most 0.1 degrees is none.
    #[must_use]
    pub fn rotation(bits: u8) -> Self {
        Self::Rotation { bits, threshold: rotation_threshold(TURN_THRESHOLD, bits) }
    }

    /// One of `variants`.
    #[must_use]
    pub fn choice(variants: impl IntoIterator<Item = impl Into<Cow<'static, str>>>) -> Self {
        Self::Choice { variants: variants.into_iter().map(Into::into).collect() }
    }

    /// `length` items.
    #[must_use]
    pub fn array(length: u16, item: Self) -> Self {
        Self::Array { length, item: Box::new(item) }
    }

    /// Fields one after another.
    #[must_use]
    pub fn structure(fields: impl IntoIterator<Item = FieldSpec>) -> Self {
        Self::Structure { fields: fields.into_iter().collect() }
    }

    /// A value or none.
    #[must_use]
    pub fn optional(item: Self) -> Self {
        Self::Optional { item: Box::new(item) }
    }

    /// The same, where a change of at most `distance` is none: in the field's unit for integers and numbers, in degrees for angles
    /// and rotations, rounded down to whole steps. Arrays and optional values pass it on; on other kinds it means nothing.
    #[must_use]
    pub fn with_threshold(self, distance: f64) -> Self {
        match self {
            Self::Integer { low, high, .. } => Self::Integer { low, high, threshold: distance as u32 },
            Self::Numbers { axes, steps, .. } => {
                Self::Numbers { axes, steps, threshold: steps.threshold(distance) }
            }
            Self::Angle { bits, .. } => Self::Angle { bits, threshold: angle_threshold(distance, bits) },
            Self::Rotation { bits, .. } => {
                Self::Rotation { bits, threshold: rotation_threshold(distance, bits) }
            }
            Self::Array { length, item } => Self::array(length, item.with_threshold(distance)),
            Self::Optional { item } => Self::optional(item.with_threshold(distance)),
            other => other,
        }
    }

    /// How many words a value takes.
    #[must_use]
    pub fn words(&self) -> usize {
        match self {
            Self::Bool | Self::Choice { .. } | Self::Angle { .. } | Self::Entity => 1,
            Self::Integer { low, high, .. } => integer_words(*low, *high),
            Self::Exact { width } => usize::from(width.div_ceil(32)),
            Self::Numbers { axes, .. } => usize::from(*axes),
            Self::Rotation { .. } => 4,
            Self::Bytes { max } | Self::Text { max } => 1 + usize::from(max.div_ceil(4)),
            Self::Array { length, item } => usize::from(*length) * item.words(),
            Self::Structure { fields } => fields.iter().map(|field| field.kind.words()).sum(),
            Self::Optional { item } => 1 + item.words(),
        }
    }

    /// Appends the parts of a layout that the words are.
    pub(crate) fn append_parts(&self, parts: &mut Vec<Part>) {
        parts.push(match self {
            Self::Bool => Part::Flag,
            Self::Choice { variants } => Part::Choice { count: variants.len() as u32 },
            Self::Integer { low, high, threshold } => match u32::try_from(high - low) {
                Ok(max) => Part::Numbers { words: 1, max, threshold: *threshold },
                Err(_) => Part::Opaque { bits: (128 - (high - low).leading_zeros()) as u8 },
            },
            Self::Exact { width } => Part::Opaque { bits: *width },
            Self::Numbers { axes, steps, threshold } => {
                Part::Numbers { words: *axes, max: steps.max(), threshold: *threshold }
            }
            Self::Angle { bits, threshold } => Part::Angle { bits: *bits, threshold: *threshold },
            Self::Rotation { bits, threshold } => Part::Rotation { bits: *bits, threshold: *threshold },
            Self::Entity => Part::Entity,
            Self::Bytes { max } | Self::Text { max } => Part::Bytes { max: *max },
            Self::Array { length, item } => {
                let mut element = Vec::new();
                item.append_parts(&mut element);
                Part::Array { length: *length, element }
            }
            Self::Structure { fields } => {
                fields.iter().for_each(|field| field.kind.append_parts(parts));
                return;
            }
            Self::Optional { item } => {
                parts.push(Part::Flag);
                item.append_parts(parts);
                return;
            }
        });
    }
}

/// How many words an integer from `low` to `high` takes.
const fn integer_words(low: i128, high: i128) -> usize {
    if high.wrapping_sub(low) > u32::MAX as i128 { 2 } else { 1 }
}
