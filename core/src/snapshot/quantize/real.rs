//! The two float types.

/// The bits that every NaN is written with.
const NAN_32: u32 = 0x7fc0_0000;
const NAN_64: u64 = 0x7ff8_0000_0000_0000;

/// `f32` or `f64`. Quantisers compute with 64 bits whatever the type of the field.
pub trait Real: Copy + sealed::Sealed + 'static {
    /// Bits in memory: 32 or 64.
    const WIDTH: u8;
    /// The most bits of an angle. With two more, the type could not tell neighbouring angles apart.
    const ANGLE_BITS: u8;

    /// The same value in 64 bits.
    fn widen(self) -> f64;

    /// The nearest value of this type.
    fn narrow(value: f64) -> Self;

    /// The bits of the value. Each NaN has the same bits; -0.0 stays apart from 0.0.
    fn exact(self) -> u64;

    /// The value of these bits; those above the width are left out. Each NaN becomes the same.
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
    //! Keeps other types from being [`super::Real`].

    #[expect(unnameable_types, reason = "nobody else may name it")]
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
