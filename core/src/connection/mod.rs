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
mod timeout;
mod timers;
mod transmit;
mod transport;
mod unproven;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use smallvec::SmallVec;

use self::clock_sync::ClockSync;
pub use self::clock_sync::PeerClock;
use self::congestion::Algorithm;
pub(crate) use self::control::{ResumeExchange, TicketPush};
pub(crate) use self::dial::{Dial, DialPlan, ResumeCredential};
pub(crate) use self::notices::Notices;
pub(crate) use self::pacing::Pacer;
pub(crate) use self::receive::Reception;
#[cfg(feature = "fuzzing")]
pub(crate) use self::sent::SentPackets;
use self::settle::Settling;
pub use self::timers::TimeoutCause;
use self::timers::{Timer, TimerTable};
use self::transmit::Sources;
pub(crate) use self::transmit::Written;
pub(crate) use self::transport::{Opened, Role, Transport, TransportSetup};
pub(crate) use self::unproven::Unproven;
use crate::address::{Address, Ecn, LinkId};
use crate::channel::{ReceiveSide, SendSide};
use crate::config::ChannelConfig;
use crate::crypto::Provider;
use crate::event::{ChannelId, CloseReason, ConnectionId, PeerInfo};
use crate::handshake::{Owner, RENEW_US};
use crate::limits::LEAST_DATAGRAM;
use crate::rng::Rng;
use crate::source::Source;
use crate::stats::{ChannelStats, ConnectionStats, Traffic};
use crate::time::{Duration, Instant};

/// How long a resume ticket is good for: longer than it takes to be replaced.
pub(crate) const RESUME_TICKET_LIFE: Duration = Duration::from_secs(2 * 3600);

