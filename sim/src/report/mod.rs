//! A run as a page that a person reads: one HTML file without anything from elsewhere, in light or dark as the reader
//! has it.
//!
//! ```
//! use std::time::Duration;
//!
//! use tickwire_sim::paths::rfc8867;
//! use tickwire_sim::report::{Run, page};
//!
//! let mut scenario = rfc8867::variable_capacity();
//! scenario.duration = Duration::from_secs(2);
//! let run = Run::play(scenario, 0)?;
//! let html = page(&[run], "cargo xtask paths --only 5.1 --report report.html");
//! assert!(html.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), tickwire_sim::checker::Violation>(())
//! ```

mod chart;
mod page;
mod panels;
mod scale;
mod series;
mod svg;
mod words;

#[cfg(test)]
mod tests;

use core::time::Duration;

use tickwire_core::congestion::Algorithm;

use crate::checker::Violation;
use crate::paths::{Outcome, Recording, Scenario};

pub use page::page;

/// A scenario that was played and looked at.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was played.
    pub scenario: Scenario,
    /// Its chance.
    pub seed: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// What it looked like meanwhile.
    pub recording: Recording,
}

/// A run is looked at so many times.
const SLICES: u32 = 1200;
/// And no more often than this.
const SLICE_LEAST: Duration = Duration::from_millis(20);

impl Run {
    /// Plays a scenario.
    ///
    /// # Errors
    /// The first violation.
    pub fn play(scenario: Scenario, seed: u64) -> Result<Self, Violation> {
        // Whole milliseconds, so that slices fall together with the steps of scenarios.
        let millis = (scenario.duration / SLICES).max(SLICE_LEAST).as_millis().next_multiple_of(10);
        let (outcome, recording) =
            scenario.record(seed, Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))?;
        Ok(Self { scenario, seed, outcome, recording })
    }

    /// What it is called beside others.
    fn label(&self) -> String {
        match self.scenario.algorithm {
            Algorithm::Cubic => "CUBIC".to_owned(),
            other => format!("{other:?}"),
        }
    }
}
