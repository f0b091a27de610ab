//! Decides which packets and timers a connection needs. No other module decides this or sets a timer.
//!
//! The endpoint computes each deadline from the connection's state when it needs the deadline. A handler that changes the
//! state therefore changes the deadline too, and cannot forget to set a timer.

use super::timers::{Timer, TimerTable};
use super::{CLOSE_PATIENCE, Connection, Phase, Transport};
use crate::address::{Address, LinkId};
use crate::planted::{self, Bug};
use crate::time::{Instant, Span};

/// The kinds of frames and packets that a connection has to send, with one bit for each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Needs(u16);

impl Needs {
    /// A handshake message of the dialling end.
    const HELLO: Self = Self(1);
    /// A CLOSE, sent for the first time or again.
    const CLOSE: Self = Self(1 << 1);
    /// Path validation for an address that is not validated.
    const PATH: Self = Self(1 << 2);
    /// Frames that request no acknowledgement, or that ignore the congestion window: an ACK that is due, a PING, a
    /// heartbeat, a challenge.
    const UPKEEP: Self = Self(1 << 3);
    /// A probe of the path MTU.
    const MTU_PROBE: Self = Self(1 << 4);
    /// Frames of the session.
    const SESSION: Self = Self(1 << 5);

    /// Frames that request an acknowledgement. The congestion window can delay these frames.
    const ELICITING: Self = Self(Self::MTU_PROBE.0 | Self::SESSION.0);

    const fn with(self, need: Self, is_there: bool) -> Self {
        if is_there { Self(self.0 | need.0) } else { self }
    }

    const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// Returns `true` if at least one frame waits that requests an acknowledgement.
    pub(super) const fn is_eliciting(self) -> bool {
        self.has(Self::ELICITING)
    }

    /// Returns `true` if only frames of the session wait.
    pub(super) const fn is_bulk(self) -> bool {
        self.has(Self::SESSION) && !self.has(Self(Self::HELLO.0 | Self::PATH.0 | Self::MTU_PROBE.0))
    }
}

/// The state of a connection that its endpoint must know after each change.
pub(crate) struct Outlook {
    /// `true` if the connection would write a datagram now.
    pub(crate) sends: bool,
    /// `true` if the connection waits to send: its data may be delayed, or it is interrupted and has no peer to send to.
    pub(crate) waits: bool,
    /// The time of the earliest timer, or [`Instant::MAX`] if no timer is set.
    pub(crate) next: Instant,
    /// `true` if an event waits.
    pub(crate) tells: bool,
    /// The link of the connection's transport, and the link of its dial.
    pub(crate) links: [Option<LinkId>; 2],
}

impl Connection {
    /// Computes the state that the endpoint must know.
    pub(crate) fn look(&mut self, now: Instant) -> Outlook {
        let needs = self.needs(now);
        self.outlook(now, needs)
    }

    /// Computes the state that the endpoint must know, or returns `None` if the connection would write a datagram now.
    /// The caller that writes the datagram computes the state afterwards.
    #[inline(always)]
    pub(crate) fn look_unless_it_sends(&mut self, now: Instant) -> Option<Outlook> {
        // Usually messages wait, and the window is open. If it is not, the turn that follows writes nothing.
        if self.phase == Phase::Connected
            && self.session.has_eliciting()
            && let Some(transport) = self.transport.as_deref()
            && transport.unproven.is_none()
            && !is_forgotten(transport)
        {
            return None;
        }
        let needs = self.needs(now);
        (!self.leaves(now, needs)).then(|| self.outlook(now, needs))
    }

    fn outlook(&mut self, now: Instant, needs: Needs) -> Outlook {
        self.begin_waiting(now);
        self.timers = self.deadlines(now, needs);
        Outlook {
            sends: self.leaves(now, needs),
            waits: self.phase == Phase::Connected && needs.is_eliciting() || self.phase == Phase::Interrupted,
            next: self.timers.next(),
            tells: self.has_event(),
            links: self.links(),
        }
    }

    /// Returns `true` if the connection would write a datagram now.
    pub(crate) fn would_send(&self, now: Instant) -> bool {
        self.leaves(now, self.needs(now))
    }

