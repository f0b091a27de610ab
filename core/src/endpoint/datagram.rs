//! Finds the connection or handshake that a datagram belongs to.

use super::Endpoint;
use super::directory::Directory;
use super::ids::Entry;
use crate::address::{Ecn, Path};
use crate::connection::{Connection, Reception, Resources};
use crate::drop::DropReason;
use crate::event::ConnectionId;
use crate::handshake::{self, HandshakeArrival, Screened};
use crate::limits;
use crate::time::{Duration, Instant};
use crate::token_bucket::Rate;
use crate::wire::{Control, DataHeader, PacketKind, classify};

/// The rate limit of the answers to unknown connection ids, for all sources together. A server that has just restarted has
/// many clients.
const UNKNOWN_RATE: Rate = Rate::per_second(2000, Duration::from_secs(1));
/// The rate limit of the connections that are searched because of Unknown messages.
const LOOKUP_RATE: Rate = Rate::per_second(limits::LOOKUPS_PER_SECOND, Duration::from_secs(1));

impl Endpoint {
    /// Decrypts one received datagram in place and processes it. The call returns no error, because the endpoint counts
    /// and drops invalid datagrams.
    pub fn handle_datagram(&mut self, now: Instant, from: impl Into<Path>, ecn: Ecn, datagram: &mut [u8]) {
        let now = self.advance(now);
        self.handle_datagram_received_at(now, now, from, ecn, datagram);
    }

    /// Processes a datagram that reached this host at `received_at`, before the call. Drivers that get this time from
    /// the system and coalesce datagrams use this method. Unlike [`Endpoint::handle_datagram`], the method measures RTTs and
    /// delays up to `received_at`, so the time that the datagram waited on this host does not count as path delay. A
    /// time after `now` counts as `now`.
    pub fn handle_datagram_received_at(
        &mut self,
        now: Instant,
        received_at: Instant,
        from: impl Into<Path>,
        ecn: Ecn,
        datagram: &mut [u8],
    ) {
        let now = self.advance(now);
        let reception = Reception { from: from.into(), ecn, at: received_at.min(now) };
        if let Err(reason) = self.route(now, &reception, datagram) {
            self.drops.count(reason);
        }
    }

    fn route(&mut self, now: Instant, reception: &Reception, datagram: &mut [u8]) -> Result<(), DropReason> {
        let from = &reception.from;
        if datagram.is_empty() {
            return Err(DropReason::TooShort);
        }
        if datagram.len() > limits::MAX_DATAGRAM {
            return Err(DropReason::TooLarge);
        }
        if !self.links.may_receive(from.remote) {
            return Err(DropReason::UnknownLink);
        }
        match classify(datagram).ok_or(DropReason::UnknownType)? {
            PacketKind::Data => self.on_data(now, reception, datagram),
            PacketKind::Hello | PacketKind::Control(Control::KeyQuery) => self.on_hello(now, from, datagram),
            PacketKind::Retry
            | PacketKind::Welcome
            | PacketKind::Control(Control::Version | Control::KeyReply) => {
                let id = handshake::addressee(datagram).ok_or(DropReason::TooShort)?;
                match self.ids.get(id) {
                    Some(Entry::Dial(connection)) => self.on_answer(now, connection, datagram),
                    _ => Err(DropReason::UnexpectedHandshake),
                }
            }
            PacketKind::Control(Control::Unknown) => self.on_unknown(from, datagram),
        }
    }

