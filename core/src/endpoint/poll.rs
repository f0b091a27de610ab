//! The outputs of an endpoint: datagrams, events, and the time of the next call.

use super::Endpoint;
use crate::address::{Ecn, Path};
use crate::connection::{Connection, TimeoutCause, Written};
use crate::event::{ConnectionId, Event};
use crate::limits;
use crate::time::Instant;

/// Datagrams that `poll_transmit` wrote to the caller's buffer, all for one path. Each datagram has `segment_size`
/// bytes, except that the final datagram may be shorter. A driver with segmentation offload passes all of them to the
/// system in one call.
///
/// Over UDP no datagram has more than 1200 bytes, unless [`crate::Config::dont_fragment`] states that the driver's
/// sockets forbid fragments. The endpoint then sends larger datagrams on paths that carry them, and probes for larger
/// sizes, which the system must not fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// The destination address of the datagrams, and the local address from which to send them.
    pub path: Path,
    /// The ECN bits to set in the IP header.
    pub ecn: Ecn,
    /// The total size of all datagrams in the buffer, in bytes.
    pub size: usize,
    /// The size of each datagram except the final one, in bytes.
    pub segment_size: usize,
}

impl Transmit {
    /// Returns the datagrams, cut from the buffer that `poll_transmit` wrote to.
    pub fn datagrams<'b>(&self, buffer: &'b [u8]) -> core::slice::Chunks<'b, u8> {
        buffer.get(..self.size).unwrap_or_default().chunks(self.segment_size.max(1))
    }
}

