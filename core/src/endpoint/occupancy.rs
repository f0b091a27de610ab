//! Assigns the places for connections: a peer gets a place, gives it back, or takes over the place of
//! another connection.

use alloc::boxed::Box;

use smallvec::SmallVec;

use super::Endpoint;
use super::members::Member;
use crate::connection::Phase;
use crate::drop::DropReason;
use crate::event::{ConnectionId, Refusal};
use crate::handshake::{HALF_OPEN_LIFE, Owner, peer_identity};
use crate::limits;
use crate::source::Source;
use crate::time::Span;

/// The time after which a connection whose peer does not answer a probe gives its place to its owner's next connection.
const GHOST_PATIENCE: Span = Span::from_secs(2);

/// The result of the contest between a new client and the existing connections of its owner in a full server.
enum Contest {
    /// This connection's peer does not answer, so the new client gets the connection's place.
    Won(ConnectionId),
    /// The peer of at least one connection still has time to answer.
    Open,
    /// The peers of all connections answered, or there are no connections.
    Lost,
}

impl Endpoint {
    /// Checks whether a connection may occupy a place. The connection is of a new client from `source`, or one that this
    /// end dials.
    pub(super) fn find_room(&self, source: Option<Source>) -> Result<(), Refusal> {
        let (all, most) = (self.connections.len(), self.config.max_connections);
        if all - self.places.leaving.len() >= most || all >= most + self.most_leaving() {
            return Err(Refusal::Full);
        }
        if source.is_some_and(|source| !self.accounts.has_room(source, &self.config)) {
            return Err(Refusal::TooManyFromAddress);
        }
        Ok(())
    }

    /// Returns the largest number of closing connections. Beyond this number, the endpoint drops the oldest one, although
    /// its peer may not have received the CLOSE.
    fn most_leaving(&self) -> usize {
        self.config.max_connections.max(limits::LEAVING)
    }

    /// Records the owner of `connection`.
    pub(super) fn own(&mut self, connection: ConnectionId, owner: Option<Owner>) {
        let Some(member) = self.connections.member_mut(connection) else { return };
        let former = core::mem::replace(&mut member.owner, owner.map(Box::new));
        if let Some(former) = former {
            self.places.leave(&former, connection);
        }
        if let Some(owner) = owner {
            self.places.owners.entry(owner).or_default().push(connection);
        }
    }

    /// Returns `true` if this end dialled the same peer later, and the peer has already accepted the later dial.
    pub(super) fn is_overtaken(&self, owner: Option<Owner>, order: u64) -> bool {
        let Some(owner @ Owner::Peer(_)) = owner else { return false };
        self.places.held_by(&owner).iter().any(|id| {
            self.connections.get(*id).is_some_and(|state| {
                state.phase() == Phase::Connected && state.order().is_some_and(|later| later > order)
            })
        })
    }

    /// Updates the places after a connection ended, or after the first packet from a peer that this end dialled.
    pub(super) fn settle_place(&mut self, connection: ConnectionId) {
        let Some(state) = self.connections.get_mut(connection) else { return };
        if state.take_proven() {
            self.on_peer_proven(connection);
        }
        let must_leave = |member: &Member| member.connection.is_leaving() && !member.has_left;
        if self.connections.member(connection).is_some_and(must_leave) {
            self.vacate(connection);
        }
    }

    /// Handles the first packet from a peer that this end dialled. If this end's dial has priority over the peer's dial,
    /// the half-open handshakes of the peer end.
    fn on_peer_proven(&mut self, connection: ConnectionId) {
        let owner = self.connections.member(connection).and_then(Member::owner);
        if let Some(owner @ Owner::Peer(name)) = owner
            && self.initiates_to(&name)
        {
            for id in self.acceptor.drop_half_open(owner) {
                self.ids.release(id);
            }
        }
        self.keep_only(connection);
    }

    /// Releases the place of a connection that closes.
    fn vacate(&mut self, connection: ConnectionId) {
        let Some(member) = self.connections.member_mut(connection) else { return };
        member.has_left = true;
        self.close_account(connection);
        self.own(connection, None);
        self.places.probed.remove(&connection);
        self.places.leaving.push_back(connection);
        if self.places.leaving.len() > self.most_leaving() {
            self.forget_oldest();
        }
    }

    /// Drops the connection that has been closing for the longest time.
    fn forget_oldest(&mut self) {
        let is_closing = |id: &&ConnectionId| {
            self.connections.get(**id).is_some_and(|state| state.phase() == Phase::Closing)
        };
        let Some(oldest) = self.places.leaving.iter().find(is_closing).copied() else { return };
        if let Some(state) = self.connections.get_mut(oldest) {
            state.forget();
        }
        self.refresh(oldest);
    }

    /// Returns `true` if this end may dial `owner` although all places are taken, because `owner` already has a place.
    pub(super) fn may_dial_beside(&self, owner: Owner) -> bool {
        let most = self.config.max_connections + self.most_leaving();
        self.connections.len() < most && !self.places.held_by(&owner).is_empty()
    }

