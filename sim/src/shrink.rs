//! Delta debugging: reduces a list that makes a run fail to the few entries that matter (Zeller and Hildebrandt,
//! "Simplifying and isolating failure-inducing input", 2002).

use tickwire_core::time::Instant;

use crate::fault::Fault;

/// The result of shrinking a list of faults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shrunk {
    /// The remaining faults, with which the run still fails.
    pub faults: Vec<Fault>,
    /// The number of runs that shrinking took.
    pub runs: u32,
    /// `true` if the removal of any single remaining fault makes the run succeed. `false` if this is not established,
    /// because the limit of runs was reached.
    pub minimal: bool,
}

/// The progress of shrinking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The number of remaining faults.
    pub faults: usize,
    /// The number of runs so far.
    pub runs: u32,
}

/// Shrinks a list of faults for which `fails` returns `true`, with at most `runs_most` runs. The function first
/// removes faults, and then shortens the remaining faults. It calls `progress` after each run.
pub fn shrink(
    faults: &[Fault],
    runs_most: u32,
    fails: impl FnMut(&[Fault]) -> bool,
    progress: impl FnMut(Progress),
) -> Shrunk {
    let mut shrinker = Shrinker { best: faults.to_vec(), runs: 0, runs_most, fails, progress };
    let minimal = shrinker.fewer();
    shrinker.shorter();
    Shrunk { faults: shrinker.best, runs: shrinker.runs, minimal }
}

struct Shrinker<F, P> {
    best: Vec<Fault>,
    runs: u32,
    runs_most: u32,
    fails: F,
    progress: P,
}

impl<F: FnMut(&[Fault]) -> bool, P: FnMut(Progress)> Shrinker<F, P> {
    /// Replaces the faults with `candidate` if the run still fails with it, and returns whether it does. Returns `None`
    /// if no runs are left.
    fn attempt(&mut self, candidate: Vec<Fault>) -> Option<bool> {
        if self.runs == self.runs_most {
            return None;
        }
        self.runs += 1;
        let fails = (self.fails)(&candidate);
        if fails {
            self.best = candidate;
        }
        (self.progress)(Progress { faults: self.best.len(), runs: self.runs });
        Some(fails)
    }

    /// Tries to remove smaller and smaller chunks of faults. Returns whether all sizes were tried before the runs were
    /// used up.
    fn fewer(&mut self) -> bool {
        let mut chunk = self.best.len();
        while chunk > 0 && !self.best.is_empty() {
            let Some(removed) = self.without_chunks_of(chunk) else { return false };
            // After a removal, what could not go before may go now.
            if chunk > 1 {
                chunk = chunk.div_ceil(2);
            } else if !removed {
                return true;
            }
        }
        true
    }

    /// Tries to remove each chunk. Returns whether a chunk was removed, or `None` if no runs are left.
    fn without_chunks_of(&mut self, chunk: usize) -> Option<bool> {
        let (mut start, mut removed) = (0, false);
        while start < self.best.len() {
            let end = (start + chunk).min(self.best.len());
            let candidate = [&self.best[..start], &self.best[end..]].concat();
            if self.attempt(candidate)? {
                removed = true;
            } else {
                start = end;
            }
        }
        Some(removed)
    }

    /// Tries to halve the duration of each fault from either side, as long as the run still fails.
    fn shorter(&mut self) -> Option<()> {
        for index in 0..self.best.len() {
            while self.halve(index)? {}
        }
        Some(())
    }

    fn halve(&mut self, index: usize) -> Option<bool> {
        let Fault { from, until, .. } = self.best[index];
        let half = (until - from) / 2;
        if half < SHORTEST {
            return Some(false);
        }
        let middle: Instant = from + half;
        for (from, until) in [(from, middle), (middle, until)] {
            let mut candidate = self.best.clone();
            candidate[index] = Fault { from, until, ..candidate[index].clone() };
            if self.attempt(candidate)? {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// The shortest duration to which a fault is shortened.
const SHORTEST: core::time::Duration = core::time::Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Profile, draw};
    use core::time::Duration;

    fn faults(least: usize) -> Vec<Fault> {
        let mut profile = Profile::new(5, 4, Duration::from_secs(10));
        profile.enabled_ppm = 900_000;
        (0..).map(|seed| draw(seed, &profile)).find(|faults| faults.len() >= least).unwrap()
    }

    #[test]
    fn shrinking_finds_a_planted_pair_of_faults_at_any_position() {
        let faults = faults(40);
        for (one, other) in [(0, 1), (3, 37), (11, 12), (20, 39), (0, 39)] {
            let pair = [faults[one].seed, faults[other].seed];
            let fails = |list: &[Fault]| pair.iter().all(|&seed| list.iter().any(|fault| fault.seed == seed));
            let shrunk = shrink(&faults, 1000, fails, |_| {});
            let left: Vec<u64> = shrunk.faults.iter().map(|fault| fault.seed).collect();
            assert_eq!(left, pair);
            assert!(shrunk.minimal);
        }
    }

    #[test]
    fn shrinking_forty_faults_to_a_pair_takes_fewer_than_116_runs() {
        let faults = faults(40);
        let pair = [faults[3].seed, faults[37].seed];
        let mut runs = 0;
        let fails = |list: &[Fault]| pair.iter().all(|&seed| list.iter().any(|fault| fault.seed == seed));
        let shrunk = shrink(&faults, 1000, fails, |progress| runs = progress.runs);
        assert_eq!(runs, shrunk.runs);
        let fewer = 60 + 2 * 2 * 14;
        assert!(shrunk.runs < fewer, "{}", shrunk.runs);
    }

    #[test]
    fn a_fault_is_shortened_to_the_time_at_which_it_makes_the_run_fail() {
        let faults = faults(10)[..1].to_vec();
        let from = faults[0].from;
        let moment = from + (faults[0].until - from) / 3;
        let fails = |list: &[Fault]| list.iter().any(|fault| fault.from <= moment && moment < fault.until);
        let shrunk = shrink(&faults, 1000, fails, |_| {});
        assert!(fails(&shrunk.faults));
        assert!(shrunk.faults[0].until - shrunk.faults[0].from < SHORTEST * 2);
    }

    #[test]
    fn a_fault_that_is_removable_only_after_the_removal_of_a_second_fault_is_removed() {
        let faults = faults(4)[..4].to_vec();
        let has = |list: &[Fault], index: usize| list.iter().any(|fault| fault.seed == faults[index].seed);
        let fails = |list: &[Fault]| has(list, 0) && has(list, 3) && (has(list, 1) || !has(list, 2));
        let shrunk = shrink(&faults, 1000, fails, |_| {});
        assert_eq!(shrunk.faults.len(), 2);
    }

    #[test]
    fn a_failure_that_needs_no_fault_shrinks_to_an_empty_fault_list() {
        let shrunk = shrink(&faults(20), 1000, |_| true, |_| {});
        assert_eq!((shrunk.faults.len(), shrunk.minimal), (0, true));
    }

    #[test]
    fn shrinking_stops_at_its_limit_of_runs_with_a_fault_list_that_still_fails() {
        let faults = faults(40);
        let last = faults[39].seed;
        let mut runs = 0;
        let shrunk = shrink(
            &faults,
            5,
            |list| {
                runs += 1;
                list.iter().any(|fault| fault.seed == last)
            },
            |_| {},
        );
        assert!(shrunk.faults.iter().any(|fault| fault.seed == last));
        assert!(!shrunk.minimal);
        assert_eq!((runs, shrunk.runs), (5, 5));
    }
}
