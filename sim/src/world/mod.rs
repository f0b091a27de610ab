//! A world: N hosts on one virtual clock over one virtual network.

mod faults;
mod node;
mod steps;

#[cfg(test)]
mod tests;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use tickwire_core::address::Ecn;
use tickwire_core::time::Instant;

use crate::agenda::Agenda;
use crate::checker::{Checker, Violation};
use crate::fault::{Fault, KindName, NodeId};
use crate::host::{Application, Context, Host};
use crate::link::Pipe;
use crate::network::{Network, NetworkCounters, Parcel, ParcelId, Topology};
use crate::trace::Trace;
use node::Node;

/// The settings of a simulated world.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The seed of the hosts. [`WorldConfig::new`] sets the seed. Each fault has its own seed.
    pub seed: u64,
    /// The nodes and links of the network. [`WorldConfig::new`] sets them.
    pub topology: Topology,
    /// The faults that occur during the run.
    ///
    /// Default: none.
    pub faults: Vec<Fault>,
    /// `true` if the trace is also written as text.
    ///
    /// Default: no.
    pub text: bool,
}

impl WorldConfig {
    /// Creates the settings of a world without faults, whose trace is not written as text.
    #[must_use]
    pub const fn new(seed: u64, topology: Topology) -> Self {
        Self { seed, topology, faults: Vec::new(), text: false }
    }

    /// Sets the faults that occur during the run, and returns the changed settings.
    #[must_use]
    pub fn faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self
    }

    /// Makes the world write the trace as text too, and returns the changed settings.
    #[must_use]
    pub const fn text(mut self) -> Self {
        self.text = true;
        self
    }
}

/// A simulated world of hosts and a network. The same settings and application give the same run, bit for bit, on
/// every target.
pub struct World<A: Application> {
    seed: u64,
    application: A,
    now: Instant,
    agenda: Agenda<Happening>,
    network: Network,
    nodes: Vec<Node<A::Host>>,
    faults: Vec<Fault>,
    /// Whether each fault is active, by the index of the fault.
    active: Vec<bool>,
    healed: bool,
    checkers: Vec<Box<dyn Checker<EventOf<A>>>>,
    trace: Trace,
    violation: Option<Violation>,
    buffer: Vec<u8>,
    started: bool,
}

type EventOf<A> = <<A as Application>::Host as Host>::Event;

#[derive(Debug)]
enum Happening {
    Arrival(ParcelId),
    Wake(NodeId),
    Tick(NodeId),
    Begin(usize),
    End(usize),
    Rebind(usize),
}

impl<A: Application> World<A> {
    /// Creates a world with a host on each node. The hosts start in order when the world runs for the first time.
    #[must_use]
    pub fn new(config: WorldConfig, mut application: A) -> Self {
        let mut agenda = Agenda::new();
        for (index, fault) in config.faults.iter().enumerate() {
            agenda.plan(fault.from, Happening::Begin(index));
            agenda.plan(fault.until.max(fault.from), Happening::End(index));
        }
        let seed = config.seed;
        let nodes = (0..config.topology.nodes).map(|node| Node::new(node, seed, &mut application)).collect();
        Self {
            seed,
            application,
            now: Instant::ZERO,
            agenda,
            network: Network::new(config.topology, config.faults.len()),
            nodes,
            active: vec![false; config.faults.len()],
            faults: config.faults,
            healed: false,
            checkers: Vec::new(),
            trace: Trace::new(config.text),
            violation: None,
            buffer: vec![0; TRANSMIT_BUFFER],
            started: false,
        }
    }

    /// Adds a checker, which checks its rule at every later datagram and event.
    pub fn check(&mut self, checker: impl Checker<EventOf<A>> + 'static) {
        self.checkers.push(Box::new(checker));
    }

