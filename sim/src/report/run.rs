//! The recorded run of a scenario, for a page.

use core::time::Duration;

use tickwire_core::congestion::Algorithm;

use crate::checker::Violation;
use crate::paths::{Outcome, Recording, Scenario};

/// A run of a scenario, with its samples.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    /// The scenario of the run.
    pub scenario: Scenario,
    /// The seed of the run.
    pub seed: u64,
    /// The results of the run.
    pub outcome: Outcome,
    /// The samples taken during the run.
    pub recording: Recording,
}

/// The approximate number of times that a run is sampled.
const SLICES: u128 = 1200;
/// The possible intervals of samples, in milliseconds. A whole second, and each step of a scenario, is a boundary between
/// two slices.
const EVERY: [u64; 9] = [10, 20, 50, 100, 200, 250, 500, 1000, 2000];

impl RecordedRun {
    /// Runs `scenario` with `seed`, and records the run.
    ///
    /// # Errors
    /// The first violation that a checker, the application or the world itself reports.
    pub fn play(scenario: Scenario, seed: u64) -> Result<Self, Violation> {
        let millis = scenario.duration.as_millis();
        let every = EVERY.into_iter().find(|&every| u128::from(every) * SLICES >= millis).unwrap_or(5000);
        let (outcome, recording) = scenario.record(seed, Duration::from_millis(every))?;
        Ok(Self { scenario, seed, outcome, recording })
    }

    /// Returns the name that distinguishes this run from other runs on the page.
    pub(super) fn label(&self) -> String {
        match self.scenario.algorithm {
            Algorithm::Cubic => "CUBIC".to_owned(),
            other => format!("{other:?}"),
        }
    }
}
