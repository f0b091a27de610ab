//! `platforms`: compares the trace hashes of simulated runs between platforms, and reports the first seed that differs.

mod hashes;
mod target;
mod verdict;

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, bail};

use hashes::{Hashes, Played};
pub(crate) use target::Target;
use verdict::{PlatformRow, Verdict};

/// Compare hashes of everything that simulated runs did between this machine and wasm32, aarch64, s390x and Windows
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Number of seeds to play
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Seconds of virtual time per seed
    #[arg(long, value_name = "S", default_value_t = SECONDS)]
    seconds: u32,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// Compare only this target; may be given several times
    #[arg(long, value_enum, value_name = "TARGET")]
    only: Vec<Target>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

const SECONDS: u32 = 10;

/// The targets that CI compares, each with the number of seeds for which CI has time.
pub(crate) const HELD: [(Target, u64); 2] = [(Target::Wasm32, 100), (Target::S390x, 20)];

pub(crate) fn run(args: &Args) -> Result<()> {
    let targets = if args.only.is_empty() { Target::ALL.to_vec() } else { args.only.clone() };
    let targets: BTreeSet<Target> = targets.into_iter().collect();
    let wanted: Vec<(Target, u64)> = targets.into_iter().map(|target| (target, args.seeds)).collect();
    let rows = compare(args.from, args.seconds, &wanted)?;
    if args.json {
        println!("{}", verdict::json(args.from, args.seconds, &rows));
    } else {
        print!("{}", verdict::table(&rows));
    }
    judge(args.seconds, &rows)
}

/// Runs the comparison as CI does.
pub(crate) fn hold() -> Result<()> {
    let rows = compare(0, SECONDS, &HELD)?;
    print!("{}", verdict::table(&rows));
    judge(SECONDS, &rows)
}

/// Plays the seeds on this machine once, and then the given number of seeds on each target.
fn compare(from: u64, seconds: u32, wanted: &[(Target, u64)]) -> Result<Vec<PlatformRow>> {
    let seeds = wanted.iter().map(|(_, seeds)| *seeds).max().unwrap_or(0);
    eprintln!("simulating {seeds} seeds for {seconds} s of virtual time each on this machine");
    let begun = Instant::now();
    let native = hashes::native()?.play(from, seeds, seconds)?;
    let mut rows = vec![PlatformRow::here(seeds, begun.elapsed())];
    for &(target, seeds) in wanted {
        eprintln!("simulating {seeds} seeds for {seconds} s of virtual time each on {target}");
        let begun = Instant::now();
        let verdict = match target.player().and_then(|player| player.play(from, seeds, seconds)) {
            Ok(played) => first_difference(&native, &played),
            Err(error) => Verdict::CannotRun(format!("{error:#}")),
        };
        rows.push(PlatformRow::of(target, seeds, verdict, begun.elapsed()));
    }
    Ok(rows)
}

fn first_difference(native: &Hashes, played: &Hashes) -> Verdict {
    let differs = |(seed, hash): (&u64, &Played)| native.get(seed) != Some(hash);
    let first = played.iter().find(|entry| differs(*entry));
    first.map_or(Verdict::Equal, |(&seed, _)| Verdict::Differs { seed })
}

/// Returns an error that names the first differing seed of each target, with the command that plays the seed again.
fn judge(seconds: u32, rows: &[PlatformRow]) -> Result<()> {
    let complaints: Vec<String> = rows.iter().filter_map(|row| row.complaint(seconds)).collect();
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("{}", complaints.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Hashes, PlatformRow, Target, Verdict, first_difference, judge};

    fn hashes(pairs: &[(u64, &str)]) -> Hashes {
        pairs.iter().map(|&(seed, hash)| (seed, hash.to_owned())).collect()
    }

    #[test]
    fn the_comparison_of_two_platforms_names_the_first_seed_with_different_hashes() {
        let native = hashes(&[(0, "aa"), (1, "bb"), (2, "cc")]);
        assert_eq!(first_difference(&native, &hashes(&[(0, "aa"), (1, "bb")])), Verdict::Equal);
        let other = hashes(&[(0, "aa"), (1, "bc"), (2, "cd")]);
        assert_eq!(first_difference(&native, &other), Verdict::Differs { seed: 1 });
        assert_eq!(first_difference(&native, &hashes(&[(7, "aa")])), Verdict::Differs { seed: 7 });
    }

    #[test]
    fn the_report_of_a_different_hash_names_the_target_the_seed_and_the_replay_command() {
        let row = |target, verdict| PlatformRow::of(target, 100, verdict, Duration::from_secs(1));
        assert!(judge(10, &[row(Target::Wasm32, Verdict::Equal)]).is_ok());
        let rows = [row(Target::Wasm32, Verdict::Equal), row(Target::S390x, Verdict::Differs { seed: 17 })];
        let error = judge(10, &rows).unwrap_err().to_string();
        assert!(error.contains("s390x") && error.contains("seed 17") && !error.contains("wasm32"), "{error}");
        let again = "cargo xtask platforms --only s390x --from 17 --seeds 1 --seconds 10";
        assert!(error.contains(again), "{error}");
        let error = judge(10, &[row(Target::Windows, Verdict::CannotRun("no wine".into()))]).unwrap_err();
        assert!(error.to_string().contains("windows: no wine"), "{error}");
    }
}
