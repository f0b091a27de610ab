//! The figures of one run. callgrind counts the instructions, and this program counts all other figures.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use tickwire_core_bench::replication::costs::{WORLD_CASES, WorldCase, WorldScene};
use tickwire_core_bench::{
    BASIC, BOTH_WAYS, Bare, CROWDS, Case, Crypto, ENCRYPTED, PLAIN, Scene, Stack, Tickwire, allocations,
};

use crate::instructions;

/// The cost of one case per delivered message; in the cases `worlds`, per component, unit or tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// The number of instructions and an estimate of cycles. `None` if callgrind did not count them.
    pub(crate) counted: Option<(f64, f64)>,
    /// The number of allocations, without those of the benchmark itself.
    pub(crate) allocations: f64,
    /// The number of bytes in datagrams to the client.
    pub(crate) bytes_down: f64,
    /// The number of bytes in datagrams to the server.
    pub(crate) bytes_up: f64,
    /// The number of datagrams in both directions.
    pub(crate) datagrams: f64,
    /// The number of messages delivered, divided by the number of messages sent.
    pub(crate) delivered: f64,
    /// The elapsed time in nanoseconds, which is comparable only within this run.
    pub(crate) nanoseconds: f64,
}

/// The costs of all stacks in all cases.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// The cost of each case, by the name of the stack and the name of the case.
    pub(crate) costs: BTreeMap<String, Cost>,
    /// The heap bytes of a server per connection.
    pub(crate) heap: BTreeMap<&'static str, f64>,
    /// The ratio of the time per message with 100 clients to the time with one client, by the name of the stack and the
    /// name of the case with 100 clients.
    pub(crate) crowding: BTreeMap<String, f64>,
    rounds: usize,
}

impl Figures {
    pub(crate) fn take(summaries: &Path, rounds: usize) -> Result<Self> {
        let mut figures = Self { rounds, ..Self::default() };
        let take = |name: &str, cases: &[Case], crypto: Crypto| (name.to_owned(), cases.to_vec(), crypto);
        let stacks = [
            take("plain", &PLAIN, Crypto::Null),
            take("ring", &ENCRYPTED, Crypto::Ring),
            take("rustcrypto", &BASIC, Crypto::RustCrypto),
        ];
        for (name, cases, crypto) in &stacks {
            for case in cases {
                figures.add(summaries, name, *case, |clients| {
                    Tickwire::with_channels(*crypto, clients, case.channels)
                })?;
            }
        }
        for case in WORLD_CASES {
            figures.add_world(summaries, case)?;
        }
        for case in CROWDS {
            let mut scene = Scene::new(Tickwire::new(Crypto::Ring, case.clients), case);
            scene.measure();
            figures.heap.insert(case.name, scene.into_stack().server_heap());
        }
        figures.crowd("plain", |clients| Tickwire::new(Crypto::Null, clients));
        #[cfg(feature = "peers")]
        figures.crowd_peers();
        for case in BOTH_WAYS {
            figures.add(summaries, "harness", case, Bare::new)?;
            #[cfg(feature = "peers")]
            figures.add_peers_both_ways(summaries, case)?;
        }
        for case in BASIC {
            figures.add(summaries, "harness", case, Bare::new)?;
            #[cfg(feature = "peers")]
            figures.add_peers(summaries, case)?;
        }
        Ok(figures)
    }

    #[cfg(feature = "peers")]
    fn add_peers(&mut self, summaries: &Path, case: Case) -> Result<()> {
        use tickwire_core_bench::peers::{Enet, Quinn, Renet};
        self.add(summaries, "enet", case, Enet::new)?;
        if let Some(loss) = Case::named(&format!("{}.loss", case.name)) {
            self.add(summaries, "enet", loss, Enet::new)?;
        }
        self.add(summaries, "quinn", case, Quinn::new)?;
        self.add(summaries, "renet", case, |clients| Renet::new(clients, false))?;
        self.add(summaries, "renetcode", case, |clients| Renet::new(clients, true))
    }

    #[cfg(feature = "peers")]
    fn add_peers_both_ways(&mut self, summaries: &Path, case: Case) -> Result<()> {
        use tickwire_core_bench::peers::{Enet, Quinn};
        self.add(summaries, "enet", case, Enet::new)?;
        self.add(summaries, "quinn", case, Quinn::new)
    }

