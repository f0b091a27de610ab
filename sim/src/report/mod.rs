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

/// A run is looked at so many times, about.
const SLICES: u128 = 1200;
/// How often that may be, in milliseconds: so that whole seconds are whole slices, and steps of scenarios lie between two.
const EVERY: [u64; 9] = [10, 20, 50, 100, 200, 250, 500, 1000, 2000];

impl Run {
    /// Plays a scenario.
    ///
    /// # Errors
    /// The first violation.
    pub fn play(scenario: Scenario, seed: u64) -> Result<Self, Violation> {
        let millis = scenario.duration.as_millis();
        let every = EVERY.into_iter().find(|&every| u128::from(every) * SLICES >= millis).unwrap_or(5000);
        let (outcome, recording) = scenario.record(seed, Duration::from_millis(every))?;
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
