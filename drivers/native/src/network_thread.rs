//! The network thread: sleeps until the socket, a deadline or the game wants something, and carries out the core's
//! contract.

mod orders;
mod telling;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use slotmap::SecondaryMap;
use tickwire_core::limits::BASE_DATAGRAM;
use tickwire_core::{
    ChannelId, ConnectionId, ConnectionState, Endpoint, Event, Instant, TimeoutCause, Transmit,
};

use crate::backlog::Outbox;
use crate::bandwidth::Bucket;
use crate::dial::Dials;
use crate::shared::Shared;
use crate::sleep::Sleeper;
use crate::stats::NetworkStats;
use crate::udp_socket::{Sent, UdpSocket};

/// Everything that the network thread owns.
pub(crate) struct NetworkThread {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    socket: UdpSocket,
    dials: Dials,
    outboxes: SecondaryMap<ConnectionId, Outbox>,
    /// Connections whose outboxes have to be fed.
    limited: BTreeSet<ConnectionId>,
    /// The limit on everything together.
    total: Option<Bucket>,
    /// Channels that have room again, which the game does not know yet.
    with_room: BTreeSet<(ConnectionId, ChannelId)>,
    /// An event that found no room in the queue to the game.
    held: Option<Event>,
    sleeper: Sleeper,
    /// Wakes this thread when a name is resolved.
    waker: Waker,
    out: Vec<u8>,
    /// What the system had no room for: written to `out` already.
    unsent: Option<(Transmit, usize)>,
    may_be_readable: bool,
    may_be_writable: bool,
    end: Option<End>,
    counters: NetworkStats,
}

