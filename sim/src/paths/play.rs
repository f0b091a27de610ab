//! Runs a scenario.

use core::time::Duration;
use std::sync::Arc;

use tickwire_core::Config;

use super::measure::{Outcome, outcome};
use super::party::Parties;
use super::record::{Recording, record};
use super::scenario::Scenario;
use crate::checker::Violation;
use crate::provider::NullProvider;
use crate::world::{World, WorldConfig};

impl Scenario {
    /// Runs the scenario with `seed`.
    ///
    /// # Errors
    /// The first violation that a checker, the application or the world itself reports.
    pub fn play(&self, seed: u64) -> Result<Outcome, Violation> {
        let mut world = self.world(seed);
        world.run_for(self.duration)?;
        Ok(outcome(self, &world))
    }

    /// Runs the scenario as [`Scenario::play`] does, and takes a sample of each flow at intervals of `every` (raised to
    /// at least 1 ms) and at the end. Sampling does not change the run.
    ///
    /// # Errors
    /// The first violation that a checker, the application or the world itself reports.
    pub fn record(&self, seed: u64, every: Duration) -> Result<(Outcome, Recording), Violation> {
        let mut world = self.world(seed);
        let recording = record(self, &mut world, every)?;
        Ok((outcome(self, &world), recording))
    }

    fn world(&self, seed: u64) -> World<Parties> {
        let mut config = Config::new(0x7061_7468);
        config.provider = Arc::new(NullProvider);
        config.congestion = self.algorithm;
        [config.connection_bandwidth, config.bandwidth] = self.limits;
        let faults = self.faults(seed);
        let parties = Parties::new(seed, config, self.flows.clone());
        let mut world = World::new(WorldConfig::new(seed, self.topology()).faults(faults), parties);
        world.watch_pipes();
        world
    }
}