    /// Processes a Data datagram. Most datagrams belong to a connection.
    #[inline(always)]
    fn on_data(
        &mut self,
        now: Instant,
        reception: &Reception,
        datagram: &mut [u8],
    ) -> Result<(), DropReason> {
        let from = &reception.from;
        let header = DataHeader::read(datagram).map_err(|_| DropReason::TooShort)?;
        match self.ids.get(header.id) {
            Some(Entry::Connection(connection)) => {
                let Some(state) = self.connections.get_mut(connection) else {
                    return Err(DropReason::UnknownConnection);
                };
                let echo = handshake::echo_of(datagram);
                let mut lent = Resources {
                    arena: &mut self.arena,
                    rng: &mut self.rng,
                    settings: &self.settings,
                    worlds: self.worlds.table.as_ref(),
                };
                let result = state.handle_data(now, reception, &header, datagram, &mut lent);
                // A datagram that is not authentic changes no address.
                let is_stray =
                    result == Err(DropReason::NotAuthentic) && state.address() != Some(from.remote);
                self.arena.arm(now);
                self.touch(connection);
                if is_stray {
                    // Perhaps a client of an earlier life of this server, whose id now belongs to another.
                    self.reply_unknown(now, from, header.id, echo);
                }
                result
            }
            Some(Entry::HalfOpen(half_open)) => {
                self.on_first_data(now, reception, half_open, &header, datagram)
            }
            Some(Entry::Dial(_) | Entry::Reserved) => Err(DropReason::UnexpectedHandshake),
            None => {
                self.reply_unknown(now, from, header.id, handshake::echo_of(datagram));
                Err(DropReason::UnknownConnection)
            }
        }
    }

    fn on_hello(&mut self, now: Instant, from: &Path, datagram: &[u8]) -> Result<(), DropReason> {
        let validated = matches!(from.remote, crate::address::Address::Link(_));
        let mut reply = self.replies.buffer();
        let arrival = HandshakeArrival {
            now,
            wall_now: self.wall(now),
            from: *from,
            source: self.links.source(from.remote),
            validated,
        };
        let directory = Directory {
            connections: &self.connections,
            sessions: &self.sessions,
            dialled: &self.dialled,
            public_key: self.public_key,
            now,
        };
        match self.acceptor.screen(arrival, datagram, &directory, &mut reply, &mut self.rng) {
            Screened::Dropped(reason) => {
                self.replies.give_back(reply);
                Err(reason)
            }
            Screened::Replied => {
                self.queue_reply(*from, reply);
                Ok(())
            }
            Screened::Applicant(candidate) => {
                self.judge(now, from, candidate, reply);
                Ok(())
            }
        }
    }

    pub(super) fn queue_reply(&mut self, to: Path, reply: alloc::vec::Vec<u8>) {
        if !self.replies.push(to, reply) {
            self.drops.count(DropReason::NoRoom);
        }
    }

    /// Replies that a connection id is unknown. The reply is smaller than the datagram that caused it, and is rate-limited.
    fn reply_unknown(&mut self, now: Instant, to: &Path, id: u32, echo: Option<[u8; 8]>) {
        if let Some(echo) = echo
            && self.unknown_sources.take(
                self.settings.provider.handshake(),
                now,
                self.links.source(to.remote),
            )
            && self.unknown_budget.take(UNKNOWN_RATE, now, 1)
        {
            let mut reply = self.replies.buffer();
            reply.extend_from_slice(&handshake::unknown(id, echo));
            self.queue_reply(*to, reply);
        }
    }

    /// Processes the peer's report that it does not know this end's connection. Only an observer of our datagrams can echo
    /// a tag, but the observer may be an attacker on the path. The connection therefore stays, and a handshake begins
    /// beside it.
    fn on_unknown(&mut self, from: &Path, datagram: &[u8]) -> Result<(), DropReason> {
        let (id, echo) = handshake::parse_unknown(datagram).map_err(|_| DropReason::Malformed)?;
        // A genuine one that is passed over comes again with the next probe.
        let lookups = u32::try_from(self.dialled.len()).unwrap_or(u32::MAX);
        if !self.lookup_budget.take(LOOKUP_RATE, self.now, lookups) {
            return Err(DropReason::UnknownConnection);
        }
        let connection = self
            .find_dialled(|state| state.has_sent(id, from.remote, &echo))
            .ok_or(DropReason::UnknownConnection)?;
        if let Some(state) = self.connections.get_mut(connection) {
            state.on_unknown();
            self.refresh(connection);
        }
        Ok(())
    }

    fn find_dialled(&self, matches: impl Fn(&Connection) -> bool) -> Option<ConnectionId> {
        let mut candidates = self.dialled.iter().copied();
        candidates.find(|id| self.connections.get(*id).is_some_and(&matches))
    }
}
