//! Parses the command line.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use tickwire_core::congestion::Algorithm;

/// The algorithms that are compared.
pub(crate) const BOTH: [Algorithm; 2] = [Algorithm::Copa, Algorithm::Cubic];

pub(crate) const USAGE: &str = "\
usage: paths [--seeds N] [--seed S] [--only NAME] [--loss PERCENT] [--json]
       paths --traces [--seeds N] [--only NAME] [--loss PERCENT] [--json]
       paths --report FILE (--only NAME | --traces --only NAME | --trace FILE)
             [--seed S] [--loss PERCENT] [--algorithm copa|cubic]
TICKWIRE_TRACES names the folder of Mahimahi traces that --traces plays.";

#[derive(Debug)]
pub(crate) struct Arguments {
    /// The number of seeds to run, beginning with `seed`.
    pub(crate) seeds: u64,
    pub(crate) seed: u64,
    pub(crate) only: Option<String>,
    pub(crate) loss_ppm: Option<u32>,
    /// The algorithm to run; `None` runs both.
    pub(crate) algorithm: Option<Algorithm>,
    /// `true` to run recorded links instead of the scenarios of RFC 8867.
    pub(crate) traces: bool,
    pub(crate) trace: Option<PathBuf>,
    pub(crate) report: Option<PathBuf>,
    pub(crate) json: bool,
}

impl Arguments {
    /// Parses the arguments. Returns `None` if they are invalid.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut parsed = Self {
            seeds: 3,
            seed: 0,
            only: None,
            loss_ppm: None,
            algorithm: None,
            traces: false,
            trace: None,
            report: None,
            json: false,
        };
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--seeds" => parsed.seeds = arguments.next()?.parse().ok().filter(|seeds| *seeds > 0)?,
                "--seed" => parsed.seed = arguments.next()?.parse().ok()?,
                "--only" => parsed.only = Some(arguments.next()?),
                "--loss" => parsed.loss_ppm = Some(ppm(&arguments.next()?)?),
                "--algorithm" => parsed.algorithm = Some(algorithm(&arguments.next()?)?),
                "--traces" => parsed.traces = true,
                "--trace" => parsed.trace = Some(arguments.next()?.into()),
                "--report" => parsed.report = Some(arguments.next()?.into()),
                "--json" => parsed.json = true,
                _ => return None,
            }
        }
        let makes_sense = match &parsed.report {
            Some(_) => !parsed.json && !(parsed.trace.is_some() && (parsed.traces || parsed.only.is_some())),
            None => parsed.trace.is_none(),
        };
        makes_sense.then_some(parsed)
    }

    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        self.algorithm.map_or_else(|| BOTH.to_vec(), |algorithm| vec![algorithm])
    }

    /// Returns the command that produces the same report. The command omits paths of folders, because they differ
    /// between machines.
    pub(crate) fn command(&self) -> String {
        let mut command = String::from("cargo xtask paths");
        let mut say = |name: &str, value: String| command.push_str(&format!(" {name} {}", quoted(&value)));
        let name_of = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(only) = &self.only {
            say("--only", only.clone());
        }
        if let Some(trace) = &self.trace {
            say("--trace", name_of(trace));
        }
        say("--seed", self.seed.to_string());
        if let Some(ppm) = self.loss_ppm {
            say(
                "--loss",
                format!("{}.{:04}", ppm / 10_000, ppm % 10_000)
                    .trim_end_matches('0')
                    .trim_end_matches('.')
                    .to_owned(),
            );
        }
        if let Some(algorithm) = self.algorithm {
            say("--algorithm", format!("{algorithm:?}").to_lowercase());
        }
        if let Some(report) = &self.report {
            say("--report", name_of(report));
        }
        if self.traces {
            command.push_str(" --traces");
        }
        command
    }
}

/// Quotes a word for a shell. A word that no shell can pass (with a NUL) is returned unchanged.
fn quoted(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

fn algorithm(name: &str) -> Option<Algorithm> {
    BOTH.into_iter().find(|algorithm| format!("{algorithm:?}").eq_ignore_ascii_case(name))
}

/// Converts a percentage with up to four decimals to parts per million.
fn ppm(percent: &str) -> Option<u32> {
    let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
    let is_number = !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let part: u32 = is_number.then(|| format!("{part:0<4}")).and_then(|part| part.parse().ok())?;
    let whole: u32 = whole.parse().ok().filter(|whole| *whole <= 100)?;
    Some(whole * 10_000 + part).filter(|ppm| *ppm <= 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_command_that_reproduces_a_report_contains_no_local_folder() {
        let arguments =
            parse("--report some/folder/a.html --only 5.1 --loss 2.5 --seed 9 --algorithm cubic").unwrap();
        assert_eq!(
            arguments.command(),
            "cargo xtask paths --only 5.1 --seed 9 --loss 2.5 --algorithm cubic --report a.html"
        );
        let arguments = parse("--report a.html --trace some/folder/some.up").unwrap();
        assert_eq!(arguments.command(), "cargo xtask paths --trace some.up --seed 0 --report a.html");
        assert_eq!(quoted("two flows"), "'two flows'");
    }

    #[test]
    fn percentages_are_parsed_to_exact_parts_per_million() {
        assert_eq!([ppm("5"), ppm("0.25"), ppm("100")], [Some(50_000), Some(2500), Some(1_000_000)]);
        for bad in ["", "x", "101", "1.", "1.00001", "100.1", "-1"] {
            assert_eq!(ppm(bad), None, "{bad}");
        }
    }

    #[test]
    fn invalid_or_contradictory_arguments_of_the_paths_program_are_refused() {
        for bad in [
            "--seeds 0",
            "--loss",
            "--nonsense",
            "--trace x",
            "--report a --json",
            "--report a --trace b --only c",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(parse("").is_some() && parse("--traces --json").is_some());
    }
}