    #[cfg(feature = "peers")]
    fn crowd_peers(&mut self) {
        use tickwire_core_bench::peers::{Enet, Quinn, Renet};
        self.crowd("enet", Enet::new);
        self.crowd("quinn", Quinn::new);
        self.crowd("renet", |clients| Renet::new(clients, false));
    }

    /// Measures rounds of one client and of 100 clients alternately, and uses the fastest round of each, because other
    /// processes can only make a round slower. The gates use no times.
    fn crowd<S: Stack>(&mut self, stack: &str, make: impl Fn(usize) -> S) {
        if self.rounds < 2 {
            return;
        }
        for (one, hundred) in [("one", "one.hundred"), ("ten", "ten.hundred")] {
            let (Some(one), Some(hundred)) = (Case::named(one), Case::named(hundred)) else { continue };
            let mut fastest = [f64::MAX; 2];
            for _ in 0..2 * self.rounds {
                for (fastest, case) in fastest.iter_mut().zip([one, hundred]) {
                    let mut scene = Scene::new(make(case.clients), case);
                    let begun = Instant::now();
                    scene.measure();
                    let took = begun.elapsed().as_nanos() as f64;
                    *fastest = fastest.min(took / black_box(scene).tally.delivered as f64);
                }
            }
            self.crowding.insert(format!("{stack}.{}", hundred.name), fastest[1] / fastest[0]);
        }
    }

    /// Adds the cost of a part of replicating a world, per component or unit.
    fn add_world(&mut self, summaries: &Path, case: WorldCase) -> Result<()> {
        let mut times = Vec::new();
        let mut last = None;
        for _ in 0..self.rounds {
            let mut scene = WorldScene::new(case);
            let (before, begun) = (allocations::so_far(), Instant::now());
            let tally = scene.measure();
            last = Some((allocations::so_far() - before, tally));
            times.push(begun.elapsed().as_nanos() as f64);
            drop(black_box(scene));
        }
        let Some((allocated, tally)) = last else { return Ok(()) };
        times.sort_by(f64::total_cmp);
        let per = |total: u64| total as f64 / tally.count as f64;
        let counted = instructions::read(summaries, "worlds", case.name)?;
        let cost = Cost {
            counted: counted.map(|counted| (per(counted.instructions), per(counted.cycles))),
            allocations: per(allocated),
            bytes_down: per(tally.bytes),
            bytes_up: 0.0,
            datagrams: per(tally.datagrams),
            delivered: 1.0,
            nanoseconds: times[self.rounds / 2] / tally.count as f64,
        };
        self.costs.insert(format!("worlds.{}", case.name), cost);
        Ok(())
    }

    pub(crate) fn get(&self, stack: &str, case: &str) -> Option<&Cost> {
        self.costs.get(&format!("{stack}.{case}"))
    }

    /// Returns the number of instructions per message of a case.
    pub(crate) fn instructions(&self, stack: &str, case: &str) -> Option<f64> {
        self.get(stack, case)?.counted.map(|(instructions, _)| instructions)
    }

    pub(crate) fn add<S: Stack>(
        &mut self,
        summaries: &Path,
        stack: &str,
        case: Case,
        make: impl Fn(usize) -> S,
    ) -> Result<()> {
        let mut times = Vec::new();
        let mut last = None;
        for _ in 0..self.rounds {
            let mut scene = Scene::new(make(case.clients), case);
            let (before, begun) = (allocations::so_far(), Instant::now());
            scene.measure();
            times.push(begun.elapsed().as_nanos() as f64);
            last = Some((allocations::so_far() - before, black_box(scene).tally));
        }
        let Some((allocated, tally)) = last else { return Ok(()) };
        times.sort_by(f64::total_cmp);
        let per = |total: u64| total as f64 / tally.delivered as f64;
        let counted = instructions::read(summaries, stack, case.name)?;
        let cost = Cost {
            counted: counted.map(|counted| (per(counted.instructions), per(counted.cycles))),
            allocations: per(allocated),
            bytes_down: per(tally.bytes_down),
            bytes_up: per(tally.bytes_up),
            datagrams: per(tally.datagrams),
            delivered: tally.delivered as f64 / tally.sent as f64,
            nanoseconds: times[self.rounds / 2] / tally.delivered as f64,
        };
        self.costs.insert(format!("{stack}.{}", case.name), cost);
        Ok(())
    }
}
