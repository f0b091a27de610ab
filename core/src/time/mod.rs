//! The core's own clock type.
//!
//! The core never reads a clock. Every call that needs the time takes an [`Instant`], and the caller decides which
//! clock it comes from: a monotonic clock in a driver, a counter in a simulation.

mod instant;
mod span;

pub use core::time::Duration;

pub use self::instant::Instant;
pub(crate) use self::instant::micros;
pub(crate) use self::span::Span;
