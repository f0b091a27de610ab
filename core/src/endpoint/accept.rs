//! Letting clients in: the verdict on a Hello, and the first Data that turns a half-open handshake into a connection.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::Endpoint;
use super::ids::Entry;
use crate::address::{Address, Path};
use crate::channel::{ReceiveSide, SendSide};
use crate::config::receive_window;
use crate::connection::{Connection, Phase, Role, Transport, TransportSetup, Unproven};
use crate::drop::DropReason;
use crate::event::{ConnectionId, PeerInfo, Refusal};
use crate::handshake::{Candidate, Confirmed, HalfOpenId, Session, Verdict};
use crate::time::{Duration, Instant};
use crate::wire::DataHeader;

/// Who asks to come in. The ticket or the cookie was found valid.
#[derive(Clone, Debug)]
pub struct AdmissionRequest<'a> {
    /// Where the client is, or claims to be while a ticket spares it the cookie.
    pub address: Address,
    /// Who the ticket says it is.
    pub peer: &'a PeerInfo,
}

/// An authenticator's decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Let it in.
    Accept,
    /// Let it in under this identity, as events will show it.
    AcceptAs(PeerInfo),
    /// Refuse it; the reason travels encrypted.
    Refuse(Refusal),
}

/// Decides who is let in. It must be quick: it runs inside `handle_datagram`.
pub trait Authenticator: Send {
    /// The decision on one client. A client may ask several times; only its first Data makes it a connection.
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission;
}

impl<F: FnMut(&AdmissionRequest<'_>) -> Admission + Send> Authenticator for F {
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission {
        self(request)
    }
}

/// An IPv4 address, an IPv6 /64, or a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
    Link(u64),
}

impl From<Address> for Source {
    fn from(address: Address) -> Self {
        match address {
            Address::Link(link) => Self::Link(link.0),
            Address::Udp(socket) => match socket.ip() {
                IpAddr::V4(ip) => Self::V4(ip.octets()),
                IpAddr::V6(ip) => Self::V6(ip.octets().first_chunk().copied().unwrap_or_default()),
            },
        }
    }
}

/// Takes one connection off a source's account.
pub(super) fn leave(sources: &mut BTreeMap<Source, usize>, source: Source) {
    if let Some(count) = sources.get_mut(&source) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            sources.remove(&source);
        }
    }
}

