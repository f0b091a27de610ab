//! Connecting, and reconnecting after an interruption.

mod resume_over;

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::accept::bounded_ack_delay;
use super::ids::Entry;
use super::{ConnectOptions, Endpoint};
use crate::address::{Address, Path};
use crate::config::LEAST_BANDWIDTH;
use crate::connection::{Attempt, Connection, Dial, DialPlan, Phase, Role, Transport, TransportSetup};
use crate::drop::DropReason;
use crate::error::ConnectError;
use crate::event::{CloseReason, ConnectionId, PeerInfo};
use crate::handshake::{Accepted, Credential, DialSetup, Dialer, Owner, SessionOutcome, peer_identity};
use crate::time::{Instant, Span};

impl Endpoint {
    /// Starts an attempt to connect to the endpoint at an address. A `Connected` or `Closed` event reports the result. The
    /// game may queue messages before the event.
    ///
    /// # Errors
    /// [`ConnectError`] if the endpoint already has its maximum number of connections, the ticket is for a different
    /// server or application or has an invalid size, the server's key is not a valid X25519 public key, or the
    /// pre-shared key is all zeros.
    pub fn connect(
        &mut self,
        now: Instant,
        to: impl Into<Path>,
        options: ConnectOptions,
    ) -> Result<ConnectionId, ConnectError> {
        let now = self.advance(now);
        let owner = options.peer.as_ref().map(|peer| Owner::Peer(peer_identity(&peer.1)));
        // A peer's other connection ends when this one is proven.
        if self.find_room(None).is_err() && !owner.is_some_and(|owner| self.may_dial_beside(owner)) {
            return Err(ConnectError::TooManyConnections { most: self.config.max_connections });
        }
        let local_key = self.public_key;
        let peer = options.peer.as_deref().map(|(psk, peer_key)| {
            // A copy: what is moved out of a box stays in the memory that it gives back.
            Credential::Peer { psk: psk.clone(), local_key, peer_key: *peer_key }
        });
        if let Some(Credential::Peer { psk, peer_key, .. }) = &peer {
            self.acceptor.expect_peer(psk.clone(), *peer_key, &local_key)?;
        }
        let usual = Span::of(self.config.connect_timeout);
        let timeout = options.timeout.map_or(usual, Span::of);
        let plan = DialPlan {
            path: to.into(),
            server_key: options.server_key,
            ticket: options.ticket,
            peer: peer.map(Box::new),
            resume: None,
            timeout: timeout.max(usual),
            order: self.dials + 1,
            reconnect: options.reconnect.unwrap_or(self.config.reconnect),
            attempts: 0,
            is_path_narrow: false,
            give_up_at: Instant::MAX,
        };
        let dial = self.begin_dial(now, plan.attempt(timeout))?;
        let local_id = dial.local_id;
        let sides = self.channel_sides(0);
        let bandwidth = options.bandwidth.map(|most| most.max(LEAST_BANDWIDTH));
        let connection = self.connections.insert(|id| {
            Connection::dialling(id, sides, Some(Box::new(plan)), Some(Box::new(dial)), bandwidth)
        });
        self.ids.assign(local_id, Entry::Dial(connection));
        self.dialled.insert(connection);
        self.own(connection, owner);
        self.refresh(connection);
        Ok(connection)
    }

    /// Sets the address that a dialled connection uses for its next dial. An interrupted connection dials this address
    /// immediately, and abandons an attempt to connect to a different address.
    pub fn redirect(&mut self, now: Instant, connection: ConnectionId, to: impl Into<Path>) {
        let now = self.advance(now);
        if let Some(state) = self.connections.get_mut(connection) {
            state.redirect(now, to.into());
            self.refresh(connection);
        }
    }

    pub(super) fn begin_dial(&mut self, now: Instant, attempt: Attempt) -> Result<Dial, ConnectError> {
        let too_many = ConnectError::TooManyConnections { most: self.config.max_connections };
        let local_id = self.ids.reserve(&mut self.rng).ok_or(too_many)?;
        let Attempt { path, server_key, credential, timeout } = attempt;
        let setup = DialSetup {
            application: self.config.application,
            local_id,
            server_key,
            credential,
            parameters: self.parameters,
            schema: self.schema.clone(),
            padded: matches!(path.remote, Address::Udp(_)),
            timeout,
            reliable: self.links.properties(path.remote).is_some_and(|link| link.reliable),
        };
        match Dialer::new(now, &mut self.rng, Arc::clone(&self.settings.provider), setup) {
            Ok(dialer) => {
                self.dials += 1;
                Ok(Dial::new(now, dialer, path, local_id, self.dials))
            }
            Err(error) => {
                self.ids.release(local_id);
                Err(error)
            }
        }
    }

