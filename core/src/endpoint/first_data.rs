//! The first Data of a half-open handshake, which turns the handshake into a connection.

use alloc::boxed::Box;

use super::Endpoint;
use super::accept::bounded_ack_delay;
use super::directory::Crossing;
use super::ids::Entry;
use crate::address::{Address, Path};
use crate::connection::{Connection, Phase, Reception, Resources, Role, Transport, TransportSetup, Unproven};
use crate::drop::DropReason;
use crate::event::{CloseReason, ConnectionId, Refusal};
use crate::handshake::{Confirmed, HalfOpenId, Owner, Resume, SessionOutcome};
use crate::planted::{self, Bug};
use crate::source::Source;
use crate::time::Instant;
use crate::wire::DataHeader;

impl Endpoint {
    /// Processes Data for a half-open handshake. If the Data is authentic, its sender has proved that it holds the keys.
    pub(super) fn on_first_data(
        &mut self,
        now: Instant,
        reception: &Reception,
        half_open: HalfOpenId,
        header: &DataHeader,
        datagram: &mut [u8],
    ) -> Result<(), DropReason> {
        let from = &reception.from;
        let standing = self.standing(from, &half_open)?;
        let mut transport = self.transport_of(now, from, standing, &half_open, header, datagram)?;
        let opened = transport.open(now, header, datagram)?;
        let resumes = transport.is_resumed;
        let place = self.find_place(standing.source, &half_open)?;
        // Authentic, and decided: from here on the handshake is spent, whatever becomes of it.
        let has_place = !matches!(place, Place::None(_));
        let owner = self.acceptor.half_open(now, &half_open).and_then(|half| self.acceptor.owner(half));
        let confirmed = self.acceptor.confirm(now, &half_open, has_place).ok_or(DropReason::BurntTicket)?;
        for id in &confirmed.freed {
            self.ids.release(*id);
        }
        let connection = match place {
            Place::Session(connection) => connection,
            Place::Gone => {
                self.ids.release(confirmed.local_id);
                return Err(DropReason::NoRoom);
            }
            Place::None(refusal) => {
                transport.on_authentic(now, &opened);
                transport.on_heard_from(from, datagram.len() as u64);
                self.turn_away(confirmed.local_id, transport, &refusal);
                return Err(DropReason::NoRoom);
            }
            place => self.take_place(now, standing.source, place, owner, &confirmed),
        };
        self.ids.assign(confirmed.local_id, Entry::Connection(connection));
        let Some(state) = self.connections.get_mut(connection) else { return Err(DropReason::NoRoom) };
        if resumes {
            state.resume(now, transport, &self.settings);
        } else if state.phase() == Phase::Connecting {
            state.connect(now, transport, confirmed.peer, None, &self.settings);
        } else {
            state.adopt(now, transport, confirmed.peer, &self.settings);
        }
        state.session_mut().on_credit(confirmed.credit);
        state.want_ticket();
        let mut lent = Resources {
            arena: &mut self.arena,
            rng: &mut self.rng,
            settings: &self.settings,
            worlds: self.worlds.table.as_ref(),
        };
        let result = state.handle_opened(now, reception, opened, datagram, &mut lent);
        self.arena.arm(now);
        self.refresh(connection);
        if let Some(owner @ Owner::Peer(_)) = owner.filter(|_| !resumes) {
            self.on_peer_came(connection, owner);
        }
        result
    }

    /// Returns the address of the peer whose first Data came from `from`, and the source to which the peer counts. The
    /// sender address of a datagram proves neither. The peer is at the address that was validated, and may have migrated
    /// since.
    fn standing(&self, from: &Path, half_open: &HalfOpenId) -> Result<Standing, DropReason> {
        let half = self.acceptor.half_open(self.now, half_open).ok_or(DropReason::UnknownConnection)?;
        let proven = half.proven();
        // Nobody else can send over a link; and a peer is either at an address or behind a link, it does not move between.
        let is_here = proven == Some(from.remote)
            || matches!(from.remote, Address::Link(_))
            || planted::is_planted(Bug::AddressTrusted);
        Ok(match proven {
            _ if is_here => {
                Standing { path: *from, source: Some(self.links.source(from.remote)), is_validated: true }
            }
            Some(remote @ Address::Udp(_)) => Standing {
                path: Path { remote, local: from.local },
                source: Some(self.links.source(remote)),
                is_validated: true,
            },
            other => Standing {
                path: *from,
                source: other.map(|address| self.links.source(address)),
                is_validated: false,
            },
        })
    }