impl Endpoint {
    /// Writes the next datagrams to `buffer`, which must hold at least [`limits::MIN_TRANSMIT_BUFFER`] bytes. A larger
    /// buffer may receive several datagrams. Returns `None` if no datagram is due now, or the buffer is too small. The call
    /// also returns `None` after [`limits::CONNECTIONS_PER_POLL`] connections without output. [`Endpoint::poll_timeout`]
    /// then requests another call at once.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let now = self.advance(now);
        self.is_transmitting = true;
        if buffer.len() < limits::MIN_TRANSMIT_BUFFER {
            return None;
        }
        // An endpoint that is polled usually has nothing left to send.
        if self.ready.is_empty() && self.unsettled.is_empty() && self.replies.is_empty() {
            return None;
        }
        self.write_datagrams(now, buffer)
    }

    fn write_datagrams(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        if !self.throttle.is_open(now) {
            self.settle();
            return None;
        }
        if !self.replies.is_empty() {
            let has_candidates = !self.ready.is_empty() || !self.unsettled.is_empty();
            let waits = has_candidates && self.throttle.prefers_connections();
            if !waits && let Some(reply) = self.write_reply(now, buffer) {
                return Some(reply);
            }
        }
        // Each connection gets one turn, so that the call ends whatever a connection thinks it has to say. What has nothing
        // to say after all (its message grew stale, its link is full) is passed over, but not all at once.
        if !self.ready.is_empty() {
            self.settle();
        }
        let candidates = self.ready.len() + self.unsettled.len();
        for _ in 0..candidates.min(limits::CONNECTIONS_PER_POLL) {
            let Some(connection) = self.next_candidate() else { break };
            let Some(member) = self.connections.member_mut(connection) else { continue };
            let state = &mut member.connection;
            // Only links have credit; what runs over none need not be asked where it goes.
            let blocked = member.links != [None; 2]
                && state.target(now).is_some_and(|address| !self.links.has_credit(address));
            if blocked || state.is_special() && !state.would_send(now) {
                self.refresh(connection);
                continue;
            }
            if !state.is_special()
                && let Some(outlook) = state.look_unless_it_sends(now)
            {
                self.apply(connection, &outlook);
                continue;
            }
            let (links, throttle) = (&mut self.links, &mut self.throttle);
            let written = state.turn(
                now,
                buffer,
                &mut self.rng,
                &self.settings,
                self.worlds.table.as_mut(),
                |path, bytes| {
                    links.spend(path.remote, bytes as u64);
                    throttle.on_sent(now, bytes);
                    throttle.is_open(now) && links.has_credit(path.remote)
                },
            );
            self.refresh(connection);
            if let Some(Written { path, ecn, size, segment_size }) = written {
                return Some(Transmit { path, ecn, size, segment_size });
            }
        }
        if self.replies.is_empty() { None } else { self.write_reply(now, buffer) }
    }

    /// Writes the oldest stateless reply that may be sent.
    fn write_reply(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let (path, size) = self.replies.write(&mut self.links, buffer)?;
        self.throttle.on_reply_sent(now, size);
        Some(Transmit { path, ecn: Ecn::NotCapable, size, segment_size: size })
    }

    /// Returns the next connection that may send: first connections that have data to send, then connections that may have
    /// data.
    fn next_candidate(&mut self) -> Option<ConnectionId> {
        let Some(connection) = self.ready.pop_front() else { return self.next_unsettled() };
        if let Some(member) = self.connections.member_mut(connection) {
            member.is_queued_to_send = false;
        }
        Some(connection)
    }

    /// Takes the next event from the endpoint's queues. Returns `None` if no event is due. The call also returns `None`
    /// after [`limits::CONNECTIONS_PER_POLL`] connections without an event. [`Endpoint::poll_timeout`] then requests
    /// another call at once.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        for _ in 0..limits::CONNECTIONS_PER_POLL {
            let connection = *self.telling.front()?;
            let Some(member) = self.connections.member_mut(connection) else {
                self.telling.pop_front();
                continue;
            };
            let event = member.connection.next_event(&mut self.worlds.spare);
            member.is_queued_to_tell = member.connection.has_event();
            if !member.is_queued_to_tell {
                self.telling.pop_front();
            } else if self.telling.len() > 1 {
                self.telling.rotate_left(1);
            }
            match event {
                // A message that is taken makes room, which is told to the peer in time.
                Some(Event::Message { .. } | Event::Delivered { .. }) if member.is_unsettled => {}
                Some(Event::Message { .. } | Event::Delivered { .. }) => self.touch(connection),
                _ => self.refresh(connection),
            }
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// Returns the time at which `handle_timeout` (or a poll) is due, and the reason. The call changes nothing. The
    /// time may be too early, but never too late. If a poll would return output, the time is not after the latest time
    /// passed to the endpoint. A driver whose socket is full waits for the socket instead and ignores
    /// [`TimeoutCause::Transmit`]. [`Instant::MAX`] with [`TimeoutCause::Nothing`] means that no call is due.
    #[must_use]
    pub fn poll_timeout(&self) -> (Instant, TimeoutCause) {
        let waits = !self.replies.is_empty() || !self.ready.is_empty();
        let is_throttled = waits && !self.throttle.is_open(self.now);
        if !self.unsettled.is_empty() || waits && !is_throttled {
            return (self.now, TimeoutCause::Transmit);
        }
        if !self.telling.is_empty() {
            return (self.now, TimeoutCause::Event);
        }
        let opens_at = if is_throttled { self.throttle.opens_at() } else { Instant::MAX };
        let mut general = (self.acceptor.next_timeout(), TimeoutCause::HalfOpen);
        if self.accounts.next_timeout() < general.0 {
            general = (self.accounts.next_timeout(), TimeoutCause::HalfOpen);
        }
        if opens_at < general.0 {
            general = (opens_at, TimeoutCause::Pacing);
        }
        if self.arena.next_timeout() < general.0 {
            general = (self.arena.next_timeout(), TimeoutCause::Rest);
        }
        match self.deadlines.first() {
            Some((at, connection)) if at < general.0 => {
                let cause = self.connections.get(connection).map(Connection::next_cause);
                (at, cause.unwrap_or(TimeoutCause::Nothing))
            }
            _ if general.0 == Instant::MAX => (Instant::MAX, TimeoutCause::Nothing),
            _ => general,
        }
    }
}

impl Endpoint {
    /// Returns the time of the next timer, even if datagrams or events wait. A driver uses this time while it ignores
    /// [`TimeoutCause::Transmit`] because its socket is full, or [`TimeoutCause::Event`] because its game does not poll
    /// events. The call changes nothing, and the time is never too late.
    #[must_use]
    pub fn next_timer(&self) -> Instant {
        if !self.unsettled.is_empty() {
            return self.now;
        }
        let deadline = self.deadlines.first().map_or(Instant::MAX, |(at, ..)| at);
        let general =
            self.acceptor.next_timeout().min(self.arena.next_timeout()).min(self.accounts.next_timeout());
        deadline.min(general)
    }
}