    /// Starts the timers that depend on the time at which a wait began, unless they run already.
    fn begin_waiting(&mut self, now: Instant) {
        // Whoever is not connected yet is told nothing but that.
        if self.phase != Phase::Connecting {
            self.session.look_for_ready();
        }
        if let Some(transport) = self.transport.as_deref_mut().filter(|_| self.phase == Phase::Connected) {
            let is_quiet = transport.migration.is_quiet();
            let probe_timeout = if is_quiet { Span::ZERO } else { transport.probe_timeout() };
            transport.migration.begin_waiting(now, probe_timeout);
        }
        if let Some(closing) = self.closing.as_deref_mut().filter(|closing| closing.again_at == Instant::MAX)
        {
            // It ends even if nothing can be sent.
            let patience = self.transport.as_deref().map_or(CLOSE_PATIENCE, Transport::probe_timeout);
            closing.again_at = now + patience.min(CLOSE_PATIENCE);
        }
    }

    pub(super) fn needs(&self, now: Instant) -> Needs {
        let needs = Needs::default()
            .with(Needs::HELLO, self.dial.as_ref().is_some_and(|dial| dial.dialer.is_due(now)))
            .with(Needs::CLOSE, self.closing.as_ref().is_some_and(|closing| closing.is_due));
        match self.transport.as_deref() {
            Some(transport) if self.phase == Phase::Connected => needs
                .with(Needs::PATH, transport.has_path_datagram())
                .with(Needs::UPKEEP, transport.has_upkeep())
                .with(Needs::MTU_PROBE, transport.wants_mtu_probe())
                .with(Needs::SESSION, self.session.has_eliciting() && !is_forgotten(transport)),
            _ => needs,
        }
    }

    /// Returns `true` if at least one of the kinds in `needs` may be sent now.
    #[inline(always)]
    fn leaves(&self, now: Instant, needs: Needs) -> bool {
        if needs.has(Needs::HELLO) {
            return true;
        }
        let Some(transport) = self.transport.as_deref() else { return false };
        let is_free = || {
            needs.has(Needs::UPKEEP)
                || needs.has(Needs::SESSION) && transport.window_is_open(now)
                || needs.has(Needs::MTU_PROBE) && transport.may_probe_mtu(now)
        };
        match self.phase {
            Phase::Connected => is_free() && transport.may_send() || needs.has(Needs::PATH),
            Phase::Closing => needs.has(Needs::CLOSE),
            Phase::Connecting | Phase::Interrupted | Phase::Closed => false,
        }
    }

    #[inline(always)]
    pub(super) fn deadlines(&self, now: Instant, needs: Needs) -> TimerTable {
        let mut timers = TimerTable::new();
        if let Some(dial) = &self.dial {
            timers.set(Timer::Handshake, dial.dialer.next_timeout(now));
        }
        if let Some(transport) = self.transport.as_deref().filter(|_| self.phase == Phase::Connected) {
            timers.set_option(Timer::Loss, transport.loss_timeout(|| self.session.awaits()));
            timers.set_option(Timer::Acknowledgement, transport.acks.due());
            if needs.is_eliciting() {
                timers.set_option(Timer::Pacing, transport.pacing_timeout(now));
            }
            timers.set(Timer::Heartbeat, transport.next_heartbeat());
            timers.set(Timer::Idle, transport.idle_at());
            timers.set_option(Timer::Rest, transport.rest_at());
            timers.set(Timer::Path, transport.migration.next_timeout());
        }
        if matches!(self.phase, Phase::Connected | Phase::Interrupted) {
            timers.set(Timer::Resume, self.resume_at);
        }
        timers.set_option(Timer::Close, self.close_at());
        // Once it is over for the application, nothing of what it had queued or awaited can be late.
        if !self.notices.is_closed() {
            timers.set_option(Timer::Expiry, self.session.next_expiry());
            if !self.session.worlds.is_none() {
                self.set_stall(&mut timers);
            }
        }
        timers
    }

    /// Sets the deadline for units of a world that wait for a commit, because they wait only for a limited time.
    #[cold]
    #[inline(never)]
    fn set_stall(&self, timers: &mut TimerTable) {
        if let Some(at) = self.session.worlds.stalls_at() {
            let others = self.session.next_expiry();
            timers.set(Timer::Expiry, others.map_or(at, |other| other.min(at)));
        }
    }

    /// Returns the link of the connection's transport, and the link of its dial.
    fn links(&self) -> [Option<LinkId>; 2] {
        if let (Some(transport), None) = (self.transport.as_deref(), &self.dial)
            && matches!(transport.path.remote, Address::Udp(_))
        {
            return [None; 2];
        }
        let dial = self.dial.as_ref().map(|dial| dial.path.remote);
        [self.address().and_then(Address::link), dial.and_then(Address::link)]
    }
}

/// Returns `true` if the planted bug hides the frames of this transport that wait.
fn is_forgotten(transport: &Transport) -> bool {
    planted::is_planted(Bug::NeedForgotten) && transport.sent.in_flight() == 0
}