    /// Returns the connection that a new client's handshake becomes, in the given place.
    fn take_place(
        &mut self,
        now: Instant,
        source: Option<Source>,
        place: Place,
        owner: Option<Owner>,
        confirmed: &Confirmed,
    ) -> ConnectionId {
        let connection = match place {
            Place::Crossing(Crossing { connection, .. }) => connection,
            Place::Instead(old) => {
                self.retire(old);
                self.add_connection(confirmed.credit)
            }
            Place::Replacing(old) => {
                self.end_replaced(old);
                self.add_connection(confirmed.credit)
            }
            _ => self.add_connection(confirmed.credit),
        };
        self.begin_session(now, source, connection, confirmed);
        self.own(connection, owner);
        connection
    }

    /// Ends the other connections of a peer that dialled and has proved its keys, unless the new connection only delivers a
    /// CLOSE.
    fn on_peer_came(&mut self, connection: ConnectionId, owner: Owner) {
        if self.connections.get(connection).is_none_or(Connection::is_leaving) {
            return;
        }
        for id in self.acceptor.drop_half_open(owner) {
            self.ids.release(id);
        }
        self.keep_only(connection);
    }

    /// Creates the transport for a half-open handshake.
    fn transport_of(
        &mut self,
        now: Instant,
        from: &Path,
        standing: Standing,
        half_open: &HalfOpenId,
        header: &DataHeader,
        datagram: &[u8],
    ) -> Result<Box<Transport>, DropReason> {
        let half = self.acceptor.half_open(now, half_open).ok_or(DropReason::UnknownConnection)?;
        // An attacker that knows the id can send garbage here: it must not cost a transport. A link has exactly one peer.
        if from.remote.link().is_none() && !half.opens(&*self.settings.provider, header, datagram) {
            return Err(DropReason::NotAuthentic);
        }
        let setup = TransportSetup {
            role: Role::Responder,
            local_id: half.local_id(),
            remote_id: half.client_id(),
            path: standing.path,
            keys: half.keys(self.settings.provider.handshake()),
            peer_ack_delay: bounded_ack_delay(half.ack_delay()),
            max_datagram: self.max_datagram(standing.path.remote, half.max_datagram),
            most_datagram: self.most_datagram(half.max_datagram),
            peer_idle_timeout: half.idle_timeout(),
            link: self.links.properties(standing.path.remote),
            resumed: half.session == SessionOutcome::Resumed,
        };
        let mut transport = Box::new(Transport::new(now, &self.settings, setup));
        transport.unproven = (!standing.is_validated).then(|| Unproven::new(self.rng.array()));
        Ok(transport)
    }

    /// Finds the place for a half-open handshake whose first Data arrived.
    fn find_place(&mut self, source: Option<Source>, half_open: &HalfOpenId) -> Result<Place, DropReason> {
        let half = self.acceptor.half_open(self.now, half_open).ok_or(DropReason::UnknownConnection)?;
        let directory = self.directory();
        if let Some(resume) = half.resume() {
            match (half.session, directory.holder(&resume)) {
                (SessionOutcome::Resumed, Some((id, state)))
                    if state.session().accepts(resume.incarnation) =>
                {
                    return Ok(Place::Session(id));
                }
                (SessionOutcome::Lost, Some((id, state)))
                    if state.session().is_origin(resume.incarnation) =>
                {
                    return Ok(Place::Instead(id));
                }
                (SessionOutcome::Resumed, _) | (_, Some(_)) => return Ok(Place::Gone),
                _ => {}
            }
        }
        let owner = self.acceptor.owner(half);
        let crossing = match owner {
            Some(Owner::Peer(name)) => directory.crossing(&name),
            _ => None,
        };
        match crossing {
            // The peer will hear of ours, and drop its own.
            Some(Crossing { phase: Phase::Connected, is_preferred: true, .. }) => {
                Err(DropReason::UnexpectedHandshake)
            }
            // The peer may have taken what was sent on ours, though nothing of it came back: sent again, it would be doubled.
            Some(Crossing { connection, has_spoken: true, .. }) => Ok(Place::Replacing(connection)),
            Some(crossing) => Ok(Place::Crossing(crossing)),
            None => self.find_free_place(owner, source),
        }
    }