    /// Dials again for a connection that was lost. The remains of the connection stay until the new dial succeeds.
    pub(super) fn dial_again(&mut self, now: Instant, connection: ConnectionId) {
        let Some(attempt) = self.connections.get(connection).and_then(Connection::next_attempt) else {
            return;
        };
        let dial = self.begin_dial(now, attempt);
        if let Ok(dial) = &dial {
            self.ids.assign(dial.local_id, Entry::Dial(connection));
        }
        if let Some(state) = self.connections.get_mut(connection) {
            state.dial(now, dial, &mut self.rng);
        }
    }

    /// Processes a handshake message for a connection that dials.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let state = self.connections.get_mut(connection).ok_or(DropReason::UnexpectedHandshake)?;
        let answer = state.on_answer(now, &mut self.rng, datagram);
        let result = answer.map(|accepted| {
            if let Some(accepted) = accepted {
                self.on_accepted(now, connection, *accepted);
            }
        });
        self.refresh(connection);
        result
    }

    fn on_accepted(&mut self, now: Instant, connection: ConnectionId, accepted: Accepted) {
        let Some(member) = self.connections.member_mut(connection) else { return };
        let owner = member.owner();
        let state = &mut member.connection;
        let first = state.phase() == Phase::Connecting;
        let resumed = !first && accepted.session == SessionOutcome::Resumed;
        let Some(dial) = state.take_dial(accepted.server_key) else { return };
        if !resumed && state.keeps_session(&dial) {
            return;
        }
        let is_overtaken = !resumed && self.is_overtaken(owner, dial.order);
        let Some(state) = self.connections.get_mut(connection) else { return };
        if is_overtaken {
            // The peer was sent nothing on this one yet.
            state.discard(&dial);
            state.finish(CloseReason::Replaced);
            return;
        }
        if !resumed {
            state.on_dial_counts(&dial);
        }
        if !first && !resumed && state.is_leaving() {
            // Nobody wants what would take its place.
            state.discard(&dial);
            state.finish(CloseReason::SessionLost);
            return;
        }
        let setup = TransportSetup {
            role: Role::Initiator,
            local_id: dial.local_id,
            remote_id: accepted.remote_id,
            path: dial.path,
            keys: accepted.keys,
            peer_ack_delay: bounded_ack_delay(accepted.parameters.ack_delay()),
            max_datagram: self.max_datagram(dial.path.remote, accepted.parameters.max_datagram),
            most_datagram: self.most_datagram(accepted.parameters.max_datagram),
            peer_idle_timeout: accepted.parameters.idle_timeout(),
            link: self.links.properties(dial.path.remote),
            resumed,
        };
        let mut transport = Box::new(Transport::new(now, &self.settings, setup));
        if let Some(sent_at) = dial.hello_sent {
            transport.rtt.update(now.since(sent_at), Span::ZERO);
        }
        let target =
            if first || resumed { Some(connection) } else { self.replace(connection, accepted.session) };
        let Some(target) = target else { return };
        self.ids.assign(dial.local_id, Entry::Connection(target));
        let Some(member) = self.connections.member_mut(target) else { return };
        let is_peer = matches!(member.owner(), Some(Owner::Peer(_)));
        let state = &mut member.connection;
        if resumed {
            state.on_dialled_path(dial.path);
            state.resume(now, transport, &self.settings);
        } else {
            let replaces = (target != connection).then_some(connection);
            state.connect(now, transport, PeerInfo::default(), replaces, &self.settings);
            if is_peer {
                state.contend();
            }
        }
        state.session_mut().on_credit(accepted.parameters.credit);
        self.refresh(target);
    }

    /// Ends the old connection because the server lost the session, and creates a connection that continues its dial plan.
    fn replace(&mut self, connection: ConnectionId, session: SessionOutcome) -> Option<ConnectionId> {
        let member = self.connections.member_mut(connection)?;
        let owner = member.owner();
        let (plan, bandwidth) = member.connection.hand_over(session == SessionOutcome::Lost);
        let sides = self.channel_sides(0);
        let target = self.connections.insert(|id| Connection::dialling(id, sides, plan, None, bandwidth));
        self.dialled.insert(target);
        self.own(target, owner);
        Some(target)
    }
}
