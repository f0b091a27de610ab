//! The network thread, which sleeps until the socket, a deadline or the game requires work, and then drives the core.

mod orders;
mod telling;
#[cfg(all(test, unix))]
mod tests;
mod worlds;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use slotmap::SecondaryMap;
use tickwire_core::limits::BASE_DATAGRAM;
use tickwire_core::{
    Address, ChannelId, ConnectionId, ConnectionState, Endpoint, Event, Instant, TimeoutCause, Transmit,
};

use crate::backlog::Outbox;
use crate::coalescing::{Coalescing, UPKEEP_BYTES, may_be_upkeep};
use crate::dial::Dials;
use crate::guard::guarded;
use crate::receive_errors::ReceiveErrors;
use crate::shared::Shared;
use crate::shares::{Held, Share, Shares};
use crate::sleep::Sleeper;
use crate::stats::{ClockReport, NetworkStats};
use crate::udp_socket::{Arrival, Refused, Sent, UdpSocket};
use crate::wall::WallFollower;
use crate::world_tally::WorldTally;

/// The state that the network thread owns.
pub(crate) struct NetworkThread {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    socket: UdpSocket,
    dials: Dials,
    outboxes: SecondaryMap<ConnectionId, Outbox>,
    /// The connections that are closed once the driver has passed all their messages to the core.
    leaving: BTreeSet<ConnectionId>,
    /// The channels that have space again, and whose `SendReady` the game has not received yet.
    with_room: BTreeSet<(ConnectionId, ChannelId)>,
    /// An event that did not fit into the queue to the game.
    held: Option<Event>,
    sleeper: Sleeper,
    /// Wakes this thread when the resolution of a name completes.
    waker: Waker,
    out: Vec<u8>,
    /// The transmit for which the system's send buffer had no space. Its bytes are still in `out`.
    unsent: Option<(Transmit, usize)>,
    may_be_readable: bool,
    may_be_writable: bool,
    end: Option<End>,
    coalescing: Coalescing,
    shares: Shares,
    receive_errors: ReceiveErrors,
    /// The reason why the socket is unusable.
    failure: Option<String>,
    /// The time at which the socket was last found empty. Every datagram received afterwards arrived later.
    emptied_at: Instant,
    counters: NetworkStats,
    tally: WorldTally,
    wall: WallFollower,
    /// The latest clock report that the game received.
    clocks: ClockReport,
}

/// The way in which the thread ends.
enum End {
    /// The thread ends once the connections in `leaving` have closed and their peers have acknowledged the close, but
    /// at the latest at the time `at`.
    Graceful {
        at: Instant,
        leaving: Vec<ConnectionId>,
    },
    AtOnce,
}

impl NetworkThread {
    pub(crate) fn new(
        shared: Arc<Shared>,
        endpoint: Endpoint,
        socket: UdpSocket,
        sleeper: Sleeper,
        dials: Dials,
        coalescing: impl FnOnce(Instant) -> Coalescing,
    ) -> Self {
        let now = shared.facts.clock.now();
        let out = vec![0; socket.transmit_bytes(BASE_DATAGRAM).max(LARGEST_SINGLE)];
        Self {
            shared,
            endpoint,
            socket,
            dials,
            outboxes: SecondaryMap::new(),
            leaving: BTreeSet::new(),
            with_room: BTreeSet::new(),
            held: None,
            waker: Waker::from(Arc::clone(sleeper.alarm())),
            sleeper,
            out,
            unsent: None,
            may_be_readable: true,
            may_be_writable: true,
            end: None,
            coalescing: coalescing(now),
            shares: Shares::default(),
            receive_errors: ReceiveErrors::new(RECEIVE_PATIENCE),
            failure: None,
            emptied_at: now,
            counters: NetworkStats::default(),
            tally: WorldTally::default(),
            wall: WallFollower::new(now),
            clocks: ClockReport::default(),
        }
    }