    /// Finds a place for a new client that has none yet. The client counts towards the limit of `source`, or of no source
    /// until its address is validated.
    fn find_free_place(&mut self, owner: Option<Owner>, source: Option<Source>) -> Result<Place, DropReason> {
        if source.is_none() && !self.accounts.may_wait() {
            // The client sends again while its handshake waits.
            return Err(DropReason::NoRoom);
        }
        let Err(refusal) = self.find_room(source) else { return Ok(Place::New) };
        match owner {
            // Its former connection ends as soon as this one begins.
            Some(owner @ Owner::Peer(_)) if self.may_take_over(owner, source, &refusal) => Ok(Place::New),
            Some(owner @ Owner::Ticket(_)) => {
                let ghost = self.find_ghost(owner, source, &refusal)?;
                Ok(ghost.map_or(Place::None(refusal), Place::Replacing))
            }
            _ => Ok(Place::None(refusal)),
        }
    }

    /// Refuses a client for which no place is left, in an encrypted CLOSE. The connection closes from the start, and the
    /// application receives no event about it.
    fn turn_away(&mut self, local_id: u32, transport: Box<Transport>, refusal: &Refusal) {
        let connection = self.add_connection(0);
        self.ids.assign(local_id, Entry::Connection(connection));
        if let Some(state) = self.connections.get_mut(connection) {
            state.turn_away(transport, refusal);
        }
        self.refresh(connection);
    }

    fn retire(&mut self, connection: ConnectionId) {
        if let Some(state) = self.connections.get_mut(connection) {
            state.finish(CloseReason::SessionLost);
        }
        self.refresh(connection);
    }

    fn add_connection(&mut self, credit: u64) -> ConnectionId {
        let (send, receive) = self.channel_sides(credit);
        self.connections.insert(|id| Connection::new(id, send, receive))
    }

    /// Records the session of `connection`, its owner and its account.
    fn begin_session(
        &mut self,
        now: Instant,
        source: Option<Source>,
        connection: ConnectionId,
        confirmed: &Confirmed,
    ) {
        let fresh = Resume { session: self.rng.array(), incarnation: 0 };
        // A client that comes back to a session that is lost goes on under its name. Its ticket stays good until the
        // successor is acknowledged, as always; without it, one more lost connection would shut it out.
        let resume = confirmed.resume.unwrap_or(fresh);
        self.dialled.remove(&connection);
        let Some(state) = self.connections.get_mut(connection) else { return };
        state.become_answering(now, resume);
        self.sessions.insert(resume.session, connection);
        self.open_account(now, connection, source);
    }
}

/// The address and the account of a client whose first Data arrived.
#[derive(Clone, Copy)]
struct Standing {
    path: Path,
    /// The source to which the client counts, or `None` until the address of `path` is validated.
    source: Option<Source>,
    is_validated: bool,
}

/// The place of a client whose first Data arrived.
enum Place {
    /// A new connection.
    New,
    /// The session that the client resumes.
    Session(ConnectionId),
    /// A new connection, which ends this connection: the client does not know this connection, or begins another session.
    Instead(ConnectionId),
    /// A new connection, which ends this connection of the same peer, or of the same identity whose client no longer
    /// answers.
    Replacing(ConnectionId),
    /// The attempt of this end that crossed the client's attempt.
    Crossing(Crossing),
    /// The client gets no place: the session has changed since the Hello arrived, so the client has to send another
    /// Hello.
    Gone,
    /// The client gets no place, because the client would exceed a limit on connections.
    None(Refusal),
}
