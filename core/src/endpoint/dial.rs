//! Connecting, and connecting again.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::accept::bounded_ack_delay;
use super::ids::Entry;
use super::{ConnectOptions, Endpoint};
use crate::address::{Address, Path};
use crate::config::LEAST_BANDWIDTH;
use crate::connection::{Connection, Dial, DialPlan, Phase, Role, Transport, TransportSetup};
use crate::drop::DropReason;
use crate::error::ConnectError;
use crate::event::{CloseReason, ConnectionId, PeerInfo, Refusal};
use crate::handshake::{
    Accepted, Answer, Credential, DialSetup, Dialer, Owner, ServerKey, SessionOutcome, peer_identity,
};
use crate::time::{Duration, Instant};

impl Endpoint {
    /// Begins to connect. `Connected` or `Closed` follows; messages may be queued meanwhile.
    ///
    /// # Errors
    /// [`ConnectError`] if all connections are taken, the ticket is for another server, or the key is unusable.
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
        let timeout = options.timeout.unwrap_or(self.config.connect_timeout);
        let plan = DialPlan {
            path: to.into(),
            server_key: options.server_key,
            ticket: options.ticket,
            peer: peer.map(Box::new),
            resume: None,
            timeout: timeout.max(self.config.connect_timeout),
            order: self.dials + 1,
            reconnect: options.reconnect.unwrap_or(self.config.reconnect),
            attempts: 0,
            is_path_narrow: false,
            give_up_at: Instant::MAX,
        };
        let dial = self.begin_dial(now, &plan, timeout)?;
        let local_id = dial.local_id;
        let (send, receive) = self.channel_sides(0);
        let connection = self.connections.insert_with_key(|id| {
            let mut state = Connection::new(id, Phase::Connecting, send, receive);
            state.bandwidth = options.bandwidth.map(|most| most.max(LEAST_BANDWIDTH));
            state.plan = Some(Box::new(plan));
            state.dial = Some(Box::new(dial));
            state
        });
        self.ids.assign(local_id, Entry::Dial(connection));
        self.dialled.insert(connection);
        self.own(connection, owner);
        self.refresh(connection);
        Ok(connection)
    }

    fn begin_dial(&mut self, now: Instant, plan: &DialPlan, timeout: Duration) -> Result<Dial, ConnectError> {
        let too_many = ConnectError::TooManyConnections { most: self.config.max_connections };
        let local_id = self.ids.reserve(&mut self.rng).ok_or(too_many)?;
        let setup = DialSetup {
            application: self.config.application,
            local_id,
            server_key: plan.server_key.clone(),
            credential: plan.credential(),
            parameters: self.parameters,
            schema: self.schema.clone(),
            padded: matches!(plan.path.remote, Address::Udp(_)),
            timeout,
            reliable: self.links.properties(plan.path.remote).is_some_and(|link| link.reliable),
        };
        match Dialer::new(now, &mut self.rng, Arc::clone(&self.settings.provider), setup) {
            Ok(dialer) => {
                self.dials += 1;
                Ok(Dial::new(now, dialer, plan.path, local_id, self.dials))
            }
            Err(error) => {
                self.ids.release(local_id);
                Err(error)
            }
        }
    }

    /// Dials for a connection that was lost, beside whatever is left of it.
    pub(super) fn dial_again(&mut self, now: Instant, connection: ConnectionId) {
        let Some(plan) = self.connections.get_mut(connection).and_then(|state| state.plan.take()) else {
            return;
        };
        let dial = self.begin_dial(now, &plan, plan.timeout);
        let Some(state) = self.connections.get_mut(connection) else { return };
        state.plan = Some(plan);
        match dial {
            Ok(dial) => {
                self.ids.assign(dial.local_id, Entry::Dial(connection));
                state.dial = Some(Box::new(dial));
            }
            Err(_) => state.retry_dial_later(now, &mut self.rng),
        }
    }

    /// A handshake message for a connection that dials.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let Some(state) = self.connections.get_mut(connection) else {
            return Err(DropReason::UnexpectedHandshake);
        };
        let Some(dial) = state.dial.as_deref_mut() else { return Err(DropReason::UnexpectedHandshake) };
        let resumes = dial.dialer.shows_resume_ticket();
        let result = match dial.dialer.handle(now, &mut self.rng, datagram) {
            Answer::Ignored(reason) => Err(reason),
            Answer::Noted => Ok(()),
            Answer::Progress => {
                dial.on_progress();
                Ok(())
            }
            // A server that has the session resumes it, so it says this only of one that is gone.
            Answer::Refused(Refusal::Expired) if resumes && state.fall_back() => Ok(()),
            Answer::Refused(_) if state.phase == Phase::Connected && !resumes => {
                // Whatever made us ask, the connection that we have still stands.
                state.drop_dial();
                Ok(())
            }
            Answer::Refused(Refusal::Full | Refusal::TooManyFromAddress)
                if state.phase == Phase::Connected =>
            {
                // The server may have a place when it answers the next packet.
                state.drop_dial();
                Ok(())
            }
            Answer::Refused(Refusal::Full | Refusal::TooManyFromAddress)
                if state.phase == Phase::Interrupted =>
            {
                // A server that has just come back may be busy with everyone at once.
                state.drop_dial();
                state.retry_dial_later(now, &mut self.rng);
                Ok(())
            }
            Answer::Refused(refusal) => {
                state.finish(CloseReason::Refused(refusal));
                Ok(())
            }
            Answer::Accepted(accepted) => {
                self.on_accepted(now, connection, *accepted);
                Ok(())
            }
        };
        self.refresh(connection);
        result
    }

    fn on_accepted(&mut self, now: Instant, connection: ConnectionId, accepted: Accepted) {
        let Some(state) = self.connections.get_mut(connection) else { return };
        let Some(dial) = state.dial.take() else { return };
        if let Some(plan) = state.plan.as_deref_mut() {
            // Whatever key was trusted at first is the one to trust from now on.
            plan.server_key = ServerKey::Pinned(accepted.server_key);
        }
        let first = state.phase == Phase::Connecting;
        let resumed = !first && accepted.session == SessionOutcome::Resumed;
        if !resumed && state.was_heard_since(dial.began_at) {
            // Only a server that holds the keys can be heard: an Unknown that was forged made us ask.
            state.retired_ids.push(dial.local_id);
            return;
        }
        let owner = state.owner.as_deref().copied();
        if !resumed && self.is_overtaken(owner, dial.order) {
            // The peer was sent nothing on this one yet.
            let Some(state) = self.connections.get_mut(connection) else { return };
            state.retired_ids.push(dial.local_id);
            state.finish(CloseReason::Replaced);
            return;
        }
        let Some(state) = self.connections.get_mut(connection) else { return };
        if let Some(plan) = state.plan.as_deref_mut().filter(|_| !resumed) {
            plan.order = dial.order;
        }
        if !first && !resumed && state.is_leaving() {
            // Nobody wants what would take its place.
            state.retired_ids.push(dial.local_id);
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
            transport.rtt.update(now - sent_at, Duration::ZERO);
        }
        let target =
            if first || resumed { Some(connection) } else { self.replace(connection, accepted.session) };
        let Some(target) = target else { return };
        self.ids.assign(dial.local_id, Entry::Connection(target));
        let Some(state) = self.connections.get_mut(target) else { return };
        if resumed {
            state.resume(now, transport, &self.settings);
        } else {
            let replaces = (target != connection).then_some(connection);
            state.connect(now, transport, PeerInfo::default(), replaces, &self.settings);
            state.is_contending = matches!(state.owner.as_deref(), Some(Owner::Peer(_)));
        }
        state.send.on_credit(accepted.parameters.credit);
        self.refresh(target);
    }

    /// The server lost the session: the old connection ends, and a new one takes over its plan.
    fn replace(&mut self, connection: ConnectionId, session: SessionOutcome) -> Option<ConnectionId> {
        let state = self.connections.get_mut(connection)?;
        let (mut plan, bandwidth) = (state.plan.take(), state.bandwidth);
        let owner = state.owner.as_deref().copied();
        // The resume ticket that was shown stays good until the new session's first one is acknowledged. One that was set
        // aside is of another session, which the server may still have.
        if let Some(plan) = plan.as_mut().filter(|_| session != SessionOutcome::Lost) {
            plan.resume = None;
        }
        state.finish(CloseReason::SessionLost);
        let (send, receive) = self.channel_sides(0);
        let target = self.connections.insert_with_key(|id| {
            let mut state = Connection::new(id, Phase::Connecting, send, receive);
            state.plan = plan;
            state.bandwidth = bandwidth;
            state
        });
        self.dialled.insert(target);
        self.own(target, owner);
        Some(target)
    }
}
