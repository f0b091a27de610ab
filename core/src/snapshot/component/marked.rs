//! Values whose words depend on an attribute of their field: a range, a step, or a number of bits.

use super::super::quantize::{Real, Steps, angle_from_word, angle_word, rotation_from_words, rotation_words};
use super::impls::array_length;
use super::kind::FieldKind;
use super::value::NetValue;
use super::words::{ComponentWords, WordReader};
use crate::bits::NetInteger;

/// An integer or an array of integers, for component fields with the attribute `range` or `bits`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` takes no range of integers",
    note = "`range` without `step`, and `bits`, bound integers of 8 to 64 bits and arrays of them; a float needs `step` too"
)]
pub trait Bounded: Sized {
    /// The type of each integer in the value.
    type Integer: NetInteger + Into<i128>;

    /// The number of integers in the value.
    const COUNT: usize;

    /// Returns the kind of a field that holds the value, with the range from `low` to `high` for each integer.
    fn kind(low: Self::Integer, high: Self::Integer) -> FieldKind;

    /// Writes the words of this value. A value outside the range becomes the nearest end of the range.
    fn quantise(&self, low: Self::Integer, high: Self::Integer, words: &mut ComponentWords<'_>);

    /// Reads a value from the words that [`Self::quantise`] wrote with the same range.
    fn restore(low: Self::Integer, high: Self::Integer, words: &mut WordReader<'_>) -> Self;
}

/// Returns the number of 32-bit words that an integer from `low` to `high` takes: 1 or 2.
#[must_use]
pub const fn integer_words(low: i128, high: i128) -> usize {
    if high - low > u32::MAX as i128 { 2 } else { 1 }
}

/// Returns whether an integer from `low` to `high` needs two words.
#[inline]
fn is_wide<T: NetInteger>(low: T, high: T) -> bool {
    high.offset_from(low) > u64::from(u32::MAX)
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Bounded for $type {
            type Integer = Self;

            const COUNT: usize = 1;

            fn kind(low: Self, high: Self) -> FieldKind {
                FieldKind::integer(low, high)
            }

            #[inline]
            fn quantise(&self, low: Self, high: Self, words: &mut ComponentWords<'_>) {
                let offset = (*self).max(low).min(high).offset_from(low);
                words.put(offset as u32);
                if is_wide(low, high) {
                    words.put((offset >> 32) as u32);
                }
            }

            #[inline]
            fn restore(low: Self, high: Self, words: &mut WordReader<'_>) -> Self {
                let mut offset = u64::from(words.take());
                if is_wide(low, high) {
                    offset |= u64::from(words.take()) << 32;
                }
                Self::above(low, offset.min(high.offset_from(low)))
            }
        }

        impl NetValue for $type {
            const WORDS: usize = (Self::BITS as usize).div_ceil(32);

            fn kind() -> FieldKind {
                FieldKind::integer(Self::MIN, Self::MAX)
            }

            #[inline]
            fn quantise(&self, words: &mut ComponentWords<'_>) {
                Bounded::quantise(self, Self::MIN, Self::MAX, words);
            }

            #[inline]
            fn restore(words: &mut WordReader<'_>) -> Self {
                <Self as Bounded>::restore(Self::MIN, Self::MAX, words)
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl<T: Bounded, const N: usize> Bounded for [T; N] {
    type Integer = T::Integer;

    const COUNT: usize = array_length(N) as usize * T::COUNT;

    fn kind(low: T::Integer, high: T::Integer) -> FieldKind {
        FieldKind::array(const { array_length(N) }, T::kind(low, high))
    }

    fn quantise(&self, low: T::Integer, high: T::Integer, words: &mut ComponentWords<'_>) {
        self.iter().for_each(|item| item.quantise(low, high, words));
    }

    fn restore(low: T::Integer, high: T::Integer, words: &mut WordReader<'_>) -> Self {
        core::array::from_fn(|_| T::restore(low, high, words))
    }
}

/// A float, a vector of two or three floats, or an array of floats or vectors, for component fields with the attributes
/// `range` and `step`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` takes no `step`",
    note = "`range` and `step` quantise `f32`, `f64`, `[f32; 2]`, `[f32; 3]` and arrays of them; an integer takes `range` alone"
)]
pub trait Stepped: Sized {
    /// The number of bits of the float: 32 or 64.
    const WIDTH: u8;
    /// `true` if the type is a single float.
    const IS_FLOAT: bool;
    /// The number of words that the value takes.
    const WORDS: usize;

    /// Returns the kind of a field that holds the value with the given range and step.
    fn kind(steps: Steps) -> FieldKind;

    /// Writes the words of this value.
    fn quantise(&self, steps: &Steps, words: &mut ComponentWords<'_>);

    /// Reads a value from the words that [`Self::quantise`] wrote with the same range and step.
    fn restore(steps: &Steps, words: &mut WordReader<'_>) -> Self;
}

/// An angle in radians or an array of angles, for component fields with the attribute `angle`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an angle",
    note = "`angle` quantises an `f32` or `f64` in radians, and arrays of them"
)]
pub trait Angled: Sized {
    /// The number of words that the value takes.
    const WORDS: usize;
    /// The largest number of bits that encode an angle of this type.
    const BITS: u8;

    /// Returns the kind of a field that holds the value in `bits` bits.
    fn kind(bits: u8) -> FieldKind;

    /// Writes the words of this value, which has `bits` bits.
    fn quantise(&self, bits: u8, words: &mut ComponentWords<'_>);

    /// Reads a value from the words that [`Self::quantise`] wrote with the same `bits`.
    fn restore(bits: u8, words: &mut WordReader<'_>) -> Self;
}

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl Stepped for $type {
            const WIDTH: u8 = <$type as Real>::WIDTH;
            const IS_FLOAT: bool = true;
            const WORDS: usize = 1;

            fn kind(steps: Steps) -> FieldKind {
                FieldKind::numbers(1, steps)
            }

            #[inline]
            fn quantise(&self, steps: &Steps, words: &mut ComponentWords<'_>) {
                words.put(steps.word(self.widen()));
            }

            #[inline]
            fn restore(steps: &Steps, words: &mut WordReader<'_>) -> Self {
                Self::narrow(steps.value(words.take()))
            }
        }

        impl Angled for $type {
            const WORDS: usize = 1;
            const BITS: u8 = <$type as Real>::ANGLE_BITS;

            fn kind(bits: u8) -> FieldKind {
                FieldKind::angle(bits)
            }

            #[inline]
            fn quantise(&self, bits: u8, words: &mut ComponentWords<'_>) {
                words.put(angle_word(self.widen(), bits));
            }

            #[inline]
            fn restore(bits: u8, words: &mut WordReader<'_>) -> Self {
                Self::narrow(angle_from_word(words.take(), bits))
            }
        }
    )*};
}

floats!(f32, f64);

impl<T: Stepped, const N: usize> Stepped for [T; N] {
    const WIDTH: u8 = T::WIDTH;
    const IS_FLOAT: bool = false;
    const WORDS: usize = array_length(N) as usize * T::WORDS;

    /// Returns the kind of a vector for up to three floats, or the kind of an array for more floats.
    fn kind(steps: Steps) -> FieldKind {
        let length = const { array_length(N) };
        if T::IS_FLOAT && length <= 3 {
            FieldKind::numbers(length as u8, steps)
        } else {
            FieldKind::array(length, T::kind(steps))
        }
    }

    #[inline]
    fn quantise(&self, steps: &Steps, words: &mut ComponentWords<'_>) {
        self.iter().for_each(|item| item.quantise(steps, words));
    }

    #[inline]
    fn restore(steps: &Steps, words: &mut WordReader<'_>) -> Self {
        core::array::from_fn(|_| T::restore(steps, words))
    }
}

impl<T: Angled, const N: usize> Angled for [T; N] {
    const WORDS: usize = array_length(N) as usize * T::WORDS;
    const BITS: u8 = T::BITS;

    fn kind(bits: u8) -> FieldKind {
        FieldKind::array(const { array_length(N) }, T::kind(bits))
    }

    fn quantise(&self, bits: u8, words: &mut ComponentWords<'_>) {
        self.iter().for_each(|item| item.quantise(bits, words));
    }

    fn restore(bits: u8, words: &mut WordReader<'_>) -> Self {
        core::array::from_fn(|_| T::restore(bits, words))
    }
}

/// A quaternion in the order x, y, z, w, for component fields with the attribute `quat`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a quaternion",
    note = "`quat` quantises `[f32; 4]` and `[f64; 4]`, in the order x y z w"
)]
pub trait Rotated: Sized {
    /// Returns the kind of a field that holds the value in `bits` bits.
    #[must_use]
    fn kind(bits: u8) -> FieldKind {
        FieldKind::rotation(bits)
    }

    /// Writes the four words of this rotation.
    fn quantise(&self, bits: u8, words: &mut ComponentWords<'_>);

    /// Reads a rotation from the four words that [`Self::quantise`] wrote with the same `bits`.
    fn restore(bits: u8, words: &mut WordReader<'_>) -> Self;
}

impl<T: Real> Rotated for [T; 4] {
    #[inline]
    fn quantise(&self, bits: u8, words: &mut ComponentWords<'_>) {
        words.put_all(rotation_words(self.map(Real::widen), bits));
    }

    #[inline]
    fn restore(bits: u8, words: &mut WordReader<'_>) -> Self {
        rotation_from_words(words.take_all(), bits).map(T::narrow)
    }
}
