//! [`NetSerialize`] for the types of the standard library and for bounded collections.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{BitReader, BitWriter, DecodeError, EncodeError, NetSerialize, put_items};

const CHARACTER_BITS: u32 = 21;
const NAN_32: u32 = 0x7fc0_0000;
const NAN_64: u64 = 0x7ff8_0000_0000_0000;

impl NetSerialize for bool {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        writer.bool(*self)
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        reader.bool()
    }
}

impl NetSerialize for f32 {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        let bits = if self.is_nan() { NAN_32 } else { self.to_bits() };
        writer.put(u64::from(bits), 32)
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        let value = Self::from_bits(reader.take(32)? as u32);
        Ok(if value.is_nan() { Self::from_bits(NAN_32) } else { value })
    }
}

impl NetSerialize for f64 {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        writer.put(if self.is_nan() { NAN_64 } else { self.to_bits() }, 64)
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        let value = Self::from_bits(reader.take(64)?);
        Ok(if value.is_nan() { Self::from_bits(NAN_64) } else { value })
    }
}

impl NetSerialize for char {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        writer.put(u64::from(*self), CHARACTER_BITS)
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        Self::from_u32(reader.take(CHARACTER_BITS)? as u32).ok_or(DecodeError::OutOfRange)
    }
}

impl<T: NetSerialize> NetSerialize for Option<T> {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        writer.bool(self.is_some())?;
        self.iter().try_for_each(|value| value.encode(writer))
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        if reader.bool()? { T::decode(reader).map(Some) } else { Ok(None) }
    }
}

/// A box can contain its own type, so each box counts as one level of nesting.
impl<T: NetSerialize> NetSerialize for Box<T> {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        writer.nested(|writer| (**self).encode(writer))
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        reader.nested(|reader| T::decode(reader).map(Self::new))
    }
}

impl<T: NetSerialize, const N: usize> NetSerialize for [T; N] {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        writer.charge(N);
        put_items(writer, self)
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        reader.charge(N)?;
        let mut items = Vec::new();
        for _ in 0..N {
            items.push(T::decode(reader)?);
        }
        Self::try_from(items).map_err(|_| DecodeError::Invalid)
    }
}

impl NetSerialize for () {
    fn encode(&self, _: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn decode(_: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

macro_rules! tuples {
    ($($($name:ident $place:tt),+;)*) => {$(
        impl<$($name: NetSerialize),+> NetSerialize for ($($name,)+) {
            fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
                $(self.$place.encode(writer)?;)+
                Ok(())
            }

            fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
                Ok(($($name::decode(reader)?,)+))
            }
        }
    )*};
}

tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
}