    /// Runs the network thread until the endpoint is stopped. A panic that no other guard catches ends the endpoint, and
    /// the game gets events that say so.
    pub(crate) fn run(mut self) {
        self.shared.is_served_here();
        if let Err(words) = guarded(|| while self.turn() {}) {
            self.tell_panic(&words);
        }
    }

    /// Runs one turn of the loop, and sleeps until the next turn is due. Returns `false` after the last turn.
    fn turn(&mut self) -> bool {
        let now = self.shared.facts.clock.now();
        // Before anything is judged by it: the host may have slept.
        self.follow_wall(now);
        let mut is_busy = self.carry_out_orders(now);
        is_busy |= self.receive(now);
        self.endpoint.handle_timeout(now);
        let socket = &self.socket;
        let mut context = Context::from_waker(&self.waker);
        self.dials.advance(now, &mut self.endpoint, |to| socket.can_reach(to), &mut context);
        self.tell(now);
        self.say_farewells(now);
        let is_blocked = self.transmit(now);
        self.tell(now);
        self.socket.stamp(self.coalescing.is_quiet(now));
        if self.is_over(now) {
            self.tell_the_rest(now);
            return false;
        }
        if !is_busy {
            self.sleep(now, is_blocked);
        }
        true
    }

    /// Adjusts the endpoint's wall clock to the system's wall clock.
    fn follow_wall(&mut self, now: Instant) {
        if !self.wall.is_due(now) {
            return;
        }
        let Some(system) = self.shared.facts.clock.wall_offset_now() else { return };
        let before = self.endpoint.wall_offset();
        let offset = self.wall.follow(now, before, system);
        // What is out of range is no time; the endpoint goes on by the one that it has.
        if offset == before || self.endpoint.set_wall_offset(now, offset).is_err() {
            return;
        }
        if offset == system && offset.abs_diff(before) > STEP_TOLD_US {
            self.clocks.steps += 1;
            self.clocks.last_step_us = offset.wrapping_sub(before).cast_signed();
            self.shared.report_clocks(self.clocks);
        }
    }

    /// Sleeps until the socket, a command or a deadline requires work.
    fn sleep(&mut self, now: Instant, is_blocked: bool) {
        let deadline = self.deadline(is_blocked);
        // Without a look at the socket there is no telling: who sends all the time must not be deaf.
        self.may_be_readable = true;
        if deadline <= now {
            return;
        }
        if !self.sleeper.lie_down() {
            return;
        }
        self.counters.wakeups += 1;
        let left = deadline.saturating_since(self.shared.facts.clock.now());
        if let Some(most) = self.nap(now, is_blocked) {
            self.counters.naps += 1;
            self.sleeper.nap(left.min(most));
            return;
        }
        if let Some(retry_at) = self.receive_errors.pause_until(now) {
            self.sleeper.nap(left.min(retry_at.saturating_since(now)));
            return;
        }
        let timeout = (deadline != Instant::MAX).then_some(left);
        let woken = self.sleeper.sleep(&self.socket, self.unsent.is_some(), timeout);
        self.may_be_readable = woken.is_readable;
        self.may_be_writable |= woken.is_writable;
    }

    /// Returns the time for which the thread lets datagrams collect, or `None` if the thread reads each datagram
    /// immediately.
    fn nap(&mut self, now: Instant, is_blocked: bool) -> Option<Duration> {
        let most = self.coalescing.nap(now)?;
        let is_idle = !is_blocked
            && self.end.is_none()
            && self.held.is_none()
            && self.dials.is_empty()
            && self.endpoint.half_open() == 0;
        (is_idle && self.socket.tells_when()).then_some(most)
    }

