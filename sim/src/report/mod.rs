//! Renders runs as one human-readable HTML file without external resources, in the reader's light or dark theme.
//!
//! ```
//! use std::time::Duration;
//!
//! use tickwire_sim::paths::rfc8867;
//! use tickwire_sim::report::{RecordedRun, page};
//!
//! let mut scenario = rfc8867::variable_capacity();
//! scenario.duration = Duration::from_secs(2);
//! let run = RecordedRun::play(scenario, 0)?;
//! let html = page(&[run], "cargo xtask paths --only 5.1 --report report.html");
//! assert!(html.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), tickwire_sim::checker::Violation>(())
//! ```

mod chart;
mod page;
mod panels;
mod run;
mod scale;
mod series;
mod svg;
mod words;

#[cfg(test)]
mod tests;

pub use page::page;
pub use run::RecordedRun;
