//! The actions at one instant: arrivals, timers, ticks, and the datagrams and events of the hosts.

use tickwire_core::address::{Address, Ecn};
use tickwire_core::time::Instant;

use super::node::TIMEOUTS_MOST;
use super::{EventOf, Happening, World};
use crate::checker::Datagram;
use crate::fault::NodeId;
use crate::host::{Application, Context, Host, Outgoing};
use crate::network::{Parcel, ParcelId};
use crate::trace::Entry;

impl<A: Application> World<A> {
    pub(super) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrival(parcel) => self.arrive(parcel),
            Happening::Wake(node) => self.wake(node),
            Happening::Tick(node) => self.tick(node),
            Happening::Begin(index) => self.begin(index),
            Happening::End(index) => self.end(index),
            Happening::Rebind(index) => self.rebind(index),
        }
    }

    fn arrive(&mut self, id: ParcelId) {
        let Some(parcel) = self.network.take(id) else { return };
        let node = self.network.node_at(parcel.to).filter(|&node| !self.nodes[node].is_down());
        let Some(node) = node else {
            self.network.counters.unreachable += 1;
            self.network.pool.give_back(parcel.bytes);
            return;
        };
        if self.nodes[node].is_active() {
            self.receive(node, parcel);
            self.flush(node);
        } else if let Err(parcel) = self.nodes[node].queue(parcel) {
            self.network.counters.overflowed += 1;
            self.network.pool.give_back(parcel.bytes);
        }
    }

    pub(super) fn receive(&mut self, node: NodeId, mut parcel: Parcel) {
        self.network.counters.delivered += 1;
        self.trace.datagram(Entry::Delivered, self.now, parcel.from, parcel.to, &parcel.bytes);
        for index in 0..self.checkers.len() {
            let datagram =
                Datagram { at: self.now, node, local: parcel.to, peer: parcel.from, bytes: &parcel.bytes };
            let checker = &mut self.checkers[index];
            let (name, result) = (checker.name(), checker.delivered(&datagram));
            self.judge(name, result);
        }
        let local = self.nodes[node].clock.local(self.now);
        self.nodes[node].host.handle_datagram(local, parcel.from, parcel.ecn, &mut parcel.bytes);
        self.network.pool.give_back(parcel.bytes);
    }

    fn wake(&mut self, node: NodeId) {
        if self.nodes[node].wake != Some(self.now) {
            return;
        }
        self.nodes[node].wake = None;
        if self.nodes[node].is_active() {
            self.fire_timer(node);
        }
    }

    /// Calls `handle_timeout` if it is due, and plans the next call.
    fn fire_timer(&mut self, node: NodeId) {
        let state = &mut self.nodes[node];
        if state.deadline() > self.now {
            self.plan_wake(node);
            return;
        }
        let local = state.clock.local(self.now);
        if state.counts_as_spin(self.now) {
            let text = format!("node {node} requested {TIMEOUTS_MOST} timeouts at one instant");
            self.judge("spin", Err(text));
            return;
        }
        self.nodes[node].host.handle_timeout(local);
        self.trace.node(Entry::Timeout, self.now, node, |_| {}, format_args!(""));
        self.flush(node);
    }

    pub(super) fn tick(&mut self, node: NodeId) {
        if self.nodes[node].tick != Some(self.now) || !self.nodes[node].is_active() {
            return;
        }
        self.nodes[node].tick = None;
        self.tell(node, A::tick);
        self.flush(node);
    }

    /// Calls the application with the context of a node, and carries out the requests that the application made in this
    /// call.
    pub(super) fn tell<R>(
        &mut self,
        node: NodeId,
        act: impl FnOnce(&mut A, &mut Context<'_, A::Host>) -> R,
    ) -> R {
        let state = &mut self.nodes[node];
        let (mut tick, mut failure) = (None, None);
        let mut context = Context {
            node,
            incarnation: state.incarnation,
            now: state.clock.local(self.now),
            time: self.now,
            host: &mut state.host,
            tick: &mut tick,
            failure: &mut failure,
        };
        let result = act(&mut self.application, &mut context);
        if let Some(at) = tick {
            state.tick = Some(at);
            self.agenda.plan(at, Happening::Tick(node));
        }
        self.judge("application", failure.map_or(Ok(()), Err));
        result
    }

    /// Takes all events and datagrams of a node. Events come first, so that the application can respond before the
    /// datagrams are built.
    pub(super) fn flush(&mut self, node: NodeId) {
        for _ in 0..OUTPUTS_MOST {
            if self.violation.is_some() {
                return;
            }
            if let Some(event) = self.nodes[node].host.poll_event() {
                self.report(node, event);
            } else if !self.transmit(node) {
                self.plan_wake(node);
                return;
            }
        }
        self.judge(
            "spin",
            Err(format!(
                "node {node} does not become idle: it produced {OUTPUTS_MOST} outputs at one instant"
            )),
        );
    }

    fn report(&mut self, node: NodeId, event: EventOf<A>) {
        let digest = |hash: &mut _| A::Host::digest(&event, hash);
        self.trace.node(Entry::Event, self.now, node, digest, format_args!("{event:?}"));
        for index in 0..self.checkers.len() {
            let checker = &mut self.checkers[index];
            let (name, result) = (checker.name(), checker.event(self.now, node, &event));
            self.judge(name, result);
        }
        self.tell(node, |application, context| application.event(context, event));
    }

    fn transmit(&mut self, node: NodeId) -> bool {
        let mut buffer = core::mem::take(&mut self.buffer);
        let state = &mut self.nodes[node];
        let outgoing = state.host.poll_transmit(state.clock.local(self.now), &mut buffer);
        if let Some(Outgoing { to, size, segment_size, ecn }) = outgoing {
            let written = buffer.get(..size).unwrap_or(&buffer);
            for datagram in written.chunks(segment_size.max(1)) {
                self.post(node, to, datagram, ecn);
            }
        }
        self.buffer = buffer;
        outgoing.is_some()
    }

    fn post(&mut self, node: NodeId, to: Address, bytes: &[u8], ecn: Ecn) {
        let Address::Udp(to) = to else {
            self.network.counters.unroutable += 1;
            return;
        };
        let local = self.network.address(node);
        self.trace.datagram(Entry::Sent, self.now, local, to, bytes);
        for index in 0..self.checkers.len() {
            let datagram = Datagram { at: self.now, node, local, peer: to, bytes };
            let checker = &mut self.checkers[index];
            let (name, result) = (checker.name(), checker.sent(&datagram));
            self.judge(name, result);
        }
        let agenda = &mut self.agenda;
        self.network.send(self.now, node, to, (bytes, ecn), |at, parcel| {
            agenda.plan(at, Happening::Arrival(parcel));
        });
    }

    pub(super) fn plan_wake(&mut self, node: NodeId) {
        let state = &mut self.nodes[node];
        let deadline = state.deadline();
        if deadline == Instant::MAX {
            return;
        }
        let at = deadline.max(self.now);
        // A wake that comes too early finds nothing due and plans again: cheaper than taking plans back.
        if state.wake.is_none_or(|wake| at < wake) {
            state.wake = Some(at);
            self.agenda.plan(at, Happening::Wake(node));
        }
    }
}

/// The largest number of events and transmits of a node at one instant. More of them are a violation.
const OUTPUTS_MOST: u32 = 1_000_000;
