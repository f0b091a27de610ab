//! The monotonic clock of one endpoint, in the core's microseconds.

use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use tickwire_core::Instant;

/// Counts microseconds from its own making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: StdInstant,
    /// Microseconds from the Unix epoch to the start, as the wall clock showed at the start.
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

    /// Microseconds from the Unix epoch to the start, by what the wall clock shows now; `None` if too much time passed between
    /// the readings of both clocks to tell.
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

/// Both clocks are read within this, or the reading does not count.
const READ_WITHIN: Duration = Duration::from_millis(10);
