//! The monotonic clock of one endpoint, in the core's microseconds.

use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use tickwire_core::Instant;

/// A clock that counts microseconds from its creation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: StdInstant,
    /// The microseconds from the Unix epoch to the creation of this clock, as the wall clock showed them at the
    /// creation.
    pub(crate) wall_offset: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: StdInstant::now(), wall_offset: u64::try_from(wall.as_micros()).unwrap_or(0) }
    }

    /// Returns the time on this clock, and the time on the wall clock since the Unix epoch at the same moment.
    pub(crate) fn both(&self) -> (Instant, Duration) {
        (self.now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Returns the microseconds from the Unix epoch to the creation of this clock, computed from the current wall clock.
    /// Returns `None` if too much time passed between the readings of the two clocks.
    pub(crate) fn wall_offset_now(&self) -> Option<u64> {
        let (before, wall) = self.both();
        if self.now().saturating_since(before) > READ_WITHIN {
            return None;
        }
        Some(u64::try_from(wall.as_micros()).unwrap_or(u64::MAX).saturating_sub(before.as_micros()))
    }

    pub(crate) fn now(&self) -> Instant {
        let micros = self.start.elapsed().as_micros();
        Instant::saturating_from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// The longest time between the readings of the two clocks. A slower pair of readings is discarded.
const READ_WITHIN: Duration = Duration::from_millis(10);
