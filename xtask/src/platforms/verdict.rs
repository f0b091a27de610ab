//! The verdict on each target, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::Target;

/// The result of the comparison of a target with this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Equal,
    /// The hashes differ. `seed` is the first seed with different hashes.
    Differs {
        seed: u64,
    },
    CannotRun(String),
}

/// The result for one target.
#[derive(Debug)]
pub(super) struct PlatformRow {
    /// The target. `None` stands for this machine, with which the targets are compared.
    target: Option<Target>,
    seeds: u64,
    verdict: Verdict,
    took: Duration,
}

impl PlatformRow {
    pub(super) const fn here(seeds: u64, took: Duration) -> Self {
        Self { target: None, seeds, verdict: Verdict::Equal, took }
    }

    pub(super) const fn of(target: Target, seeds: u64, verdict: Verdict, took: Duration) -> Self {
        Self { target: Some(target), seeds, verdict, took }
    }

    fn name(&self) -> String {
        let here = || format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        self.target.map_or_else(here, |target| target.to_string())
    }

    /// Returns a description of the difference with the command that repeats it, or `None` if there is no difference.
    pub(super) fn complaint(&self, seconds: u32) -> Option<String> {
        let name = self.name();
        match &self.verdict {
            Verdict::Equal => None,
            Verdict::CannotRun(error) => Some(format!("cannot compare {name}: {error}")),
            Verdict::Differs { seed } => Some(format!(
                "the hashes of {name} and of this machine first differ in seed {seed}; repeat this seed with:\n    \
                 cargo xtask platforms --only {name} --from {seed} --seeds 1 --seconds {seconds}"
            )),
        }
    }
}

pub(super) fn table(rows: &[PlatformRow]) -> String {
    let mut text = format!("{:16} {:>5}  {:24} {:>7}\n", "target", "seeds", "hashes", "seconds");
    for row in rows {
        let verdict = match &row.verdict {
            Verdict::Equal if row.target.is_none() => "the reference".to_owned(),
            Verdict::Equal => "equal".to_owned(),
            Verdict::Differs { seed } => format!("first differ in seed {seed}"),
            Verdict::CannotRun(_) => "cannot run".to_owned(),
        };
        let seconds = row.took.as_secs_f64();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:16} {:>5}  {verdict:24} {seconds:>7.1}", row.name(), row.seeds);
    }
    text
}

pub(super) fn json(from: u64, seconds: u32, rows: &[PlatformRow]) -> Value {
    let row = |row: &PlatformRow| {
        let (equal, differs, error) = match &row.verdict {
            Verdict::Equal => (true, None, None),
            Verdict::Differs { seed } => (false, Some(*seed), None),
            Verdict::CannotRun(error) => (false, None, Some(error)),
        };
        json!({
            "target": row.name(),
            "seeds": row.seeds,
            "equal": equal,
            "first_seed_that_differs": differs,
            "error": error,
            "seconds": (row.took.as_secs_f64() * 10.0).round() / 10.0,
        })
    };
    json!({ "from": from, "virtual_seconds": seconds, "targets": rows.iter().map(row).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::{Duration, PlatformRow, Target, Verdict, json, table};

    fn rows() -> [PlatformRow; 4] {
        let took = Duration::from_millis(1230);
        [
            PlatformRow::here(100, took),
            PlatformRow::of(Target::Wasm32, 100, Verdict::Equal, took),
            PlatformRow::of(Target::S390x, 20, Verdict::Differs { seed: 4 }, took),
            PlatformRow::of(Target::Windows, 20, Verdict::CannotRun("no \"wine\"".into()), took),
        ]
    }

    #[test]
    fn the_platform_report_has_one_line_per_target() {
        let table = table(&rows());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[2].starts_with("wasm32") && lines[2].contains(" 100  equal "), "{table}");
        assert!(lines[3].contains(" 20  first differ in seed 4"), "{table}");
        assert!(lines[4].contains("cannot run") && lines[4].ends_with("1.2"), "{table}");
    }

    #[test]
    fn the_json_report_contains_the_figures_of_the_platform_table() {
        let json = json(0, 10, &rows());
        assert_eq!(json["virtual_seconds"], 10);
        assert_eq!(json["targets"][1]["equal"], true);
        assert_eq!(json["targets"][2]["first_seed_that_differs"], 4);
        assert_eq!(json["targets"][3]["error"], "no \"wine\"");
        assert!(json["targets"][1]["first_seed_that_differs"].is_null());
    }
}
