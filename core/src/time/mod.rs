//! The core's own time types.
//!
//! The core never reads a clock. Every call that needs the time takes an [`Instant`] from a clock that the caller chooses: a
//! monotonic clock in a driver, or a counter in a simulation.

mod instant;
mod span;

pub use core::time::Duration;

pub use self::instant::Instant;
pub(crate) use self::instant::micros;
pub(crate) use self::span::Span;