/// How often a server gives its client a fresh resume ticket.
const TICKET_RENEWAL: Duration = Duration::from_micros(RENEW_US / 2);
/// CLOSE packets sent before a closing connection is forgotten.
const CLOSE_TRIES: u8 = 5;
/// The longest between two of them. A peer that feigned a long round trip must not hold its place for that.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
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
    pub(crate) id: ConnectionId,
    pub(crate) phase: Phase,
    pub(crate) peer: PeerInfo,
    pub(crate) session: [u8; 16],
    pub(crate) transport: Option<Box<Transport>>,
    pub(crate) dial: Option<Box<Dial>>,
    pub(crate) plan: Option<Box<DialPlan>>,
    pub(crate) send: SendSide,
    pub(crate) receive: ReceiveSide,
    pub(crate) ticket: TicketPush,
    pub(crate) resume: ResumeExchange,
    pub(crate) notices: Notices,
    clock: ClockSync,
    pub(crate) timers: TimerTable,
    closing: Option<Box<Closing>>,
    farewell: Option<Farewell>,
    /// A channel that takes messages again, in its reserved place.
    ready: Option<ChannelId>,
    /// Connection ids that no longer lead here; the endpoint collects them.
    pub(crate) retired_ids: SmallVec<[u32; 2]>,
    /// The endpoint should dial again.
    pub(crate) wants_dial: bool,
    /// The endpoint should make a resume ticket.
    pub(crate) wants_ticket: bool,
    /// This end closed the session: nobody may come back to it. The endpoint takes note.
    pub(crate) is_disowned: bool,
    /// The links under which the endpoint finds it.
    pub(crate) links: [Option<LinkId>; 2],
    /// On whose account an accepted connection goes; nobody's while its address is not validated.
    pub(crate) source: Option<Source>,
    /// The peer was found to be where it was not known to be: the account may be another one now.
    pub(crate) is_found: bool,
    /// To whom it belongs, while it holds a place.
    pub(crate) owner: Option<Box<Owner>>,
    /// It gave its place back.
    pub(crate) has_left: bool,
    /// It was dialled for a peer that may have other connections, and the peer was not heard on it.
    pub(crate) is_contending: bool,
    pub(crate) traffic: Traffic,
    pub(crate) connected_at: Option<Instant>,
    /// Bytes per second that it sends at most, if not what all do.
    pub(crate) bandwidth: Option<u64>,
    /// The rate that the application was told last, and when.
    told_rate: (u64, Instant),
    /// Whether the endpoint's list of connections with something to send has this one.
    pub(crate) is_queued_to_send: bool,
    /// Whether the endpoint's list of connections with something to tell has this one.
    pub(crate) is_queued_to_tell: bool,
    /// Whether the endpoint's list of connections that were used has this one.
    pub(crate) is_unsettled: bool,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, phase: Phase, send: SendSide, receive: ReceiveSide) -> Self {
        Self {
            id,
            phase,
            peer: PeerInfo::default(),
            session: [0; 16],
            transport: None,
            dial: None,
            plan: None,
            send,
            receive,
            ticket: TicketPush::default(),
            resume: ResumeExchange::default(),
            notices: Notices::default(),
            clock: ClockSync::default(),
            timers: TimerTable::new(),
            closing: None,
            farewell: None,
            ready: None,
            retired_ids: SmallVec::new(),
            wants_dial: false,
            wants_ticket: false,
            is_disowned: false,
            links: [None; 2],
            source: None,
            is_found: false,
            owner: None,
            has_left: false,
            is_contending: false,
            traffic: Traffic::default(),
            connected_at: None,
            bandwidth: None,
            told_rate: (0, Instant::ZERO),
            is_queued_to_send: false,
            is_queued_to_tell: false,
            is_unsettled: false,
        }
    }

    /// Whether anything goes on but the exchange of messages: the endpoint then looks after it at once.
    pub(crate) fn is_special(&self) -> bool {
        self.phase != Phase::Connected
            || self.dial.is_some()
            || self.farewell.is_some()
            || (self.wants_dial | self.wants_ticket | self.is_disowned | self.is_found | self.is_contending)
            || !self.retired_ids.is_empty()
            || self.notices.is_pending()
    }

    /// Where the next datagram goes, as far as known.
    pub(crate) fn target(&self, now: Instant) -> Option<Address> {
        let dial = self.dial.as_ref().filter(|dial| self.transport.is_none() || dial.dialer.is_due(now));
        dial.map(|dial| dial.path.remote).or_else(|| self.address())
    }

    /// The links that it runs over, and that it dials over.
    pub(crate) fn links_now(&self) -> [Option<LinkId>; 2] {
        let dial = self.dial.as_ref().map(|dial| dial.path.remote);
        [self.address().and_then(Address::link), dial.and_then(Address::link)]
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
        let mut stats = ConnectionStats::new(&self.traffic, self.connected_at.map(|since| now - since));
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
        stats.queued_bytes = self.send.queued_bytes();
        stats
    }

    /// The peer's clock, once an acknowledgement told of it.
    pub(crate) const fn peer_clock(&self) -> Option<PeerClock> {
        self.clock.shown()
    }

    /// What one channel has done so far.
    pub(crate) fn channel_stats(&self, channel: ChannelId) -> Option<ChannelStats> {
        Some(ChannelStats { sent: self.send.stats(channel)?, received: self.receive.stats(channel)? })
    }

    /// Where the peer is, as far as known.
    pub(crate) fn address(&self) -> Option<Address> {
        let from_transport = self.transport.as_ref().map(|transport| transport.path.remote);
        from_transport.or_else(|| self.plan.as_ref().map(|plan| plan.path.remote))
    }

    /// Whether it is worth an attempt to write a datagram: cheap, and never wrong when it says no.
    pub(crate) fn may_want_transmit(&self) -> bool {
        let Some(transport) = self.transport.as_deref().filter(|_| self.phase == Phase::Connected) else {
            return true;
        };
        self.dial.is_some()
            || transport.acks.is_due()
            || transport.ping_due
            || transport.sign_due
            || transport.unproven.is_some()
            || !transport.migration.is_quiet()
            || self.send.may_have_sendable()
            || self.has_control()
    }

    /// Whether `poll_transmit` would return a datagram now; `is_eliciting` if something waits that asks for an acknowledgement.
    pub(crate) fn wants_transmit(&self, now: Instant, is_eliciting: bool) -> bool {
        if self.dial.as_ref().is_some_and(|dial| dial.dialer.is_due(now)) {
            return true;
        }
        let Some(transport) = self.transport.as_deref() else { return false };
        match self.phase {
            Phase::Connected => {
                let has_data = transport.acks.is_due()
                    || transport.ping_due
                    || transport.sign_due
                    || transport.challenge_due().is_some()
                    || (is_eliciting && transport.window_is_open(now) && self.has_more_than_probe())
                    || transport.may_probe_mtu(now);
                (has_data && transport.may_send()) || transport.has_path_datagram()
            }
            Phase::Closing => self.closing.as_ref().is_some_and(|closing| closing.is_due),
            Phase::Connecting | Phase::Interrupted | Phase::Closed => false,
        }
    }

    /// Nothing leaves now, because of the endpoint's limit if `is_limited`: what waits to be sent is held back.
    pub(crate) fn hold_back(&mut self, now: Instant, is_limited: bool) {
        if is_limited {
            self.send.on_path_known();
        }
        self.send.hold_back(now);
    }

    /// Whether something waits that asks for an acknowledgement.
    pub(crate) fn has_eliciting(&self) -> bool {
        self.has_control() || self.send.has_sendable()
    }

    /// Whether something that waits is no probe of the path MTU that has to find the path empty first.
    fn has_more_than_probe(&self) -> bool {
        let mtu = self.transport.as_deref().map(|transport| &transport.mtu);
        mtu.is_none_or(|mtu| mtu.wants_quiet_since().is_none())
            || self.has_frames()
            || self.send.has_sendable()
    }

    /// Whether a frame waits that belongs to no message and asks for an acknowledgement.
    fn has_control(&self) -> bool {
        self.has_frames() || self.transport.as_deref().is_some_and(Transport::wants_mtu_probe)
    }

    fn has_frames(&self) -> bool {
        self.ticket.is_due || self.resume.unsent != 0 || self.receive.grant_due().is_some()
    }

    /// Writes the next datagram.
    pub(crate) fn write_datagram(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        rng: &mut Rng,
        settings: &Settings,
    ) -> Option<Written> {
        let written = self.write_next(now, buffer, rng, settings);
        if let Some(Written { path, size, .. }) = &written {
            self.traffic.on_sent(*size as u64);
            self.with_transport(|transport| transport.on_sent_to(path, *size as u64));
        }
        written
    }

    fn write_next(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        rng: &mut Rng,
        settings: &Settings,
    ) -> Option<Written> {
        if let Some(dial) = self.dial.as_deref_mut()
            && let Some(size) = dial.write(now, rng, buffer)
        {
            return Some(Written { path: dial.path, size, ecn: Ecn::NotCapable });
        }
        let transport = self.transport.as_deref_mut()?;
        if self.phase == Phase::Closing {
            return self.write_close(now, buffer);
        }
        if self.phase != Phase::Connected {
            return None;
        }
        if let Some((path, size)) = transmit::write_path_datagram(now, transport, buffer) {
            return Some(Written { path, size, ecn: Ecn::NotCapable });
        }
        if transport.sent.is_overfull() {
            let Self { send, receive, ticket, resume, traffic, .. } = self;
            settle::give_up_flight(transport, &mut Settling { send, receive, ticket, resume, traffic });
        }
        if transport.keys.sealed() >= settings.rotate_after {
            let next = transport.sent.next();
            transport.keys.rotate(now, next);
        }
        let number = transport.sent.next();
        let mut size = None;
        if transport.may_probe_mtu(now) {
            size = transmit::write_mtu_probe(now, transport, buffer);
        }
        if size.is_none() && transport.may_send() {
            let Self { send, receive, ticket, resume, .. } = self;
            let mut sources = Sources { send, receive, ticket, resume };
            size = transmit::write_datagram(now, transport, &mut sources, buffer);
        }
        let Some(size) = size else {
            transport.on_stuck();
            return None;
        };
        Some(Written { path: transport.path, size, ecn: transport.marking.on_sent(number) })
    }

    fn write_close(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Written> {
        let (transport, closing) = (self.transport.as_deref_mut()?, self.closing.as_deref_mut()?);
        if !core::mem::take(&mut closing.is_due) {
            return None;
        }
        // A CLOSE passes wherever anything does. What an unproven address may not get counts as sent, so that the closing ends.
        let room = buffer.len().min(LEAST_DATAGRAM.into()).min(transport.allowance());
        let room = buffer.get_mut(..room).unwrap_or_default();
        let size = transmit::write_close(now, transport, room, closing.code, &closing.text);
        let path = transport.path;
        closing.tries = closing.tries.saturating_sub(1);
        if closing.tries == 0 {
            self.forget();
        } else {
            self.timers.set(Timer::Close, now + transport.probe_timeout().min(CLOSE_PATIENCE));
        }
        size.map(|size| Written { path, size, ecn: Ecn::NotCapable })
    }
}
