//! The float types that fields may have.

/// The bits with which every NaN is written.
const NAN_32: u32 = 0x7fc0_0000;
const NAN_64: u64 = 0x7ff8_0000_0000_0000;

/// A float type: `f32` or `f64`. Quantisers compute with 64 bits for both types.
pub trait Real: Copy + sealed::Sealed + 'static {
    /// The number of bits of the type: 32 or 64.
    const WIDTH: u8;
    /// The largest number of bits that encode an angle of this type. With two more bits, the type could not distinguish
    /// neighbouring angles.
    const ANGLE_BITS: u8;

    /// Returns the same value as an `f64`.
    fn widen(self) -> f64;

    /// Returns the value of this type that is nearest to `value`.
    fn narrow(value: f64) -> Self;

    /// Returns the bits of the value. Every NaN has the same bits, and -0.0 has different bits from 0.0.
    fn exact(self) -> u64;

    /// Returns the value with these bits. The method ignores bits above the width of the type, and every NaN becomes
    /// the same NaN.
    fn from_exact(bits: u64) -> Self;
}

impl Real for f32 {
    const WIDTH: u8 = 32;
    const ANGLE_BITS: u8 = 22;

    #[inline]
    fn widen(self) -> f64 {
        f64::from(self)
    }

    #[inline]
    fn narrow(value: f64) -> Self {
        value as Self
    }

    #[inline]
    fn exact(self) -> u64 {
        u64::from(if self.is_nan() { NAN_32 } else { self.to_bits() })
    }

    #[inline]
    fn from_exact(bits: u64) -> Self {
        let value = Self::from_bits(bits as u32);
        if value.is_nan() { Self::from_bits(NAN_32) } else { value }
    }
}

impl Real for f64 {
    const WIDTH: u8 = 64;
    const ANGLE_BITS: u8 = 32;

    #[inline]
    fn widen(self) -> f64 {
        self
    }

    #[inline]
    fn narrow(value: f64) -> Self {
        value
    }

    #[inline]
    fn exact(self) -> u64 {
        if self.is_nan() { NAN_64 } else { self.to_bits() }
    }

    #[inline]
    fn from_exact(bits: u64) -> Self {
        let value = Self::from_bits(bits);
        if value.is_nan() { Self::from_bits(NAN_64) } else { value }
    }
}

mod sealed {
    //! Prevents other types from implementing [`super::Real`].

    #[expect(unnameable_types, reason = "nobody else may name it")]
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
