//! A duration in whole microseconds, the core's own unit. [`core::time::Duration`] stores seconds and nanoseconds
//! apart, so adding it to an instant costs multiplications and divisions. The public interface uses `Duration`, and the
//! core converts it on entry.

use core::fmt;
use core::ops::{Add, AddAssign, Div, Mul};
use core::time::Duration;

/// The longest span, in microseconds.
const MOST: u64 = 1 << 62;

/// A length of time in microseconds. Sums saturate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Span(u64);

impl Span {
    pub(crate) const ZERO: Self = Self(0);
    #[cfg(test)]
    pub(crate) const MAX: Self = Self(u64::MAX);

    pub(crate) const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    pub(crate) const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Converts `duration`, rounded down to a microsecond, and limited to 2^62 microseconds.
    pub(crate) const fn of(duration: Duration) -> Self {
        let whole = duration.as_secs().saturating_mul(1_000_000);
        let micros = whole.saturating_add(duration.subsec_micros() as u64);
        Self(if micros > MOST { MOST } else { micros })
    }

    pub(crate) const fn as_micros(self) -> u64 {
        self.0
    }

    pub(crate) const fn duration(self) -> Duration {
        Duration::from_micros(self.0)
    }

    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub(crate) const fn saturating_mul(self, factor: u32) -> Self {
        Self(self.0.saturating_mul(factor as u64))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.duration().fmt(f)
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u32> for Span {
    type Output = Self;

    fn mul(self, factor: u32) -> Self {
        self.saturating_mul(factor)
    }
}

impl Div<u32> for Span {
    type Output = Self;

    fn div(self, divisor: u32) -> Self {
        Self(self.0 / u64::from(divisor.max(1)))
    }
}

impl Mul<Span> for u32 {
    type Output = Span;

    fn mul(self, span: Span) -> Span {
        span * self
    }
}
