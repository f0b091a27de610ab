//! The kinds of fields that a component may have, and the words that each kind takes.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::layout::Part;
use super::super::quantize::{Steps, angle_threshold, rotation_threshold};

/// The default change threshold of fields with a step, in the unit of the field: see [`FieldKind::with_threshold`].
pub const NUMBER_THRESHOLD: f64 = 0.01;
/// The default change threshold of rotations and angles, in degrees: see [`FieldKind::with_threshold`].
pub const TURN_THRESHOLD: f64 = 0.1;

/// A field of a component: the name and the kind of the field.
#[derive(Clone, PartialEq, Debug)]
pub struct FieldSpec {
    /// The name of the field, unique in its component.
    pub name: Cow<'static, str>,
    /// The kind of the values that the field holds.
    pub kind: FieldKind,
    /// The role of the field in the prediction [`super::Prediction::Velocity`], or `None` without a role.
    pub motion: Option<Motion>,
}

/// The role of a field in the prediction [`super::Prediction::Velocity`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Motion {
    /// The field is the position, in a unit of length that the game chooses.
    Position,
    /// The field is the velocity, in the unit of the position per second.
    Velocity,
}

/// The kind of values that a field holds, and the encoding of these values as words.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum FieldKind {
    /// A Boolean value.
    Bool,
    /// A choice among several variants without fields.
    Choice {
        /// The names of the variants, in the order of their numbers.
        variants: Vec<Cow<'static, str>>,
    },
    /// An integer from `low` to `high`, both included.
    Integer {
        /// The smallest value of the integer.
        low: i128,
        /// The largest value of the integer.
        high: i128,
        /// The change threshold: the largest difference that is not committed immediately.
        threshold: u32,
    },
    /// A float that is sent without loss of precision.
    Exact {
        /// The number of bits of the float: 32 or 64.
        width: u8,
    },
    /// One to three floats with the same range and step, such as the coordinates of a position. A change of one float
    /// commits all of them.
    Numbers {
        /// The number of floats, 1 to 3.
        axes: u8,
        /// The range and step of the floats.
        steps: Steps,
        /// The change threshold: the largest difference on each axis, in steps, that is not committed immediately.
        threshold: u32,
    },
    /// An angle in radians.
    Angle {
        /// The number of bits that encode a full turn, 1 to 32.
        bits: u8,
        /// The change threshold: the largest difference, in the unit of the word, that is not committed immediately.
        threshold: u32,
    },
    /// A rotation as a quaternion, in the order x, y, z, w.
    Rotation {
        /// The number of bits that encode each of the three smallest components, 2 to 15.
        bits: u8,
        /// The change threshold: the largest difference of each component, in the unit of the word, that is not
        /// committed immediately.
        threshold: u32,
    },
    /// A reference to an entity, or to no entity.
    Entity,
    /// A byte string that the codec does not interpret.
    Bytes {
        /// The largest number of bytes in the byte string.
        max: u16,
    },
    /// A text in UTF-8.
    Text {
        /// The largest number of bytes in the text.
        max: u16,
    },
    /// An array with a fixed number of items. Only the items that changed are sent.
    Array {
        /// The number of items in the array, at least 1.
        length: u16,
        /// The kind of each item of the array.
        item: Box<Self>,
    },
    /// A struct, whose fields are encoded one after another.
    Structure {
        /// The fields of the struct, in the order of their words.
        fields: Vec<FieldSpec>,
    },
    /// A value that may be absent.
    Optional {
        /// The kind of the value, if it is present.
        item: Box<Self>,
    },
}

impl FieldSpec {
    /// Creates a field named `name` that holds values of the kind `kind`.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, kind: FieldKind) -> Self {
        Self { name: name.into(), kind, motion: None }
    }

    /// Marks the field as the position that [`super::Prediction::Velocity`] predicts, and returns the changed field.
    #[must_use]
    pub fn position(self) -> Self {
        Self { motion: Some(Motion::Position), ..self }
    }

    /// Marks the field as the velocity with which [`super::Prediction::Velocity`] predicts, and returns the changed
    /// field.
    #[must_use]
    pub fn velocity(self) -> Self {
        Self { motion: Some(Motion::Velocity), ..self }
    }

    /// Sets the change threshold to `distance`, and returns the changed field: see [`FieldKind::with_threshold`].
    #[must_use]
    pub fn threshold(self, distance: f64) -> Self {
        Self { kind: self.kind.with_threshold(distance), ..self }
    }
}

impl FieldKind {
    /// Creates the kind of an integer from `low` to `high`, both included. The change threshold is 0.
    #[must_use]
    pub fn integer(low: impl Into<i128>, high: impl Into<i128>) -> Self {
        Self::Integer { low: low.into(), high: high.into(), threshold: 0 }
    }

    /// Creates the kind of one to three floats with a range and a step. The change threshold of each float is
    /// [`NUMBER_THRESHOLD`].
    #[must_use]
    pub const fn numbers(axes: u8, steps: Steps) -> Self {
        Self::Numbers { axes, steps, threshold: steps.threshold(NUMBER_THRESHOLD) }
    }

    /// Creates the kind of an angle in radians, with 1 to 32 bits for a full turn. The change threshold is
    /// [`TURN_THRESHOLD`].
    #[must_use]
    pub const fn angle(bits: u8) -> Self {
        Self::Angle { bits, threshold: angle_threshold(TURN_THRESHOLD, bits) }
    }

    /// Creates the kind of a rotation, with 2 to 15 bits for each of the three smallest components. The change threshold
    /// is [`TURN_THRESHOLD`].
    #[must_use]
    pub fn rotation(bits: u8) -> Self {
        Self::Rotation { bits, threshold: rotation_threshold(TURN_THRESHOLD, bits) }
    }

    /// Creates the kind of a choice among variants with the names `variants`, numbered from 0 in this order.
    #[must_use]
    pub fn choice(variants: impl IntoIterator<Item = impl Into<Cow<'static, str>>>) -> Self {
        Self::Choice { variants: variants.into_iter().map(Into::into).collect() }
    }

    /// Creates the kind of an array of `length` items of the kind `item`.
    #[must_use]
    pub fn array(length: u16, item: Self) -> Self {
        Self::Array { length, item: Box::new(item) }
    }

    /// Creates the kind of a struct of `fields`.
    #[must_use]
    pub fn structure(fields: impl IntoIterator<Item = FieldSpec>) -> Self {
        Self::Structure { fields: fields.into_iter().collect() }
    }

    /// Creates the kind of a value of the kind `item` that may be absent.
    #[must_use]
    pub fn optional(item: Self) -> Self {
        Self::Optional { item: Box::new(item) }
    }

    /// Sets the change threshold to `distance`, and returns the changed kind. The unit of `distance` is that of the field
    /// for integers and numbers, and degrees for angles and rotations. The threshold is rounded down to whole steps.
    /// Arrays and optional values apply the threshold to their items. Other kinds, and integers with more than 2^32
    /// possible values, ignore the threshold.
    ///
    /// A change of at most the threshold is committed together with a larger change of the same unit, or after the game
    /// has left the unit unchanged for 0.5 s. A unit consists of the components that an entity has in one group. The
    /// threshold does not apply to an entity that a connection owns or predicts.
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

    /// Returns the number of words that a value of this kind takes.
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

    /// Appends the parts of a layout that describe the words of this kind.
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

/// Returns the number of words that an integer from `low` to `high` takes.
const fn integer_words(low: i128, high: i128) -> usize {
    if high.wrapping_sub(low) > u32::MAX as i128 { 2 } else { 1 }
}