    /// Receives up to [`BATCHES_PER_TURN`] batches. Returns whether the socket may have more datagrams.
    fn receive(&mut self, now: Instant) -> bool {
        self.shares.begin_turn();
        while let Some(held) = self.shares.next_held() {
            let Held { path, ecn, received_at, mut bytes } = held;
            self.endpoint.handle_datagram_received_at(now, received_at, path, ecn, &mut bytes);
        }
        let since = self.emptied_at;
        let dropped = self.endpoint.drops().total();
        let is_busy = self.receive_batches(now, since) || !self.shares.is_empty();
        if self.endpoint.drops().total() > dropped {
            self.coalescing.on_noise(now);
        }
        let tickets = self.endpoint.ticket_counts();
        if tickets != self.clocks.tickets {
            self.clocks.tickets = tickets;
            self.shared.report_clocks(self.clocks);
        }
        is_busy
    }

    /// Receives the batches. `since` is the time at which the socket was last empty, so all received datagrams arrived
    /// after it.
    fn receive_batches(&mut self, now: Instant, since: Instant) -> bool {
        for _ in 0..BATCHES_PER_TURN {
            if !self.may_be_readable || self.receive_errors.pause_until(now).is_some() {
                return false;
            }
            let Self { endpoint, counters, coalescing, shares, .. } = self;
            let clock = &self.shared.facts.clock;
            let before = counters.datagrams_received;
            let received = self.socket.receive(clock, |arrival, datagram| {
                counters.datagrams_received += 1;
                counters.bytes_received += datagram.len() as u64;
                if !may_be_upkeep(datagram) {
                    coalescing.on_activity(now);
                }
                // The system's clock may have been set meanwhile: these bounds hold whatever it shows.
                let received_at = arrival.at.map_or(now, |at| at.max(since).min(now));
                let Arrival { path, ecn, .. } = arrival;
                match shares.judge(path.remote, datagram.len()) {
                    Share::Now => endpoint.handle_datagram_received_at(now, received_at, path, ecn, datagram),
                    Share::Later => shares.hold(Held { path, ecn, received_at, bytes: datagram.to_vec() }),
                    Share::Never => counters.datagrams_over_share += 1,
                }
            });
            match received {
                Ok(filled) => {
                    self.receive_errors.on_success();
                    self.coalescing.on_received(now, self.counters.datagrams_received - before);
                    // A batch that is not full has emptied the socket; what came meanwhile ends the next sleep.
                    self.may_be_readable = filled == quinn_udp::BATCH_SIZE;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.receive_errors.on_success();
                    self.may_be_readable = false;
                }
                Err(error) => self.on_receive_error(now, &error),
            }
            if !self.may_be_readable {
                self.emptied_at = now;
            }
        }
        true
    }

    /// Handles an error of a receive call. Windows reports unauthenticated ICMP errors of earlier datagrams here, which are
    /// only hints. A lasting error of the socket itself stops the endpoint, because it can no longer receive.
    fn on_receive_error(&mut self, now: Instant, error: &io::Error) {
        self.counters.receive_errors += 1;
        self.counters.receive_pauses += u64::from(self.receive_errors.on_error(now, error.kind()));
        if let Some(lasted) = self.receive_errors.fatal_after(now)
            && self.failure.is_none()
        {
            let lasted = lasted.as_secs();
            self.failure = Some(format!(
                "receiving has failed for {lasted} s: {error}; the endpoint has stopped; start a new one"
            ));
            let all: Vec<ConnectionId> = self.endpoint.connections().collect();
            for connection in all {
                self.endpoint.close(now, connection, 0, "");
            }
            self.end = Some(End::AtOnce);
        }
    }

    /// Closes the connections that have no waiting messages left, or whose deadline has passed.
    fn say_farewells(&mut self, now: Instant) {
        self.leaving.retain(|&connection| {
            let Some(outbox) = self.outboxes.get_mut(connection) else { return false };
            outbox.say_farewell(now, &mut self.endpoint, connection);
            outbox.deadline().is_some()
        });
    }