    /// Returns `true` if this end's dial of the peer with this identity has priority over the peer's dial.
    fn initiates_to(&self, name: &[u8; 16]) -> bool {
        peer_identity(&self.public_key) < *name
    }

    /// Returns `true` if `owner` has a connection whose place a new client from `source` could take over. `refusal` gives
    /// the reason why no place is free.
    pub(super) fn may_take_over(&self, owner: Owner, source: Option<Source>, refusal: &Refusal) -> bool {
        self.places.held_by(&owner).iter().any(|id| {
            self.connections.member(*id).is_some_and(|member| is_contested(member, owner, source, refusal))
        })
    }

    /// Returns the connection whose place a new client of `owner` from `source` takes over. `refusal` gives the reason why
    /// no place is free.
    ///
    /// # Errors
    /// [`DropReason::NoRoom`] while it is unknown whether the peer of a connection answers. The client then sends its first
    /// Data again.
    pub(super) fn find_ghost(
        &mut self,
        owner: Owner,
        source: Option<Source>,
        refusal: &Refusal,
    ) -> Result<Option<ConnectionId>, DropReason> {
        match self.contest(owner, source, refusal) {
            Contest::Won(ghost) => Ok(Some(ghost)),
            Contest::Open => Err(DropReason::NoRoom),
            Contest::Lost => {
                for id in self.places.owners.get(&owner).into_iter().flatten() {
                    self.places.probed.remove(id);
                }
                Ok(None)
            }
        }
    }

    /// Sends the probes that are needed, and returns the result so far.
    fn contest(&mut self, owner: Owner, source: Option<Source>, refusal: &Refusal) -> Contest {
        let now = self.now;
        let mut contest = Contest::Lost;
        let held: SmallVec<[ConnectionId; limits::CONTESTED]> =
            self.places.held_by(&owner).iter().copied().take(limits::CONTESTED).collect();
        for id in held {
            let Some(member) = self.connections.member_mut(id) else { continue };
            if !is_contested(member, owner, source, refusal) {
                continue;
            }
            let last_heard = member.connection.last_heard();
            let is_interrupted = !member.connection.has_transport();
            if is_interrupted && now.since(last_heard) >= self.settings.idle_timeout {
                return Contest::Won(id);
            }
            let probed = self.places.probed.get(&id).copied();
            match probed {
                Some(at) if last_heard <= at && now >= at + GHOST_PATIENCE => {
                    return Contest::Won(id);
                }
                Some(at) if last_heard <= at => contest = Contest::Open,
                // An answer counts for as long as the newcomer's half-open handshake lives.
                Some(at) if now < at + HALF_OPEN_LIFE && !is_interrupted => {}
                _ => {
                    // An interrupted connection cannot be asked. Its peer has as much time to come back.
                    member.connection.ask();
                    self.places.probed.insert(id, now);
                    self.refresh(id);
                    contest = Contest::Open;
                }
            }
        }
        contest
    }

    /// Ends a connection whose place another connection takes over.
    pub(super) fn end_replaced(&mut self, connection: ConnectionId) {
        if let Some(state) = self.connections.get_mut(connection) {
            state.replaced();
        }
        self.refresh(connection);
    }

    /// Ends the other connections of the same peer, because `connection` has proved its keys. One pair of keys has one
    /// connection.
    ///
    /// Both ends make the same choice. Of two connections that the same end dialled, the later dial survives. Of two
    /// attempts that crossed, [`super::directory::Crossing`] left one. Any other connection was proved before this
    /// connection was dialled.
    pub(super) fn keep_only(&mut self, connection: ConnectionId) {
        let Some(member) = self.connections.member(connection) else { return };
        let Some(owner @ Owner::Peer(_)) = member.owner() else { return };
        let order = member.connection.order();
        let others: SmallVec<[ConnectionId; 2]> =
            self.places.held_by(&owner).iter().copied().filter(|held| *held != connection).collect();
        let mut is_older = false;
        for other in others {
            let Some(state) = self.connections.get(other) else { continue };
            let is_later = state.order() > order && order.is_some();
            if is_later {
                is_older |= state.is_confirmed();
            } else {
                self.end_replaced(other);
            }
        }
        if is_older {
            self.end_replaced(connection);
        }
    }
}

/// Returns `true` if ending `member` would free the place that `refusal` reports as missing.
fn is_contested(member: &Member, owner: Owner, source: Option<Source>, refusal: &Refusal) -> bool {
    // A peer's former connection gives way whatever it counts against. Nothing makes room on an account that is not known.
    let is_peer = matches!(owner, Owner::Peer(_));
    let counts = is_peer || *refusal == Refusal::Full || source.is_some() && member.source == source;
    counts && matches!(member.connection.phase(), Phase::Connected | Phase::Interrupted)
}