    /// Runs the simulation up to and including the instant `until`.
    ///
    /// # Errors
    /// The first violation that a checker, the application or the world itself reports. The world does not continue
    /// after a violation.
    pub fn run_until(&mut self, until: Instant) -> Result<(), Violation> {
        self.start();
        self.outcome()?;
        while let Some((at, happening)) = self.agenda.next_until(until) {
            self.now = at;
            self.happen(happening);
            self.outcome()?;
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// Runs the simulation for `duration` from the current virtual time on.
    ///
    /// # Errors
    /// The first violation that a checker, the application or the world itself reports.
    pub fn run_for(&mut self, duration: Duration) -> Result<(), Violation> {
        self.run_until(self.now + duration)
    }

    /// Runs the final check of every checker, which reports a promise that is unfulfilled at the end of the run.
    ///
    /// # Errors
    /// The first violation that a checker, the application or the world itself reports.
    pub fn finish(&mut self) -> Result<(), Violation> {
        for index in 0..self.checkers.len() {
            let at = self.now;
            let checker = &mut self.checkers[index];
            let (name, result) = (checker.name(), checker.finish(at));
            self.judge(name, result);
        }
        self.outcome()
    }

    /// Calls `act` with the application and the host of `node`, handles the output of the host, and returns the result
    /// of `act`. If the node is down, paused or unknown, the method does not call `act`, and returns `None`.
    ///
    /// # Errors
    /// The first violation that a checker, the application or the world itself reports.
    pub fn with<R>(
        &mut self,
        node: NodeId,
        act: impl FnOnce(&mut A, &mut Context<'_, A::Host>) -> R,
    ) -> Result<Option<R>, Violation> {
        self.start();
        let result = self.nodes.get(node).is_some_and(Node::is_active).then(|| self.tell(node, act));
        if result.is_some() {
            self.flush(node);
        }
        self.outcome()?;
        Ok(result)
    }

    /// Delivers a datagram to `to` at the virtual time `at`, or now if `at` is in the past. `from` may be any address.
    /// The datagram passes no link, so no fault of a link affects the datagram.
    pub fn inject(&mut self, at: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let bytes = self.network.pool.copy(bytes);
        let parcel = self.network.keep(Parcel { from, to, bytes, ecn: Ecn::NotCapable });
        self.agenda.plan(at.max(self.now), Happening::Arrival(parcel));
    }

    /// Returns the current virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Returns the application of all nodes.
    #[must_use]
    pub const fn application(&self) -> &A {
        &self.application
    }

    /// Returns the host of `node`, even while the node is down or paused. Returns `None` if the node does not exist.
    #[must_use]
    pub fn host(&self, node: NodeId) -> Option<&A::Host> {
        self.nodes.get(node).map(|node| &node.host)
    }

    /// Returns the address under which other nodes see `node`.
    #[must_use]
    pub fn address(&self, node: NodeId) -> SocketAddr {
        self.network.address(node)
    }

    /// Returns the bottleneck with the index `index` in [`Topology::pipes`].
    #[must_use]
    pub fn pipe(&self, index: usize) -> Option<&Pipe> {
        self.network.pipe(index)
    }

    /// Makes all bottlenecks record every datagram that passes from now on.
    pub fn watch_pipes(&mut self) {
        self.network.watch_pipes();
    }

    /// Returns the trace of the run so far.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Returns the counters of the network so far.
    #[must_use]
    pub const fn counters(&self) -> NetworkCounters {
        self.network.counters
    }

    /// Returns the faults of this world, in the order of their indexes.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Returns the number of times that the fault with the index `index` had an effect.
    #[must_use]
    pub fn fired(&self, index: usize) -> u64 {
        self.network.tally.of(index)
    }

    /// Returns the number of times that faults of each kind had an effect. Kinds without an effect are absent.
    #[must_use]
    pub fn fired_by_kind(&self) -> BTreeMap<KindName, u64> {
        let mut counts = BTreeMap::new();
        for (index, fault) in self.faults.iter().enumerate().filter(|(index, _)| self.fired(*index) > 0) {
            *counts.entry(fault.kind.name()).or_default() += self.fired(index);
        }
        counts
    }

    /// Starts the hosts of all nodes. The first run calls this method, so that checkers that were added before it see
    /// all events.
    fn start(&mut self) {
        if core::mem::replace(&mut self.started, true) {
            return;
        }
        for node in 0..self.nodes.len() {
            self.revive(node);
        }
    }

    fn outcome(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }

    fn judge(&mut self, checker: &'static str, result: Result<(), String>) {
        let Err(text) = result else { return };
        if self.violation.is_none() {
            self.trace.note(self.now, format_args!("violation of {checker}: {text}"));
            self.violation = Some(Violation { checker, at: self.now, text });
        }
    }
}

impl<A: Application> core::fmt::Debug for World<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).field("now", &self.now).finish_non_exhaustive()
    }
}

/// The size of the buffer for one call of `poll_transmit`, in bytes.
const TRANSMIT_BUFFER: usize = 65_536;
