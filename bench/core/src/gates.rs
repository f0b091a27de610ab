//! Limits on exact figures: no figure may exceed the recorded figure.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::figures::{Cost, Figures};

/// The factor by which different compilers and systems may increase the number of instructions.
const INSTRUCTIONS_SLACK: f64 = 1.01;
/// The amount by which rounding may increase allocations and bytes.
const EXACT_SLACK: f64 = 0.005;

/// The recorded figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Gates {
    /// The recorded figures of each case, by the name of the stack and the name of the case.
    pub(crate) held: BTreeMap<String, Held>,
    /// The heap bytes per connection of a server with 1,000 clients, including the keys of the crate ring.
    #[serde(default)]
    pub(crate) heap: BTreeMap<String, f64>,
    /// The instructions of each case of the other libraries, as last measured.
    pub(crate) peers: BTreeMap<String, f64>,
}

/// The largest permitted cost of one case, per message; in the cases `worlds`, per component, unit or tick.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    instructions: f64,
    allocations: f64,
    bytes: f64,
}

impl Held {
    fn of(cost: &Cost) -> Option<Self> {
        let (instructions, _) = cost.counted?;
        let bytes = cost.bytes_down + cost.bytes_up;
        Some(Self {
            instructions: instructions.round(),
            allocations: rounded(cost.allocations),
            bytes: rounded(bytes),
        })
    }

    /// Returns a line of text for each figure of `now` that exceeds its limit.
    fn worse(&self, now: &Self) -> Vec<String> {
        let mut worse = Vec::new();
        let mut judge = |what, held: f64, now: f64, limit: f64| {
            if now > limit {
                worse.push(format!("{what}: {now}, but the recorded figure is {held}"));
            }
        };
        judge("instructions", self.instructions, now.instructions, self.instructions * INSTRUCTIONS_SLACK);
        judge("allocations", self.allocations, now.allocations, self.allocations + EXACT_SLACK);
        judge("bytes", self.bytes, now.bytes, self.bytes + EXACT_SLACK);
        worse
    }

    fn is_better(&self, now: &Self) -> bool {
        now.instructions < self.instructions / INSTRUCTIONS_SLACK
            || now.allocations < self.allocations - EXACT_SLACK
            || now.bytes < self.bytes - EXACT_SLACK
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The beginnings of the names of tickwire's own stacks, whose costs have limits.
const OURS: [&str; 4] = ["plain.", "ring.", "rustcrypto.", "worlds."];

impl Gates {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }

    /// Returns gates with the figures of this run.
    pub(crate) fn held(&self, figures: &Figures) -> Self {
        let mut gates = self.clone();
        for (name, cost) in &figures.costs {
            let Some(held) = Held::of(cost) else { continue };
            if OURS.iter().any(|ours| name.starts_with(ours)) {
                gates.held.insert(name.clone(), held);
            } else {
                gates.peers.insert(name.clone(), held.instructions);
            }
        }
        gates.heap = figures.heap.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.round())).collect();
        gates
    }

    /// Compares the figures with the gates. Returns an error if a figure exceeds its limit, or was not measured.
    pub(crate) fn check(&self, figures: &Figures) -> Result<()> {
        if self.held.is_empty() {
            bail!("no benchmark figures are recorded; record figures with `cargo xtask bench core --hold`");
        }
        let mut worse = Vec::new();
        for (name, held) in &self.held {
            let Some(now) = figures.costs.get(name).and_then(Held::of) else {
                worse.push(format!("{name}: the case was not measured"));
                continue;
            };
            worse.extend(held.worse(&now).into_iter().map(|what| format!("{name}: {what}")));
            if held.is_better(&now) {
                println!("{name} has improved; record the new figure with `cargo xtask bench core --hold`");
            }
        }
        for (name, held) in &self.heap {
            let now = figures.heap.get(name.as_str()).copied().unwrap_or(f64::INFINITY);
            if now > held * INSTRUCTIONS_SLACK {
                worse.push(format!(
                    "{name}: {now:.0} heap bytes per connection, but the recorded figure is {held}"
                ));
            }
        }
        if !worse.is_empty() {
            bail!(
                "some figures exceed the recorded figures; find the cause, or record the new figures with \
                 `cargo xtask bench core --hold`:\n  {}",
                worse.join("\n  ")
            );
        }
        println!("{} cases cost no more than the recorded figures, within the tolerance", self.held.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: Held = Held { instructions: 1000.0, allocations: 0.0, bytes: 120.0 };

    #[test]
    fn a_case_fails_the_check_only_if_a_cost_exceeds_its_recorded_figure_by_more_than_its_tolerance() {
        assert!(HELD.worse(&Held { instructions: 1009.0, ..HELD }).is_empty());
        assert_eq!(HELD.worse(&Held { instructions: 1011.0, ..HELD }).len(), 1);
        assert_eq!(HELD.worse(&Held { allocations: 0.01, ..HELD }).len(), 1);
        assert_eq!(HELD.worse(&Held { bytes: 120.01, ..HELD }).len(), 1);
        assert!(HELD.is_better(&Held { instructions: 900.0, ..HELD }) && !HELD.is_better(&HELD));
    }

    #[test]
    fn a_case_without_a_measurement_fails_the_check() {
        let gates = Gates { held: [("plain.one".to_owned(), HELD)].into(), ..Gates::default() };
        let error = gates.check(&Figures::default()).unwrap_err().to_string();
        assert!(error.contains("plain.one: the case was not measured"), "{error}");
    }

    #[test]
    fn a_check_without_recorded_figures_is_an_error() {
        assert!(Gates::default().check(&Figures::default()).is_err());
    }
}
