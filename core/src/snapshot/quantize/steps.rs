//! Quantises the numbers of a range in steps.

use core::fmt;

use super::rounding::{clamp, nearest, whole_steps};

/// The largest distance from zero that a range may reach, in steps: 2^40. Up to there, the division by the step is exact to 1/8192
/// of a step.
const STEPS_FROM_ZERO: i64 = 1 << 40;

/// The values that a quantised float can have: the multiples of a step within a range. If an end of the range is not a
/// multiple and the nearest multiple is outside the range, the end is a value too.
///
/// If the range includes zero, zero is a value, so quantising does not change zero. Quantising does not change an end
/// of the range either, if the end is a value as described above. The error is at most half a step, plus
/// the rounding error of the field's own type.
///
/// ```
/// use tickwire_core::snapshot::Steps;
///
/// let metres = Steps::new(-1024.0, 1024.0, 0.002)?;
/// assert_eq!(metres.max(), 1_024_000);
/// assert_eq!(metres.word(0.0049), 512_002);
/// assert_eq!(metres.value(512_002), 0.004);
/// assert_eq!(metres.value(metres.word(1e9)), 1024.0);
/// # Ok::<(), tickwire_core::snapshot::StepsError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Steps {
    low: f64,
    high: f64,
    step: f64,
    /// The multiple of the step that word 0 stands for.
    first: i64,
    max: u32,
}

/// The reason why a range cannot be divided into steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StepsError {
    /// An end of the range, or the step, is infinite or NaN.
    NotFinite,
    /// The low end of the range is not below the high end.
    EmptyRange,
    /// The step is zero or negative.
    NoStep,
    /// The range includes more than 2^32 multiples of the step.
    TooManySteps,
    /// An end of the range is more than 2^40 steps from zero.
    TooFarFromZero,
    /// The field is an `f32`, which has fewer than two values per step at the end of the range that is farther from zero.
    TooFine,
}

impl StepsError {
    /// Returns a text that describes the error and how to fix it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotFinite => "an end of the range or the step is infinite or NaN; give finite numbers",
            Self::EmptyRange => "the range is empty; give the lower end first",
            Self::NoStep => "the step is zero or negative; give a step above zero",
            Self::TooManySteps => {
                "the range includes more than 2^32 multiples of the step; give a larger step or a smaller range"
            }
            Self::TooFarFromZero => {
                "an end of the range is more than 2^40 steps from zero; give a larger step, or move the range towards zero"
            }
            Self::TooFine => {
                "an `f32` has fewer than two values per step at the end of the range that is farther from zero; give a larger step, or make the field an `f64`"
            }
        }
    }
}

impl fmt::Display for StepsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for StepsError {}

impl Steps {
    /// Creates the multiples of `step` from `low` to `high`.
    ///
    /// # Errors
    /// A [`StepsError`] if the range or the step is invalid. Only [`Self::for_width`] returns [`StepsError::TooFine`].
    pub const fn new(low: f64, high: f64, step: f64) -> Result<Self, StepsError> {
        if !low.is_finite() || !high.is_finite() || !step.is_finite() {
            return Err(StepsError::NotFinite);
        }
        if low >= high {
            return Err(StepsError::EmptyRange);
        }
        if step <= 0.0 {
            return Err(StepsError::NoStep);
        }
        // Adding zero turns an end of -0.0 into 0.0.
        let (low, high) = (low + 0.0, high + 0.0);
        let far = STEPS_FROM_ZERO as f64;
        let (first, last) = (low / step, high / step);
        if first < -far || last > far || first > far || last < -far {
            return Err(StepsError::TooFarFromZero);
        }
        let (first, last) = (nearest(first), nearest(last));
        if last - first > u32::MAX as i64 {
            return Err(StepsError::TooManySteps);
        }
        Ok(Self { low, high, step, first, max: (last - first) as u32 })
    }

    /// Creates the multiples of `step` from `low` to `high`, as [`Self::new`] does, for a field of `width` bits: 32 or
    /// 64.
    ///
    /// # Errors
    /// [`StepsError::TooFine`] if `width` is 32 and an `f32` has fewer than two values per step at the end of the range
    /// that is farther from zero, or the errors of [`Self::new`].
    pub const fn for_width(low: f64, high: f64, step: f64, width: u8) -> Result<Self, StepsError> {
        let steps = match Self::new(low, high, step) {
            Ok(steps) => steps,
            Err(error) => return Err(error),
        };
        let far = (if high > -low { high } else { -low }) as f32;
        let before = f32::from_bits(far.to_bits().saturating_sub(1));
        let is_too_fine = far == before || step < 2.0 * (far as f64 - before as f64);
        if width == 32 && is_too_fine {
            return Err(StepsError::TooFine);
        }
        Ok(steps)
    }

    /// Returns the number of the step nearest to `value`, counted from the low end. A value outside the range becomes
    /// the nearest end. NaN counts as zero, or as the end nearest to zero if the range does not include zero.
    #[inline]
    #[must_use]
    pub const fn word(&self, value: f64) -> u32 {
        let steps = if value.is_nan() { 0.0 } else { value / self.step };
        let last = self.first + self.max as i64;
        (nearest(clamp(steps, self.first as f64, last as f64)) - self.first) as u32
    }

    /// Returns the value that a word encodes. A word above [`Self::max`] counts as [`Self::max`].
    #[inline]
    #[must_use]
    pub const fn value(&self, word: u32) -> f64 {
        let word = if word > self.max { self.max } else { word };
        clamp((self.first + word as i64) as f64 * self.step, self.low, self.high)
    }

    /// Returns the word of the high end of the range, which is the largest word.
    #[must_use]
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// Returns the step, which is the distance between two neighbouring multiples.
    #[must_use]
    pub const fn step(&self) -> f64 {
        self.step
    }

    /// Returns the low end of the range.
    #[must_use]
    pub const fn low(&self) -> f64 {
        self.low
    }

    /// Returns the high end of the range.
    #[must_use]
    pub const fn high(&self) -> f64 {
        self.high
    }

    /// Returns the number of whole steps in `distance`, or 0 if `distance` is negative or NaN.
    #[must_use]
    pub const fn threshold(&self, distance: f64) -> u32 {
        whole_steps(distance, self.step)
    }
}
