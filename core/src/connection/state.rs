//! The state of one connection, and its most frequent queries.

use alloc::boxed::Box;

use smallvec::SmallVec;

use super::closing::{Closing, Farewell};
use super::dial::{Dial, DialPlan};
use super::notices::Notices;
use super::phase::Phase;
use super::session::Session;
use super::timers::TimerTable;
use super::transport::Transport;
use crate::address::{Address, LinkId};
use crate::channel::{ReceiveSide, SendSide};
use crate::event::ConnectionId;
use crate::stats::ConnectionStats;
use crate::time::{Instant, Span};

/// One connection, with its session and its current transport.
pub(crate) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) phase: Phase,
    pub(super) session: Session,
    pub(super) transport: Option<Box<Transport>>,
    pub(super) dial: Option<Box<Dial>>,
    pub(super) plan: Option<Box<DialPlan>>,
    pub(super) notices: Notices,
    /// The time until which a client whose resumption was accepted may still send its first Data.
    pub(super) promised_until: Instant,
    /// The time of the latest packet from the peer on an earlier transport.
    pub(super) heard_before: Instant,
    /// The deadlines that `Connection::look` computed most recently.
    pub(super) timers: TimerTable,
    /// The time at which the next attempt to reconnect begins, a waiting session expires, or the resume ticket is renewed.
    pub(super) resume_at: Instant,
    pub(super) closing: Option<Box<Closing>>,
    pub(super) farewell: Option<Farewell>,
    /// The connection ids that no longer lead to this connection. The endpoint collects them.
    pub(super) retired_ids: SmallVec<[u32; 2]>,
    /// `true` if the endpoint should dial again.
    pub(super) wants_dial: bool,
    /// `true` if the endpoint should make a resume ticket.
    pub(super) wants_ticket: bool,
    /// `true` if this end closed the session, so that nobody may resume it. The endpoint records this.
    pub(super) is_disowned: bool,
    /// `true` if the peer was found at an address where it was not known to be. Another account may then apply.
    pub(super) is_found: bool,
    /// `true` if this end dialled the connection for a peer that may have other connections, and no packet from the peer
    /// arrived on this connection yet.
    pub(super) is_contending: bool,
    /// The sending limit in bytes per second. `None` uses the limit of all connections.
    pub(super) bandwidth: Option<u64>,
    /// The rate that was reported to the application most recently, in bytes per second, and the time of the report.
    pub(super) told_rate: (u64, Instant),
}

impl Connection {
    /// Creates a connection whose handshake is not complete.
    pub(crate) fn new(id: ConnectionId, send: SendSide, receive: ReceiveSide) -> Self {
        Self {
            id,
            phase: Phase::Connecting,
            session: Session::new(send, receive),
            transport: None,
            dial: None,
            plan: None,
            notices: Notices::default(),
            promised_until: Instant::ZERO,
            heard_before: Instant::ZERO,
            timers: TimerTable::new(),
            resume_at: Instant::MAX,
            closing: None,
            farewell: None,
            retired_ids: SmallVec::new(),
            wants_dial: false,
            wants_ticket: false,
            is_disowned: false,
            is_found: false,
            is_contending: false,
            bandwidth: None,
            told_rate: (0, Instant::ZERO),
        }
    }

    pub(crate) const fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns the state that outlives the connection's transports.
    pub(crate) const fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) const fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Returns the address to which the next datagram is sent, if known.
    pub(crate) fn target(&self, now: Instant) -> Option<Address> {
        let dial = self.dial.as_ref().filter(|dial| self.transport.is_none() || dial.dialer.is_due(now));
        dial.map(|dial| dial.path.remote).or_else(|| self.address())
    }

    /// Records that the link over which the connection dials was opened, and whether the link is reliable.
    pub(crate) fn on_link_opened(&mut self, link: LinkId, reliable: bool) {
        let is_here = |dial: &Dial| dial.path.remote == Address::Link(link);
        if let Some(dial) = self.dial.as_deref_mut().filter(|dial| is_here(dial)) {
            dial.dialer.set_reliable(reliable);
        }
    }

    /// Records that a link dropped datagrams that it had accepted. This end asks the peer at once which packets arrived.
    pub(crate) fn on_link_loss(&mut self, link: LinkId) {
        let is_here = |transport: &Transport| transport.path.remote == Address::Link(link);
        if let Some(transport) = self.transport.as_deref_mut().filter(|transport| is_here(transport)) {
            transport.ask();
        }
    }

    /// Returns the counters and measurements of the connection.
    pub(crate) fn stats(&self, now: Instant) -> ConnectionStats {
        let mut stats = self.session.stats(now);
        if let Some(transport) = self.transport.as_deref() {
            stats.rtt = transport.rtt.smoothed().duration();
            stats.rtt_latest = transport.rtt.latest().duration();
            stats.rtt_least = transport.rtt.least().map(Span::duration);
            stats.jitter = transport.rtt.variance().duration();
            stats.bytes_in_flight = transport.sent.bytes_in_flight();
            stats.congestion_window = transport.regulator.window();
            stats.rate = transport.regulator.rate();
            stats.max_datagram = transport.mtu.current();
            stats.ecn = transport.marking.is_capable();
        }
        stats
    }

    /// Returns the address of the peer, if known.
    pub(crate) fn address(&self) -> Option<Address> {
        self.transport_address().or_else(|| self.plan.as_ref().map(|plan| plan.path.remote))
    }

    /// Returns the remote address of the transport, or `None` without a transport.
    pub(crate) fn transport_address(&self) -> Option<Address> {
        self.transport.as_ref().map(|transport| transport.path.remote)
    }

    /// Records that no datagram may leave now, so waiting messages are delayed. `is_limited` is `true` if the endpoint's
    /// limit causes this.
    pub(crate) fn hold_back(&mut self, now: Instant, is_limited: bool) {
        if is_limited {
            self.session.send.on_path_known();
        }
        self.session.send.hold_back(now);
    }
}
