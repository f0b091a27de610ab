//! The results of one seed, and of many seeds.

use core::time::Duration;
use std::collections::BTreeMap;

use tickwire_core::time::Instant;

use super::convergence::Convergence;
use super::plan::Plan;
use super::player::Players;
use crate::checker::Violation;
use crate::fault::KindName;
use crate::world::World;

/// The results of the run with one seed.
#[derive(Clone, Debug)]
pub struct SeedReport {
    /// The seed of the run.
    pub seed: u64,
    /// The violation that ended the run, if there was one.
    pub violation: Option<Violation>,
    /// The virtual time from the start of the run until every player was connected and every message was delivered. The
    /// idle period at the end of the run does not count.
    pub virtual_time: Duration,
    /// The time from the end of all faults until every player was connected and every message was delivered.
    pub settled_after: Duration,
    /// The number of datagrams that the nodes sent.
    pub datagrams: u64,
    /// The number of times that faults of each kind had an effect.
    pub faults: BTreeMap<KindName, u64>,
    /// `true` if the run used real cryptography.
    pub real_crypto: bool,
    /// The number of events that the endpoints reported, by the name of the event.
    pub counts: BTreeMap<&'static str, u64>,
    /// The longest time that a client took to show the server's world after the end of all faults, or after it connected or its
    /// session was resumed later. Zero without a world.
    pub converged_most: Duration,
    /// The largest number of bytes that one endpoint held for its peers.
    pub memory_most: u64,
    /// The hash of every datagram, time and event of the run.
    pub hash: u64,
    /// The text of the trace. Empty unless the settings of the run requested the text.
    pub text: String,
}

impl SeedReport {
    pub(super) fn new(
        plan: &Plan,
        world: &World<Players>,
        convergence: &Convergence,
        (settled_after, violation): (Duration, Option<Violation>),
    ) -> Self {
        let players = world.application();
        let mut counts = BTreeMap::from(players.ledger.figures.by_name());
        counts.insert("clients_converged", convergence.count);
        counts.insert("views_changed", players.views_changed());
        Self {
            seed: plan.seed,
            violation,
            // The calm at the end costs next to nothing, and would flatter the figures.
            virtual_time: plan.playing.min(world.now() - Instant::ZERO) + settled_after,
            settled_after,
            datagrams: world.counters().sent,
            faults: world.fired_by_kind(),
            real_crypto: plan.real_crypto,
            counts,
            converged_most: convergence.most,
            memory_most: players.memory_most,
            hash: world.trace().hash(),
            text: world.trace().text().to_owned(),
        }
    }
}

impl SeedReport {
    /// Creates the report of a run that failed before any other result was known.
    #[must_use]
    pub fn failed(seed: u64, violation: Violation) -> Self {
        Self {
            seed,
            violation: Some(violation),
            virtual_time: Duration::ZERO,
            settled_after: Duration::ZERO,
            datagrams: 0,
            faults: BTreeMap::new(),
            real_crypto: false,
            counts: BTreeMap::new(),
            converged_most: Duration::ZERO,
            memory_most: 0,
            hash: 0,
            text: String::new(),
        }
    }
}

/// The combined results of runs with many seeds.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The number of seeds whose run has ended.
    pub seeds: u64,
    /// The number of seeds whose run had a violation.
    pub violations: u64,
    /// The virtual time of all runs together.
    pub virtual_time: Duration,
    /// The longest time from the end of all faults until every player was connected and every message was delivered,
    /// over all seeds.
    pub settled_most: Duration,
    /// The number of datagrams that the nodes sent, in all runs together.
    pub datagrams: u64,
    /// The number of times that faults of each kind had an effect. Kinds without an effect are listed with 0.
    pub faults: BTreeMap<KindName, u64>,
    /// The number of seeds whose run used real cryptography.
    pub real_crypto_seeds: u64,
    /// The number of events that the endpoints reported in all runs together, by the name of the event.
    pub counts: BTreeMap<&'static str, u64>,
    /// The longest time, over all seeds, that a client took to show the server's world after the end of all faults, or after it
    /// connected or its session was resumed later. Zero without a world.
    pub converged_most: Duration,
    /// The largest number of bytes that one endpoint held for its peers, over all seeds.
    pub memory_most: u64,
}

impl Report {
    /// Creates a report without results.
    #[must_use]
    pub fn new() -> Self {
        Self { faults: KindName::ALL.iter().map(|&kind| (kind, 0)).collect(), ..Self::default() }
    }

    /// Adds the results of one seed.
    pub fn add(&mut self, seed: &SeedReport) {
        self.seeds += 1;
        self.violations += u64::from(seed.violation.is_some());
        self.virtual_time += seed.virtual_time;
        self.settled_most = self.settled_most.max(seed.settled_after);
        self.datagrams += seed.datagrams;
        self.real_crypto_seeds += u64::from(seed.real_crypto);
        self.memory_most = self.memory_most.max(seed.memory_most);
        self.converged_most = self.converged_most.max(seed.converged_most);
        for (kind, count) in &seed.faults {
            *self.faults.entry(*kind).or_default() += count;
        }
        for (name, count) in &seed.counts {
            *self.counts.entry(name).or_default() += count;
        }
    }

    /// Returns the figures with their names. `elapsed` is the real time of the runs on `cores` cores.
    fn figures(&self, elapsed: Duration, cores: usize) -> Vec<(&'static str, u64)> {
        let virtual_ms = self.virtual_time.as_millis() as u64;
        let core_ms = (elapsed.as_millis() as u64).max(1) * cores as u64;
        let mut figures = vec![
            ("seeds", self.seeds),
            ("violations", self.violations),
            ("virtual_seconds", virtual_ms / 1000),
            ("virtual_seconds_per_second_per_core", virtual_ms / core_ms),
            ("datagrams", self.datagrams),
            ("datagrams_per_virtual_second", self.datagrams * 1000 / virtual_ms.max(1)),
            ("real_crypto_seeds", self.real_crypto_seeds),
            ("memory_most", self.memory_most),
            ("settled_ms_most", self.settled_most.as_millis() as u64),
            ("converged_ms_most", self.converged_most.as_millis() as u64),
            ("cores", cores as u64),
        ];
        figures.extend(self.counts.iter().map(|(name, count)| (*name, *count)));
        figures
    }

    /// Returns the report as one JSON object. `elapsed` is the real time that the runs took on `cores` cores.
    #[must_use]
    pub fn to_json(&self, elapsed: Duration, cores: usize) -> String {
        // None of the names needs escaping.
        let join = |entries: &mut dyn Iterator<Item = (&'static str, u64)>| {
            let fields: Vec<String> = entries.map(|(name, count)| format!("\"{name}\":{count}")).collect();
            fields.join(",")
        };
        let figures = join(&mut self.figures(elapsed, cores).into_iter());
        let faults = join(&mut self.faults.iter().map(|(kind, count)| (kind.as_str(), *count)));
        let (seconds, millis) = (elapsed.as_secs(), elapsed.subsec_millis());
        format!("{{{figures},\"faults\":{{{faults}}},\"elapsed_s\":{seconds}.{millis:03}}}")
    }

    /// Returns the report as human-readable text, with one figure per line.
    #[must_use]
    pub fn to_text(&self, elapsed: Duration, cores: usize) -> String {
        let figures = self.figures(elapsed, cores).into_iter();
        let faults = self.faults.iter().map(|(kind, count)| (kind.as_str(), *count));
        let lines: Vec<String> =
            figures.chain(faults).map(|(name, count)| format!("{count:>12} {name}")).collect();
        lines.join("\n")
    }
}
