//! Floats in steps between two bounds.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;

use super::{BitReader, BitWriter, DecodeError, EncodeError, bits_for};
use crate::shape::Shape;
use crate::snapshot::quantize::{Real, Steps};

/// A float or an array of floats, for message fields with the attributes `range` and `step`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` takes no `step`",
    note = "`range` and `step` quantise `f32`, `f64` and arrays of them; an integer takes `range` alone"
)]
pub trait SteppedBits: Sized {
    /// The number of bits of the float type: 32 or 64.
    const WIDTH: u8;

    /// Writes the number of the step nearest to the value, in as many bits as the range and step need. A value outside
    /// the range is written as the nearest end of the range. NaN is written as zero, or as the end of the range nearest
    /// to zero.
    ///
    /// # Errors
    /// The error of the writer.
    fn put_steps(&self, steps: &Steps, writer: &mut BitWriter<'_>) -> Result<(), EncodeError>;

    /// Reads a value that [`Self::put_steps`] wrote with the same range and step.
    ///
    /// # Errors
    /// [`DecodeError::OutOfRange`] if the range has no step with the number that was read, or the error of the reader.
    fn take_steps(steps: &Steps, reader: &mut BitReader<'_>) -> Result<Self, DecodeError>;

    /// Returns the layout of a field with this range and step.
    fn steps_shape(steps: &Steps) -> Shape;
}

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl SteppedBits for $type {
            const WIDTH: u8 = <$type as Real>::WIDTH;

            fn put_steps(&self, steps: &Steps, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
                writer.put(u64::from(steps.word(self.widen())), bits_for(u64::from(steps.max())))
            }

            fn take_steps(steps: &Steps, reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
                let word = reader.take(bits_for(u64::from(steps.max())))?;
                match u32::try_from(word) {
                    Ok(word) if word <= steps.max() => Ok(Self::narrow(steps.value(word))),
                    _ => Err(DecodeError::OutOfRange),
                }
            }

            fn steps_shape(steps: &Steps) -> Shape {
                let note = format!("{}..={} step {}", steps.low(), steps.high(), steps.step());
                let item = Box::new(Shape::Float { width: <$type as Real>::WIDTH });
                Shape::Annotated { note: Cow::Owned(note), item }
            }
        }
    )*};
}

floats!(f32, f64);

impl<T: SteppedBits, const N: usize> SteppedBits for [T; N] {
    const WIDTH: u8 = T::WIDTH;

    fn put_steps(&self, steps: &Steps, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        writer.charge(N);
        self.iter().try_for_each(|item| item.put_steps(steps, writer))
    }

    fn take_steps(steps: &Steps, reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        reader.charge(N)?;
        let mut items = alloc::vec::Vec::new();
        for _ in 0..N {
            items.push(T::take_steps(steps, reader)?);
        }
        Self::try_from(items).map_err(|_| DecodeError::Invalid)
    }

    fn steps_shape(steps: &Steps) -> Shape {
        Shape::Array { length: N as u64, item: Box::new(T::steps_shape(steps)) }
    }
}
