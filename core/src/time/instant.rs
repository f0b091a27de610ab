//! Points in time, and their arithmetic with durations.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

use super::span::Span;

/// A point in time, in microseconds since an epoch that the caller chooses.
///
/// An instant is at most 2^62 µs after the epoch, so that the sum of an instant and any interval of the protocol cannot
/// overflow.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::Instant;
///
/// // A driver's clock: microseconds since the program began.
/// let start = std::time::Instant::now();
/// let now = || Instant::saturating_from_micros(start.elapsed().as_micros() as u64);
/// assert!(now() < Instant::ZERO + Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The epoch, which the caller chooses.
    pub const ZERO: Self = Self(0);
    /// The latest possible instant, 2^62 microseconds after the epoch. As a deadline, it means "never".
    pub const MAX: Self = Self(1 << 62);

    /// Returns the instant `micros` microseconds after the epoch, or `None` if `micros` is above 2^62.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Option<Self> {
        if micros > Self::MAX.0 { None } else { Some(Self(micros)) }
    }

    /// Returns the instant `micros` microseconds after the epoch, or [`Instant::MAX`] if `micros` is above 2^62.
    #[must_use]
    pub const fn saturating_from_micros(micros: u64) -> Self {
        if micros > Self::MAX.0 { Self::MAX } else { Self(micros) }
    }

    /// Returns the number of microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Returns the instant `micros` microseconds later, at most [`Instant::MAX`].
    pub(crate) const fn plus_micros(self, micros: u64) -> Self {
        Self::saturating_from_micros(self.0.saturating_add(micros))
    }

    /// Returns the time from `earlier` to `self`, or zero if `earlier` is later. The result is the
    /// [`Instant::saturating_since`] of `earlier` as a [`Span`].
    pub(crate) const fn since(self, earlier: Self) -> Span {
        Span::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Returns the time from `earlier` to `self`, or zero if `earlier` is after `self`.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Returns the microseconds of `duration`, at most 2^62.
#[must_use]
pub(crate) fn micros(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1_000_000);
    whole.saturating_add(u64::from(duration.subsec_micros())).min(Instant::MAX.0)
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Adds a duration. The result is at most [`Instant::MAX`].
    fn add(self, rhs: Duration) -> Self {
        Self::saturating_from_micros(self.0.saturating_add(micros(rhs)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Subtracts a duration. The result is at least [`Instant::ZERO`].
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(micros(rhs)))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Returns the time from `rhs` to `self`, or zero if `rhs` is later, so that a clock that ran backwards causes no
    /// panic.
    fn sub(self, rhs: Self) -> Duration {
        self.saturating_since(rhs)
    }
}

impl Add<Span> for Instant {
    type Output = Self;

    /// Adds a span. The result is at most [`Instant::MAX`].
    fn add(self, span: Span) -> Self {
        self.plus_micros(span.as_micros())
    }
}

impl AddAssign<Span> for Instant {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Instant {
    type Output = Self;

    /// Subtracts a span. The result is at least [`Instant::ZERO`].
    fn sub(self, span: Span) -> Self {
        Self::saturating_from_micros(self.as_micros().saturating_sub(span.as_micros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_above_two_to_the_62nd_microseconds_is_refused() {
        assert_eq!(Instant::from_micros(1 << 62), Some(Instant::MAX));
        assert_eq!(Instant::from_micros((1 << 62) + 1), None);
    }

    #[test]
    fn instant_arithmetic_saturates_at_both_ends_of_the_range() {
        assert_eq!(Instant::MAX + Duration::MAX, Instant::MAX);
        assert_eq!(Instant::ZERO - Duration::MAX, Instant::ZERO);
        assert_eq!(Instant::ZERO - Instant::MAX, Duration::ZERO);
    }
}
