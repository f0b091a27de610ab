//! The writer of the game's replicated world, and the numbers of its ticks.

use std::time::{Duration, Instant};

use tickwire_core::SnapshotConfig;
use tickwire_core::snapshot::WorldWriter;

/// The writer of the game's world, and what was committed of it.
pub(crate) struct Replication {
    pub(crate) writer: WorldWriter,
    pub(crate) ticks: WorldTicks,
    /// The tick of the last commit.
    pub(crate) committed: Option<u64>,
    /// The time since which the game is at rest.
    rests_since: Option<Instant>,
    /// A commit failed, so the world that clients see is not the game's any more.
    pub(crate) has_failed: bool,
}

/// Numbers the ticks of the world: there are as many per second as the schema says, whatever the server's tick rate is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorldTicks {
    per_second: u64,
    tick_rate: u64,
    /// A tick of the server and of the world that are the same time.
    same: (u64, u64),
}

impl WorldTicks {
    fn new(per_second: u16, tick_rate: u32) -> Self {
        Self { per_second: per_second.into(), tick_rate: u64::from(tick_rate.max(1)), same: (0, 0) }
    }

    /// Returns the world's tick in a tick of the server.
    pub(crate) fn at(&mut self, tick: u64, tick_rate: u32) -> u64 {
        let (server, world) = self.same;
        let at = world + tick.saturating_sub(server).saturating_mul(self.per_second) / self.tick_rate;
        let tick_rate = u64::from(tick_rate.max(1));
        if tick_rate != self.tick_rate {
            (self.tick_rate, self.same) = (tick_rate, (tick, at));
        }
        at
    }
}

impl Replication {
    pub(crate) fn new(snapshots: &SnapshotConfig, tick_rate: u32) -> Self {
        Self {
            writer: snapshots.schema.writer().with_max_entities(snapshots.max_entities),
            ticks: WorldTicks::new(snapshots.schema.ticks_per_second(), tick_rate),
            committed: None,
            rests_since: None,
            has_failed: false,
        }
    }

    /// Input has come: the world may change again.
    pub(crate) const fn wake(&mut self) {
        self.rests_since = None;
    }

    /// Returns whether the world of a game at rest has rested long enough for the last values to be committed exactly.
    pub(crate) fn has_rested(&mut self, now: Instant) -> bool {
        now - *self.rests_since.get_or_insert(now) >= LAST_VALUES
    }
}

/// The time for which a world at rest is committed, so that each unit has been due after the half second that its value must rest
/// before it is committed exactly: a unit is due once a second or more often.
const LAST_VALUES: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn world_ticks_equal_server_ticks_if_both_rates_are_equal() {
        let mut ticks = WorldTicks::new(60, 60);
        assert_eq!([0, 1, 7, 1000].map(|tick| ticks.at(tick, 60)), [0, 1, 7, 1000]);
    }

    #[test]
    fn world_ticks_pass_at_the_rate_of_the_schema_at_every_server_tick_rate() {
        let mut ticks = WorldTicks::new(60, 30);
        assert_eq!(ticks.at(30, 30), 60);
        // From here on the server ticks 120 times a second.
        assert_eq!([30, 150, 151].map(|tick| ticks.at(tick, 120)), [60, 120, 120]);
        assert_eq!(ticks.at(152, 0), 121);
    }
}
