//! Parses the command line.

use tickwire_sim::swarm::{Run, Scene};

/// The text that explains the command line.
pub(crate) const USAGE: &str = "\
usage: swarm [--seeds N] [--seconds S] [--from SEED] [--worlds] [--json] [--faults FILE] [--trace FILE] [--planted NAME]
  --worlds         replicate worlds in every seed, and not only in odd seeds. With --seeds 1000, the convergence of
                   worlds is checked by 1,000 fault plans
  --faults FILE    faults that take the place of the seed's own, one per line
  --trace FILE     write the text of what happened in the first seed to FILE
  --planted NAME   plant a bug and expect it to be found; `all` for each (needs the feature `planted`)";

/// The options of the command line.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) seeds: u64,
    pub(crate) seconds: u32,
    pub(crate) from: u64,
    pub(crate) worlds: bool,
    pub(crate) json: bool,
    pub(crate) faults: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) planted: Option<String>,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            seeds: 200,
            seconds: 30,
            from: 0,
            worlds: false,
            json: false,
            faults: None,
            trace: None,
            planted: None,
        };
        while let Some(word) = words.next() {
            if let Some(flag) = args.flag(&word) {
                *flag = true;
                continue;
            }
            let value = words
                .next()
                .ok_or_else(|| format!("the value of {word} is missing; give a value after {word}"))?;
            let number = || {
                value.parse::<u64>().map_err(|_| {
                    format!(
                        "{word} {value}: the value is not a whole number; give a whole number of 0 or more"
                    )
                })
            };
            match word.as_str() {
                "--seeds" => args.seeds = number()?,
                "--seconds" => args.seconds = u32::try_from(number()?).map_err(|error| error.to_string())?,
                "--from" => args.from = number()?,
                "--faults" => args.faults = Some(value),
                "--trace" => args.trace = Some(value),
                "--planted" => args.planted = Some(value),
                _ => {
                    return Err(format!(
                        "{word} is not an option; the options are --seeds, --seconds, --from, --faults, --trace, --planted, \
                     --worlds and --json"
                    ));
                }
            }
        }
        Ok(args)
    }

    /// Returns the option that a word without a value sets.
    fn flag(&mut self, word: &str) -> Option<&mut bool> {
        match word {
            "--json" => Some(&mut self.json),
            "--worlds" => Some(&mut self.worlds),
            _ => None,
        }
    }

    /// Returns the settings of the run of a seed.
    pub(crate) const fn run(&self, seed: u64) -> Run<'static> {
        let scene = if self.worlds { Scene::Worlds } else { Scene::Swarm };
        Run { scene, ..Run::new(seed, self.seconds) }
    }
}
