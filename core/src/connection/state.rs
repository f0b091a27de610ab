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

/// One connection.
pub(crate) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) phase: Phase,
    pub(super) session: Session,
    pub(super) transport: Option<Box<Transport>>,
    pub(super) dial: Option<Box<Dial>>,
    pub(super) plan: Option<Box<DialPlan>>,
    pub(super) notices: Notices,
    /// A client that was told that it resumes this session may still send its first Data until then.
    pub(super) promised_until: Instant,
    /// When the peer was last heard on a transport that is gone.
    pub(super) heard_before: Instant,
    /// The deadlines that `Connection::look` derived last.
    pub(super) timers: TimerTable,
    /// When the next attempt to come back begins, a session that waits for its peer is given up, or the resume ticket is renewed.
    pub(super) resume_at: Instant,
    pub(super) closing: Option<Box<Closing>>,
    pub(super) farewell: Option<Farewell>,
    /// Connection ids that no longer lead here; the endpoint collects them.
    pub(super) retired_ids: SmallVec<[u32; 2]>,
    /// The endpoint should dial again.
    pub(super) wants_dial: bool,
    /// The endpoint should make a resume ticket.
    pub(super) wants_ticket: bool,
    /// This end closed the session: nobody may come back to it. The endpoint takes note.
    pub(super) is_disowned: bool,
    /// The peer was found to be where it was not known to be: the account may be another one now.
    pub(super) is_found: bool,
    /// It was dialled for a peer that may have other connections, and the peer was not heard on it.
    pub(super) is_contending: bool,
    /// Bytes per second that it sends at most, if not what all do.
    pub(super) bandwidth: Option<u64>,
    /// The rate that the application was told last, and when.
    pub(super) told_rate: (u64, Instant),
}

impl Connection {
    /// A connection whose handshake has not finished.
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

    /// The state that outlives the connection's transports.
    pub(crate) const fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) const fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Where the next datagram goes, as far as known.
    pub(crate) fn target(&self, now: Instant) -> Option<Address> {
        let dial = self.dial.as_ref().filter(|dial| self.transport.is_none() || dial.dialer.is_due(now));
        dial.map(|dial| dial.path.remote).or_else(|| self.address())
    }

    /// The link that it dials over was opened, and said now what it promises.
    pub(crate) fn on_link_opened(&mut self, link: LinkId, reliable: bool) {
        let is_here = |dial: &Dial| dial.path.remote == Address::Link(link);
        if let Some(dial) = self.dial.as_deref_mut().filter(|dial| is_here(dial)) {
            dial.dialer.set_reliable(reliable);
        }
    }

    /// A link dropped what it had taken: the peer is asked at once what it has.
    pub(crate) fn on_link_loss(&mut self, link: LinkId) {
        let is_here = |transport: &Transport| transport.path.remote == Address::Link(link);
        if let Some(transport) = self.transport.as_deref_mut().filter(|transport| is_here(transport)) {
            transport.ask();
        }
    }

    /// Counters and measurements of the connection, so far.
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

    /// Where the peer is, as far as known.
    pub(crate) fn address(&self) -> Option<Address> {
        self.transport_address().or_else(|| self.plan.as_ref().map(|plan| plan.path.remote))
    }

    /// Where the transport leads, if there is one.
    pub(crate) fn transport_address(&self) -> Option<Address> {
        self.transport.as_ref().map(|transport| transport.path.remote)
    }

    /// Nothing leaves now, because of the endpoint's limit if `is_limited`: waiting messages are held back.
    pub(crate) fn hold_back(&mut self, now: Instant, is_limited: bool) {
        if is_limited {
            self.session.send.on_path_known();
        }
        self.session.send.hold_back(now);
    }
}
