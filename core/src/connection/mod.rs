//! One connection: a session that lives until `Closed`, on transports that come and go.
//!
//! ```text
//! Connecting ──Welcome──▶ Connected ◀──resumed── Interrupted
//!     │                     │   └──silence──────────▲  │
//!     │                     ├──close / violation──▶ Closing ──answered──▶ Closed
//!     └──refused, no answer─┴────────── resume window over ───────────────▲
//! ```
//!
//! This file holds the state and its transitions; `receive`, `transmit`, `loss` and the rest take the parts they need as
//! plain arguments.

mod acks;
mod agenda;
mod clock_sync;
mod close;
pub mod congestion;
mod control;
mod dial;
mod ecn;
mod events;
mod grant;
mod heartbeat;
mod loss;
mod migration;
mod mtu;
mod notices;
mod pacing;
mod receive;
mod recent;
mod regulator;
mod reordering;
pub(crate) mod rtt;
mod sent;
mod session;
mod settle;
mod standing;
mod timeout;
mod timers;
mod transmit;
mod transport;
mod transports;
mod turn;
mod unproven;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use smallvec::SmallVec;

pub(crate) use self::agenda::Outlook;
pub use self::clock_sync::PeerClock;
use self::congestion::Algorithm;
pub(crate) use self::dial::{Attempt, Dial, DialPlan, ResumeCredential};
pub(crate) use self::notices::Notices;
pub(crate) use self::pacing::Pacer;
pub(crate) use self::receive::Reception;
#[cfg(feature = "fuzzing")]
pub(crate) use self::sent::SentPackets;
use self::session::Session;
pub use self::timers::TimeoutCause;
use self::timers::TimerTable;
pub(crate) use self::transport::{Opened, Role, Transport, TransportSetup};
pub(crate) use self::turn::Written;
pub(crate) use self::unproven::Unproven;
use crate::address::{Address, LinkId};
use crate::channel::{ReceiveSide, SendSide};
use crate::config::ChannelConfig;
use crate::crypto::Provider;
use crate::event::{CloseReason, ConnectionId};
use crate::handshake::RENEW_US;
use crate::stats::ConnectionStats;
use crate::time::{Duration, Instant};

/// How often a server gives its client a fresh resume ticket.
const TICKET_RENEWAL: Duration = Duration::from_micros(RENEW_US / 2);
/// CLOSE packets sent before a closing connection is forgotten.
const CLOSE_TRIES: u8 = 5;
/// The longest between two of them. A peer that feigned a long round trip must not hold its place for that.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// How long an end that heard a CLOSE answers copies of it: all that its peer sends, if the network delays them alike.
const CLOSE_ANSWERED_FOR: Duration = Duration::from_secs(5);
/// The code of a server whose last place was taken while the handshake was underway.
const FULL_CODE: u16 = u16::MAX;
/// The code of an end whose path to the other carries less than [`crate::limits::LEAST_DATAGRAM`] bytes.
const NARROW_PATH_CODE: u16 = u16::MAX - 1;
/// The code of a server whose last place for the client's address was taken meanwhile.
const TOO_MANY_FROM_ADDRESS_CODE: u16 = 0xfffd;
/// The code of an end where another connection takes the place of this one.
const REPLACED_CODE: u16 = 0xfffc;
/// Codes from here on are the protocol's own, most of them name violations; applications use the ones below.
pub const VIOLATION_CODES: u16 = 0xff00;

/// Where a connection is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// The first handshake is underway.
    Connecting,
    /// Data flows, or would if the network let it.
    Connected,
    /// The peer fell silent; the session waits.
    Interrupted,
    /// Over for the application; CLOSE is being repeated.
    Closing,
    /// Over.
    Closed,
}

/// What every connection of an endpoint shares.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) heartbeat: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) ack_delay: Duration,
    pub(crate) resume_window: Duration,
    pub(crate) reconnect_for: Duration,
    pub(crate) rotate_after: u64,
    /// The channels of every connection.
    pub(crate) channels: Arc<[ChannelConfig]>,
    pub(crate) congestion: Algorithm,
    /// Bytes per second that a connection without a limit of its own sends at most.
    pub(crate) bandwidth: u64,
    /// A bit for each reliable channel.
    pub(crate) reliable_channels: u32,
}

/// The bits of the reliable channels.
pub(crate) fn reliable_channels(channels: &[ChannelConfig]) -> u32 {
    channels
        .iter()
        .enumerate()
        .filter(|(_, config)| config.delivery.is_reliable())
        .map(|(index, _)| 1 << index)
        .sum()
}

/// A CLOSE on its way.
#[derive(Debug)]
struct Closing {
    code: u16,
    text: String,
    is_due: bool,
    tries: u8,
    /// When it is repeated, or given up; [`Instant::MAX`] before the endpoint looks.
    again_at: Instant,
    /// The number of the first packet that holds it. An ACK of this one or a later one shows that the peer heard it.
    first: u64,
    /// The peer's CLOSE came. This end sends its own once for each CLOSE that it hears, and no more unasked.
    is_heard: bool,
    /// The reason that `Closed` names, while the peer may still confirm messages: its CLOSE acknowledges what it has.
    untold: Option<CloseReason>,
}

/// A close that waits for reliable data to be delivered.
#[derive(Debug)]
struct Farewell {
    code: u16,
    text: String,
    deadline: Instant,
}

/// One connection.
pub(crate) struct Connection {
    id: ConnectionId,
    phase: Phase,
    session: Session,
    transport: Option<Box<Transport>>,
    dial: Option<Box<Dial>>,
    plan: Option<Box<DialPlan>>,
    notices: Notices,
    /// A client that was told that it resumes this session may still send its first Data until then.
    promised_until: Instant,
    /// When the peer was last heard on a transport that is gone.
    heard_before: Instant,
    /// As of the last look.
    timers: TimerTable,
    /// When the next attempt to come back begins, a session that waits for its peer is given up, or the resume ticket is renewed.
    resume_at: Instant,
    closing: Option<Box<Closing>>,
    farewell: Option<Farewell>,
    /// Connection ids that no longer lead here; the endpoint collects them.
    retired_ids: SmallVec<[u32; 2]>,
    /// The endpoint should dial again.
    wants_dial: bool,
    /// The endpoint should make a resume ticket.
    wants_ticket: bool,
    /// This end closed the session: nobody may come back to it. The endpoint takes note.
    is_disowned: bool,
    /// The peer was found to be where it was not known to be: the account may be another one now.
    is_found: bool,
    /// It was dialled for a peer that may have other connections, and the peer was not heard on it.
    is_contending: bool,
    /// Bytes per second that it sends at most, if not what all do.
    bandwidth: Option<u64>,
    /// The rate that the application was told last, and when.
    told_rate: (u64, Instant),
}

impl Connection {
    /// A connection whose handshake is underway.
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

    /// What outlives its transports.
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

    /// What the connection has done so far.
    pub(crate) fn stats(&self, now: Instant) -> ConnectionStats {
        let mut stats = self.session.stats(now);
        if let Some(transport) = self.transport.as_deref() {
            stats.rtt = transport.rtt.smoothed();
            stats.rtt_latest = transport.rtt.latest();
            stats.rtt_least = transport.rtt.least();
            stats.jitter = transport.rtt.variance();
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

    /// Nothing leaves now, because of the endpoint's limit if `is_limited`: what waits to be sent is held back.
    pub(crate) fn hold_back(&mut self, now: Instant, is_limited: bool) {
        if is_limited {
            self.session.send.on_path_known();
        }
        self.session.send.hold_back(now);
    }
}
