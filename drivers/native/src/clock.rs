//! The monotonic clock of one endpoint, as the core counts it.

use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use tickwire_core::Instant;

/// Counts microseconds from its own making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: StdInstant,
    /// Microseconds from the Unix epoch to the start. Read once: a wall clock that is set later changes nothing.
    pub(crate) wall_offset: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: StdInstant::now(), wall_offset: u64::try_from(wall.as_micros()).unwrap_or(0) }
    }

    /// The time, and what the wall clock shows at it, since the Unix epoch.
    pub(crate) fn both(&self) -> (Instant, Duration) {
        (self.now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    pub(crate) fn now(&self) -> Instant {
        let micros = self.start.elapsed().as_micros();
        Instant::saturating_from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}
