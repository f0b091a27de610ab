//! The beginning and the end of faults in a world.

use super::{Happening, World};
use crate::checker::Violation;
use crate::clock::micros;
use crate::fault::{Kind, NodeId};
use crate::host::Application;
use crate::trace::Entry;

impl<A: Application> World<A> {
    /// Ends every fault, and prevents further faults. From then on the network drops only datagrams that exceed the
    /// size limit of a link or the queue of a bottleneck, so a host that makes no progress has a bug. Datagrams that a
    /// clog already holds still arrive when the clog would have ended.
    ///
    /// # Errors
    /// The first violation that a checker, the application or the world itself reports.
    pub fn heal(&mut self) -> Result<(), Violation> {
        self.start();
        self.healed = true;
        for index in 0..self.faults.len() {
            self.end(index);
        }
        self.outcome()
    }

    pub(super) fn begin(&mut self, index: usize) {
        if self.healed {
            return;
        }
        self.active[index] = true;
        self.note_fault(index, true);
        self.network.begin(index, &self.faults[index]);
        match self.faults[index].kind {
            Kind::Rebind { .. } => self.rebind(index),
            Kind::Pause {} => self.strike(index, |world, node| world.nodes[node].pause()),
            Kind::Restart {} => self.strike(index, Self::crash),
            Kind::Skew { ppm } => self.strike(index, |world, node| world.skew(node, ppm)),
            Kind::Jump { micros } => self.strike(index, |world, node| {
                let now = world.now;
                world.nodes[node].clock.jump(now, micros);
                world.clock_changed(node);
            }),
            _ => {}
        }
    }

    pub(super) fn end(&mut self, index: usize) {
        if !core::mem::take(&mut self.active[index]) {
            return;
        }
        self.note_fault(index, false);
        self.network.end(index, &self.faults[index]);
        match self.faults[index].kind {
            Kind::Pause {} => self.release(index, |world, node| {
                world.nodes[node].resume();
                world.revive(node);
            }),
            Kind::Restart {} => self.release(index, |world, node| {
                let (seed, now) = (world.seed, world.now);
                world.nodes[node].boot(node, seed, now, &mut world.application);
                world.revive(node);
            }),
            Kind::Skew { ppm } => self.release(index, |world, node| world.skew(node, -ppm)),
            _ => {}
        }
    }

    /// Gives new addresses to the nodes of a rebind fault, and plans the next rebind if there is one.
    pub(super) fn rebind(&mut self, index: usize) {
        if !self.active[index] {
            return;
        }
        self.strike(index, |world, node| {
            world.network.rebind(node);
            world.trace.note(world.now, format_args!("node {node} is now {}", world.network.address(node)));
        });
        let Kind::Rebind { every } = self.faults[index].kind else { return };
        let next = self.now + every;
        if micros(every) > 0 && next < self.faults[index].until {
            self.agenda.plan(next, Happening::Rebind(index));
        }
    }

    /// Continues a node that has restarted or was paused: it reads its socket buffer, and runs the timers and ticks
    /// that are due.
    pub(super) fn revive(&mut self, node: NodeId) {
        if !self.nodes[node].is_active() {
            return;
        }
        if core::mem::take(&mut self.nodes[node].unannounced) {
            let incarnation = u64::from(self.nodes[node].incarnation);
            self.trace.node(
                Entry::Boot,
                self.now,
                node,
                |hash| hash.word(incarnation),
                format_args!("incarnation {incarnation}"),
            );
            self.tell(node, A::started);
        }
        while let Some(parcel) = self.nodes[node].unqueue() {
            self.receive(node, parcel);
        }
        self.flush(node);
        if self.nodes[node].tick.is_some_and(|tick| tick <= self.now) {
            self.nodes[node].tick = Some(self.now);
            self.tick(node);
        }
    }

    fn crash(&mut self, node: NodeId) {
        let now = self.now;
        self.nodes[node].crash();
        self.checkers.iter_mut().for_each(|checker| checker.crashed(now, node));
    }

    fn skew(&mut self, node: NodeId, ppm: i64) {
        let now = self.now;
        self.nodes[node].clock.change_skew(now, ppm);
        self.clock_changed(node);
    }

    fn clock_changed(&mut self, node: NodeId) {
        if self.nodes[node].is_active() {
            self.plan_wake(node);
        }
    }

    /// Calls `act` for every node that the fault affects, and counts the effects.
    fn strike(&mut self, index: usize, act: impl Fn(&mut Self, NodeId)) {
        for node in 0..self.nodes.len() {
            if self.faults[index].target.strikes_node(node) {
                self.network.tally.fire(index);
                act(self, node);
            }
        }
    }

    fn release(&mut self, index: usize, act: impl Fn(&mut Self, NodeId)) {
        for node in 0..self.nodes.len() {
            if self.faults[index].target.strikes_node(node) {
                act(self, node);
            }
        }
    }

    fn note_fault(&mut self, index: usize, begins: bool) {
        let verb = if begins { "begins" } else { "ends" };
        let line = format_args!("{verb}: {}", self.faults[index]);
        // Which faults there are is a cause and not an effect: the hash is of what came of them.
        self.trace.note(self.now, line);
    }
}