/// How the thread ends.
enum End {
    /// When these connections have said good-bye, and their peers have heard it; at this time at the latest.
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
        connect_timeout: Duration,
    ) -> Self {
        let out = vec![0; socket.transmit_bytes(BASE_DATAGRAM).max(LARGEST_SINGLE)];
        Self {
            shared,
            endpoint,
            socket,
            dials: Dials::new(connect_timeout),
            outboxes: SecondaryMap::new(),
            limited: BTreeSet::new(),
            with_room: BTreeSet::new(),
            total: None,
            held: None,
            waker: Waker::from(Arc::clone(sleeper.alarm())),
            sleeper,
            out,
            unsent: None,
            may_be_readable: true,
            may_be_writable: true,
            end: None,
            counters: NetworkStats::default(),
        }
    }

    /// Runs until it is told to stop.
    pub(crate) fn run(mut self) {
        self.shared.is_served_here();
        loop {
            let now = self.shared.facts.clock.now();
            let mut is_busy = self.carry_out_orders(now);
            is_busy |= self.receive(now);
            self.endpoint.handle_timeout(now);
            let socket = &self.socket;
            let mut context = Context::from_waker(&self.waker);
            self.dials.advance(now, &mut self.endpoint, |to| socket.can_reach(to), &mut context);
            self.tell(now);
            self.feed(now);
            let is_blocked = self.transmit(now);
            self.tell(now);
            if self.is_over(now) {
                self.tell_the_rest(now);
                return;
            }
            if !is_busy {
                self.sleep(now, is_blocked);
            }
        }
    }

    /// Sleeps until there is something to do.
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
        let timeout =
            (deadline != Instant::MAX).then(|| deadline.saturating_since(self.shared.facts.clock.now()));
        let woken = self.sleeper.sleep(&self.socket, self.unsent.is_some(), timeout);
        self.may_be_readable = woken.is_readable;
        self.may_be_writable |= woken.is_writable;
        self.counters.wakeups += 1;
    }

    /// Receives up to [`BATCHES_PER_TURN`]. Says whether there may be more.
    fn receive(&mut self, now: Instant) -> bool {
        for _ in 0..BATCHES_PER_TURN {
            if !self.may_be_readable {
                return false;
            }
            let (endpoint, counters) = (&mut self.endpoint, &mut self.counters);
            let received = self.socket.receive(|path, ecn, datagram| {
                counters.datagrams_received += 1;
                counters.bytes_received += datagram.len() as u64;
                endpoint.handle_datagram(now, path, ecn, datagram);
            });
            match received {
                // A batch that is not full has emptied the socket; what came meanwhile ends the next sleep.
                Ok(filled) => self.may_be_readable = filled == quinn_udp::BATCH_SIZE,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.may_be_readable = false,
                // Windows reports ICMP errors of earlier datagrams here. They are hints, and not authentic.
                Err(_) => self.counters.receive_errors += 1,
            }
        }
        true
    }

    /// Hands over what connections with limits may send now.
    fn feed(&mut self, now: Instant) {
        let mut ready = Vec::new();
        self.limited.retain(|&connection| {
            let Some(outbox) = self.outboxes.get_mut(connection) else { return false };
            outbox.feed(now, &mut self.endpoint, connection, |channel| ready.push((connection, channel)));
            self.counters.messages_given_up += outbox.take_given_up();
            outbox.is_limited()
        });
        self.with_room.extend(ready);
    }

    /// Sends what there is to send. Says whether something keeps it from it: the system's buffer, or the limit.
    fn transmit(&mut self, now: Instant) -> bool {
        loop {
            if let Some((transmit, offset)) = self.unsent.take() {
                if !self.may_be_writable {
                    self.unsent = Some((transmit, offset));
                    return true;
                }
                match self.socket.send(&transmit, &self.out, offset) {
                    Sent::All { errors } => self.counters.send_errors += errors,
                    Sent::Blocked { offset } => {
                        self.unsent = Some((transmit, offset));
                        self.counters.socket_full += 1;
                        self.may_be_writable = false;
                        return true;
                    }
                }
            }
            let mut room = self.out.len();
            if let Some(total) = &mut self.total {
                if !total.has_credit(now) {
                    return true;
                }
                // Overdrawn by less than a datagram.
                room = usize::try_from(total.credit()).unwrap_or(0).clamp(BASE_DATAGRAM, room);
            }
            let out = self.out.get_mut(..room).unwrap_or_default();
            let Some(transmit) = self.endpoint.poll_transmit(now, out) else { return false };
            self.counters.datagrams_sent += transmit.datagrams(&self.out).len() as u64;
            self.counters.bytes_sent += transmit.size as u64;
            if let Some(total) = &mut self.total {
                total.spend(transmit.size as u64);
            }
            self.unsent = Some((transmit, 0));
        }
    }

    /// When to wake up by itself.
    fn deadline(&mut self, is_blocked: bool) -> Instant {
        let (at, cause) = self.endpoint.poll_timeout();
        let is_ignored = match cause {
            TimeoutCause::Transmit => is_blocked,
            TimeoutCause::Event => self.held.is_some(),
            _ => false,
        };
        // An output that waits hides the timers behind it.
        let core = if is_ignored { self.endpoint.next_timer() } else { at };
        let total = match &self.total {
            Some(total) if is_blocked && self.unsent.is_none() => total.ready_at(),
            _ => Instant::MAX,
        };
        let limited = self.limited.iter().filter_map(|id| self.outboxes.get(*id)).map(Outbox::deadline).min();
        let end = match self.end {
            Some(End::Graceful { at, .. }) => at,
            _ => Instant::MAX,
        };
        core.min(self.dials.deadline()).min(total).min(limited.unwrap_or(Instant::MAX)).min(end)
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
    /// However the thread ends, nobody waits for it any more.
    fn drop(&mut self) {
        self.take_snapshot(self.shared.facts.clock.now());
        *self.shared.table_mut() = Default::default();
        self.shared.commands.close();
        self.shared.events.close();
    }
}

/// Batches received before commands and timers get their turn.
const BATCHES_PER_TURN: usize = 4;
/// The largest datagram that is sent alone.
const LARGEST_SINGLE: usize = 16 << 10;
