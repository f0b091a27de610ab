//! The trace hashes of simulated runs, read from the output of the program that plays the runs.

use std::collections::BTreeMap;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};

use crate::command::Command;

/// The cargo command that plays seeds. The target and the seeds are appended.
pub(super) const TRACE_HASH: &str = "run --quiet --release --locked -p tickwire-sim --bin trace-hash";

/// A hash of 64 bits, in hexadecimal digits.
pub(super) type Played = String;

/// The hash of each seed.
pub(super) type Hashes = BTreeMap<u64, Played>;

/// The largest number of processes that play at once.
const PROCESSES_MOST: usize = 2;

/// A command that prints one line `seed hash` per seed.
pub(super) struct Player {
    command: Command,
    takes_flags: bool,
}

/// Returns the command for this machine.
pub(super) fn native() -> Result<Player> {
    Player::program(Command::cargo(TRACE_HASH))
}

impl Player {
    /// Creates a player from a cargo command. The function plays no seeds, to build the program and to check that it
    /// runs.
    pub(super) fn program(cargo: Command) -> Result<Self> {
        let player = Self { command: cargo.arg("--"), takes_flags: true };
        player.part(0, 0, 1).output()?;
        Ok(player)
    }

    /// Creates a player from a script, which takes three numbers.
    pub(super) const fn script(command: Command) -> Self {
        Self { command, takes_flags: false }
    }

    fn part(&self, from: u64, seeds: u64, seconds: u32) -> Command {
        let named = [("--from", from), ("--seeds", seeds), ("--seconds", seconds.into())];
        named.iter().fold(self.command.clone(), |command, (name, value)| {
            if self.takes_flags { command.arg(name) } else { command }.arg(value)
        })
    }

    /// Plays `seeds` seeds, beginning with `from`, and returns their hashes.
    pub(super) fn play(&self, from: u64, seeds: u64, seconds: u32) -> Result<Hashes> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let parts = split(from, seeds, cores.min(PROCESSES_MOST) as u64);
        let outputs = thread::scope(|scope| {
            let play = |(from, seeds)| {
                let command = self.part(from, seeds, seconds);
                scope.spawn(move || command.output())
            };
            let running: Vec<_> = parts.into_iter().map(play).collect();
            let finish = |thread: thread::ScopedJoinHandle<'_, Result<String>>| {
                thread.join().map_err(|_| anyhow!("a thread that simulates seeds panicked"))?
            };
            running.into_iter().map(finish).collect::<Result<Vec<String>>>()
        })?;
        let lines = outputs.iter().flat_map(|output| output.lines());
        let hashes: Hashes = lines.map(parse).collect::<Result<_>>()?;
        let expected = (from..).take(usize::try_from(seeds)?);
        ensure!(
            hashes.keys().copied().eq(expected),
            "expected the hashes of {seeds} seeds from {from} on, but got the hashes of {:?}",
            hashes.keys()
        );
        Ok(hashes)
    }
}

/// Splits a range of seeds into `parts` parts of nearly equal size. Each part has its first seed and its number of
/// seeds.
fn split(from: u64, seeds: u64, parts: u64) -> Vec<(u64, u64)> {
    let parts = parts.min(seeds).max(1);
    let begin = |part: u64| seeds * part / parts;
    (0..parts).map(|part| (from + begin(part), begin(part + 1) - begin(part))).collect()
}

fn parse(line: &str) -> Result<(u64, Played)> {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let pair = line.split_once(' ').and_then(|(seed, hash)| Some((seed.parse::<u64>().ok()?, hash)));
    let pair = pair.filter(|(_, hash)| hash.len() == 16 && hash.chars().all(is_digit));
    let (seed, hash) = pair.with_context(|| {
        format!("expected a decimal seed, a space and 16 lowercase hexadecimal digits, got {line:?}")
    })?;
    Ok((seed, hash.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Command, Player, parse, split};

    #[test]
    fn a_hash_line_consists_of_a_seed_and_sixteen_hexadecimal_digits() {
        assert_eq!(parse("17 00ff00ff00ff00ff").unwrap(), (17, "00ff00ff00ff00ff".into()));
        for bad in ["", "17", "17 ff", "x 00ff00ff00ff00ff", "17 00FF00FF00FF00FF", "17 00ff00ff00ff00ff 1"] {
            assert!(parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn the_parts_of_a_seed_range_are_contiguous_and_cover_the_range() {
        assert_eq!(split(5, 7, 2), [(5, 3), (8, 4)]);
        assert_eq!(split(5, 1, 2), [(5, 1)]);
        assert_eq!(split(5, 0, 2), [(5, 0)]);
        assert_eq!(split(0, 100, 2), [(0, 50), (50, 50)]);
    }

    #[test]
    #[cfg(unix)]
    fn a_seed_without_a_hash_is_an_error() {
        let script = r#"for seed in $(seq $1 $(($1 + $2 - 1))); do echo "$seed 00000000000000$3"; done"#;
        let shell =
            |script: &str| Player::script(Command::new("sh", ["-c"]).arg(script).arg("sh")).play(3, 5, 10);
        let hashes = shell(script).unwrap();
        assert_eq!(hashes.keys().copied().collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
        assert_eq!(hashes[&3], "0000000000000010");
        assert!(shell(&script.replace("- 1", "- 2")).is_err());
        assert!(shell("echo nonsense").is_err());
    }
}