impl Endpoint {
    /// Decides on a client whose first Noise message was read, and answers it.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        from: &Path,
        mut candidate: Box<Candidate>,
        mut reply: Vec<u8>,
    ) -> Result<(), DropReason> {
        let session = match self.find_session(&candidate) {
            Ok(_) if self.prefers_own_dial(&candidate) => Err(DropReason::UnexpectedHandshake),
            found => found,
        };
        let session = match session {
            Ok(session) => session,
            Err(reason) => {
                self.replies.give_back(reply);
                return Err(reason);
            }
        };
        let mut local_id = None;
        let verdict = match self.find_refusal(from, &mut candidate, session) {
            Some(refusal) => Verdict::Refuse(refusal),
            None => match self.ids.reserve(&mut self.rng) {
                Some(id) => {
                    local_id = Some(id);
                    Verdict::Accept { local_id: id, session }
                }
                None => Verdict::Refuse(Refusal::Full),
            },
        };
        let answered =
            self.acceptor.answer(now, candidate, verdict, &self.parameters, &self.schema, &mut reply);
        match (answered, local_id) {
            (Some(half_open), Some(id)) => self.ids.assign(id, Entry::HalfOpen(half_open)),
            (None, Some(id)) => self.ids.release(id),
            (_, None) => {}
        }
        self.queue_reply(*from, reply);
        Ok(())
    }

    /// What a client that presents a resume ticket will find.
    fn find_session(&self, candidate: &Candidate) -> Result<Session, DropReason> {
        let Some(resume) = &candidate.resume else { return Ok(Session::New) };
        let Some(state) = self.sessions.get(&resume.session).and_then(|id| self.connections.get(*id)) else {
            return Ok(Session::Lost);
        };
        if state.notices.is_closed() {
            Ok(Session::Lost)
        } else if state.ticket.accepts(resume.incarnation) {
            Ok(Session::Resumed)
        } else {
            Err(DropReason::BurntTicket)
        }
    }

    fn find_refusal(&mut self, from: &Path, candidate: &mut Candidate, session: Session) -> Option<Refusal> {
        if candidate.expired {
            return Some(Refusal::Expired);
        }
        // The acceptor lists the differences, as many as fit.
        if candidate.parameters.schema != self.parameters.schema {
            return Some(Refusal::Schema(crate::schema::SchemaDifference::default()));
        }
        if session == Session::Resumed {
            return None;
        }
        if !self.has_room(from.remote) {
            return Some(Refusal::Full);
        }
        let authenticator = self.authenticator.as_mut()?;
        match authenticator.admit(&AdmissionRequest { address: from.remote, peer: &candidate.peer }) {
            Admission::Accept => None,
            Admission::AcceptAs(peer) => {
                candidate.peer = peer;
                None
            }
            Admission::Refuse(refusal) => Some(refusal),
        }
    }

    fn has_room(&self, address: Address) -> bool {
        let from_here = self.sources.get(&Source::from(address)).copied().unwrap_or(0);
        self.connections.len() < self.config.max_connections
            && from_here < self.config.max_connections_per_source
    }

    /// Data for a half-open handshake: if it is authentic, its sender has proven itself.
    pub(super) fn on_first_data(
        &mut self,
        now: Instant,
        from: &Path,
        half_open: HalfOpenId,
        header: &DataHeader,
        datagram: &mut [u8],
    ) -> Result<(), DropReason> {
        let half = self.acceptor.half_open(now, &half_open).ok_or(DropReason::UnknownConnection)?;
        let resumes = half.session == Session::Resumed;
        let setup = TransportSetup {
            role: Role::Responder,
            local_id: half.local_id,
            remote_id: half.client_id,
            path: *from,
            keys: half.keys(&*self.settings.provider),
            peer_ack_delay: bounded_ack_delay(half.parameters.ack_delay()),
            max_datagram: self.max_datagram(from.remote, half.parameters.max_datagram),
            peer_idle_timeout: half.parameters.idle_timeout(),
            link: self.links.properties(from.remote),
            resumed: resumes,
        };
        let is_proven = matches!(from.remote, Address::Link(_)) || self.acceptor.is_proven(half, from.remote);
        let mut transport = Box::new(Transport::new(now, &self.settings, setup));
        transport.unproven = (!is_proven).then(|| Unproven::new(self.rng.array()));
        let opened = transport.open(now, header, datagram)?;
        // Authentic: from here on the handshake is spent, whatever becomes of it.
        let confirmed = self.acceptor.confirm(now, &half_open).ok_or(DropReason::BurntTicket)?;
        for id in &confirmed.freed {
            self.ids.release(*id);
        }
        let connection =
            if resumes { self.take_over(&confirmed) } else { self.take_place(now, from, &confirmed) };
        let Some(connection) = connection else {
            if resumes {
                self.ids.release(confirmed.local_id);
            } else {
                self.turn_away(confirmed.local_id, transport);
            }
            return Err(DropReason::NoRoom);
        };
        self.ids.assign(confirmed.local_id, Entry::Connection(connection));
        let Some(state) = self.connections.get_mut(connection) else { return Err(DropReason::NoRoom) };
        if resumes {
            state.resume(now, transport, &self.settings);
        } else {
            state.connect(now, transport, confirmed.peer, None, &self.settings);
        }
        state.send.on_credit(confirmed.parameters.credit);
        state.wants_ticket = true;
        let result =
            state.handle_opened(now, from, opened, datagram, &mut self.arena, &mut self.rng, &self.settings);
        self.refresh(connection);
        result
    }

    /// Tells a client that came too late, inside the encryption, that the server is full. There are never more of these
    /// than there were half-open handshakes.
    fn turn_away(&mut self, local_id: u32, transport: Box<Transport>) {
        let (send, receive) = self.channel_sides(0);
        let connection =
            self.connections.insert_with_key(|id| Connection::new(id, Phase::Connecting, send, receive));
        self.ids.assign(local_id, Entry::Connection(connection));
        if let Some(state) = self.connections.get_mut(connection) {
            state.turn_away(transport);
        }
        self.refresh(connection);
    }

    /// The connection whose session is resumed, if it is still there.
    fn take_over(&self, confirmed: &Confirmed) -> Option<ConnectionId> {
        let resume = confirmed.resume.as_ref()?;
        let connection = *self.sessions.get(&resume.session)?;
        let state = self.connections.get(connection)?;
        (!state.notices.is_closed() && state.ticket.accepts(resume.incarnation)).then_some(connection)
    }

    /// A place for a new connection, if there still is one.
    fn take_place(&mut self, now: Instant, from: &Path, confirmed: &Confirmed) -> Option<ConnectionId> {
        if !self.has_room(from.remote) && self.crossing(&confirmed.peer.identity).is_none() {
            return None;
        }
        let session: [u8; 16] = self.rng.array();
        let source = Source::from(from.remote);
        let connection = match self.crossing(&confirmed.peer.identity) {
            Some(connection) => connection,
            None => {
                let (send, receive) = self.channel_sides(confirmed.parameters.credit);
                self.connections.insert_with_key(|id| Connection::new(id, Phase::Connecting, send, receive))
            }
        };
        self.dialled.remove(&connection);
        let state = self.connections.get_mut(connection)?;
        // A dial that crossed the peer's becomes the answering end.
        state.drop_dial();
        state.plan = None;
        state.session = session;
        state.source = Some(source);
        state.connected_at = Some(now);
        *self.sources.entry(source).or_insert(0) += 1;
        self.sessions.insert(session, connection);
        Some(connection)
    }

    pub(super) fn channel_sides(&self, credit: u64) -> (SendSide, ReceiveSide) {
        let config = &self.config;
        (
            SendSide::new(&config.channels, config.max_message, credit),
            ReceiveSide::new(&config.channels, config.max_message, receive_window(config.max_message)),
        )
    }

    /// The largest datagram for a path whose far end takes `theirs`.
    pub(super) fn max_datagram(&self, address: Address, theirs: u16) -> usize {
        let ours = self
            .links
            .properties(address)
            .map_or(crate::limits::BASE_DATAGRAM, |link| usize::from(link.max_datagram));
        ours.min(usize::from(theirs))
    }
}

impl Refusal {
    /// A reason of the game's own.
    #[must_use]
    pub fn other(code: u16, text: impl Into<String>) -> Self {
        Self::Other { code, text: text.into() }
    }
}

/// How long the peer may hold back an acknowledgement.
pub(super) const fn bounded_ack_delay(stated: Duration) -> Duration {
    if stated.as_millis() > 1000 { Duration::from_secs(1) } else { stated }
}
