//! Checks a Hello's credential before any Diffie-Hellman.

use bytes::Bytes;

use super::super::burn::{BurnTable, EndedSessions};
use super::super::half_open::{Resume, ShownCredential};
use super::super::hello::{Hello, Mode};
use super::super::known_parties::KnownParties;
use super::super::peer::{self, ExpectedPeers};
use super::super::resume_ticket::ResumeSealer;
use super::super::ticket::TicketOpener;
use super::super::welcome::SessionOutcome;
use crate::config::{Access, Secrets};
use crate::crypto::{HandshakeCrypto, Key, Secret};
use crate::drop::DropReason;
use crate::event::{PeerInfo, Refusal};
use crate::limits;
use crate::stats::TicketCounts;
use crate::time::Duration;

/// Checks tickets, resume tickets and peers.
pub(super) struct Credentials {
    access: Access,
    pub(super) tickets: Option<TicketOpener>,
    pub(super) resume: ResumeSealer,
    pub(super) peers: ExpectedPeers,
    pub(super) burnt: BurnTable,
    pub(super) ended: EndedSessions,
    /// The counts of client tickets by their expiry relative to the wall clock.
    pub(super) judged: TicketCounts,
}

/// The result of checking a Hello's credential before any Diffie-Hellman.
pub(super) struct CheckedProof {
    pub(super) credential: ShownCredential,
    pub(super) psk: Secret,
    pub(super) peer: PeerInfo,
    pub(super) session: SessionOutcome,
    pub(super) refusal: Option<Refusal>,
}

impl CheckedProof {
    fn open() -> Self {
        Self {
            credential: ShownCredential::Open,
            psk: Secret::new([0; 32]),
            peer: PeerInfo::default(),
            session: SessionOutcome::New,
            refusal: None,
        }
    }

    fn peer(hint: &[u8], psk: Secret, peer_key: &Key) -> Result<Self, DropReason> {
        let hint = hint.try_into().map_err(|_| DropReason::UnknownPeer)?;
        Ok(Self {
            credential: ShownCredential::Peer { hint },
            psk,
            peer: PeerInfo { identity: peer::identity(peer_key), user_data: Bytes::new() },
            session: SessionOutcome::New,
            refusal: None,
        })
    }
}

impl Credentials {
    pub(super) fn new(
        provider: &dyn HandshakeCrypto,
        secrets: &Secrets,
        access: Access,
        application: u64,
        public_key: Key,
    ) -> Self {
        let opener = |key: &Key| TicketOpener::new(provider, key, application, public_key);
        Self {
            access,
            tickets: secrets.ticket.as_deref().map(opener),
            resume: ResumeSealer::new(provider, &secrets.identity, application),
            peers: ExpectedPeers::default(),
            burnt: BurnTable::new(limits::BURNT_TICKETS),
            ended: EndedSessions::new(limits::ENDED_SESSIONS),
            judged: TicketCounts::default(),
        }
    }

    /// Checks the credential of a Hello, without a Diffie-Hellman.
    ///
    /// `waiting` is the number of half-open handshakes, each of which may use a ticket.
    pub(super) fn check(
        &mut self,
        provider: &dyn HandshakeCrypto,
        wall_now: u64,
        hello: &Hello<'_>,
        directory: &dyn KnownParties,
        waiting: usize,
    ) -> Result<CheckedProof, DropReason> {
        self.burnt.advance(wall_now);
        match hello.mode {
            Mode::Open if self.access == Access::Open => Ok(CheckedProof::open()),
            Mode::Open => Err(DropReason::NoTicket),
            Mode::Ticket if self.access == Access::Peers => Err(DropReason::BadTicket),
            Mode::Ticket => self.check_ticket(provider, wall_now, hello, waiting),
            Mode::Resume => self.check_resume_ticket(provider, wall_now, hello, directory),
            Mode::Peer => {
                let peer = self.peers.find(hello.ticket).ok_or(DropReason::UnknownPeer)?;
                if directory.prefers_own_dial(&peer.peer_key) {
                    return Err(DropReason::UnexpectedHandshake);
                }
                CheckedProof::peer(hello.ticket, peer.psk.clone(), &peer.peer_key)
            }
        }
    }

    fn check_ticket(
        &mut self,
        provider: &dyn HandshakeCrypto,
        wall_now: u64,
        hello: &Hello<'_>,
        waiting: usize,
    ) -> Result<CheckedProof, DropReason> {
        let opener = self.tickets.as_ref().ok_or(DropReason::BadTicket)?;
        let ticket = opener.open(provider, hello.expiry, hello.ticket).ok_or(DropReason::BadTicket)?;
        let expired = self.burnt.is_expired(wall_now, ticket.expiry);
        if self.burnt.contains(&ticket.id, ticket.expiry) {
            return Err(DropReason::BurntTicket);
        }
        // Each handshake that waits may burn a ticket; none may wait that could not.
        if !expired && self.burnt.room() <= waiting {
            return Err(DropReason::BurnTableFull);
        }
        let peer = PeerInfo { identity: ticket.identity, user_data: Bytes::from(ticket.user_data) };
        let credential = ShownCredential::Ticket { id: ticket.id, expiry: ticket.expiry };
        let refusal = expired.then(|| self.expired(wall_now, ticket.expiry));
        Ok(CheckedProof { credential, psk: ticket.psk, peer, session: SessionOutcome::New, refusal })
    }

    fn check_resume_ticket(
        &mut self,
        provider: &dyn HandshakeCrypto,
        wall_now: u64,
        hello: &Hello<'_>,
        directory: &dyn KnownParties,
    ) -> Result<CheckedProof, DropReason> {
        let contents = self.resume.open(provider, hello.expiry, hello.ticket).ok_or(DropReason::BadTicket)?;
        let resume = Resume { session: contents.session, incarnation: contents.incarnation };
        let session = directory.session(&resume)?;
        let peer = PeerInfo { identity: contents.identity, user_data: Bytes::from(contents.user_data) };
        // A session that lives decides by itself who resumes it. Its ticket's expiry is for a server that has forgotten it.
        let refusal = match session {
            SessionOutcome::Resumed | SessionOutcome::New => None,
            SessionOutcome::Lost if self.ended.contains(&contents.session) => Some(Refusal::SessionEnded),
            // A client without identity and user data gets the same from a Hello without a ticket, so the server accepts it at once. A
            // refusal would cost the client two more round trips, and everybody behind its address another token. The identity of
            // any other client has expired with this ticket, and the client must learn that.
            SessionOutcome::Lost
                if contents.expiry <= wall_now
                    && self.access == Access::Open
                    && peer == PeerInfo::default() =>
            {
                None
            }
            SessionOutcome::Lost if contents.expiry <= wall_now => {
                Some(self.expired(wall_now, contents.expiry))
            }
            SessionOutcome::Lost => {
                self.judged.note_life(contents.expiry.saturating_sub(wall_now));
                self.ended.may_contain(contents.expiry).then_some(Refusal::SessionEnded)
            }
        };
        Ok(CheckedProof {
            credential: ShownCredential::Resume(resume),
            psk: contents.psk,
            peer,
            session,
            refusal,
        })
    }

    fn expired(&mut self, wall_now: u64, expiry: u64) -> Refusal {
        self.judged.expired_by = Duration::from_micros(wall_now.saturating_sub(expiry));
        Refusal::Expired
    }
}