    /// Sends all datagrams that are ready. Returns whether the system's send buffer is full.
    fn transmit(&mut self, now: Instant) -> bool {
        loop {
            if let Some((transmit, offset)) = self.unsent.take() {
                if !self.may_be_writable {
                    self.unsent = Some((transmit, offset));
                    return true;
                }
                match self.socket.send(&transmit, &self.out, offset) {
                    Sent::All { refused: None } => self.on_sent(&transmit),
                    Sent::All { refused: Some(refused) } => self.on_send_refused(now, &transmit, &refused),
                    Sent::Blocked { offset } => {
                        self.unsent = Some((transmit, offset));
                        self.counters.socket_full += 1;
                        self.may_be_writable = false;
                        return true;
                    }
                }
            }
            let Some(transmit) = self.endpoint.poll_transmit(now, &mut self.out) else { return false };
            self.counters.datagrams_sent += transmit.datagrams(&self.out).len() as u64;
            self.counters.bytes_sent += transmit.size as u64;
            if transmit.size > UPKEEP_BYTES {
                self.coalescing.on_activity(now);
            }
            self.unsent = Some((transmit, 0));
        }
    }

    fn on_sent(&mut self, transmit: &Transmit) {
        if let Address::Udp(to) = transmit.path.remote
            && !self.dials.is_empty()
        {
            self.dials.on_sent(to);
        }
    }

    fn on_send_refused(&mut self, now: Instant, transmit: &Transmit, refused: &Refused) {
        self.counters.send_errors += refused.datagrams;
        if let Address::Udp(to) = transmit.path.remote {
            self.dials.on_send_refused(now, &mut self.endpoint, to, &refused.error);
        }
    }

    /// Returns the time at which the thread must wake up without an external event.
    fn deadline(&mut self, is_blocked: bool) -> Instant {
        let (at, cause) = self.endpoint.poll_timeout();
        let is_ignored = match cause {
            TimeoutCause::Transmit => is_blocked,
            TimeoutCause::Event => self.held.is_some(),
            _ => false,
        };
        // An output that waits hides the timers behind it.
        let core = if is_ignored { self.endpoint.next_timer() } else { at };
        let leaving = self.leaving.iter().filter_map(|id| self.outboxes.get(*id)?.deadline()).min();
        let end = match self.end {
            Some(End::Graceful { at, .. }) => at,
            _ => Instant::MAX,
        };
        core.min(self.dials.deadline()).min(leaving.unwrap_or(Instant::MAX)).min(end)
    }

    fn is_over(&mut self, now: Instant) -> bool {
        let endpoint = &self.endpoint;
        match &mut self.end {
            None => false,
            Some(End::AtOnce) => true,
            Some(End::Graceful { at, leaving }) => {
                // A good-bye that was lost on the way is repeated until the peer has heard it.
                leaving.retain(|id| endpoint.state(*id) != ConnectionState::Disconnected);
                now >= *at || leaving.is_empty() && endpoint.connections().next().is_none()
            }
        }
    }
}

impl Drop for NetworkThread {
    /// Wakes all waiting threads, so that no thread waits for a network thread that has ended.
    fn drop(&mut self) {
        // After a panic, a call to the core may panic again.
        let _panicked = guarded(|| self.take_snapshot(self.shared.facts.clock.now()));
        self.shared.commands.close();
        self.shared.worlds.clear();
        self.shared.table().clear();
        self.shared.events.close();
    }
}

/// The number of batches received before commands and timers are handled.
const BATCHES_PER_TURN: usize = 4;
/// The correction of the wall clock, in microseconds, above which it counts as a step and is reported.
const STEP_TOLD_US: u64 = 500_000;
/// The time for which receive calls may fail before the endpoint stops. Connection resets alone may last longer.
const RECEIVE_PATIENCE: Duration = Duration::from_secs(10);
/// The largest transmit that is sent without further datagrams, in bytes.
const LARGEST_SINGLE: usize = 16 << 10;
