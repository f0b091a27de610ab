//! The answering end: what it takes to get from a stranger's first datagram to keys.
//!
//! [`Acceptor::screen`] looks at a Hello in the order of what looking costs, and keeps nothing. What passes is a
//! [`Candidate`]; its owner decides, and [`Acceptor::answer`] keeps a half-open handshake of at most 512 bytes. The
//! first authentic Data turns that into a connection with [`Acceptor::confirm`].

mod payment;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use smallvec::SmallVec;

use self::payment::{Earned, Payment};
use super::buckets::Places;
use super::burn::{BurnTable, EndedSessions};
use super::control::{CONTROL, KEY_QUERY, KEY_REPLY_BYTES, KeyQuery, KeyReply, VersionReply};
use super::cookie::Cookies;
use super::directory::Directory;
use super::half_open::{Credential, HALF_OPEN_LIFE, HalfOpenTable, Opening};
pub(crate) use super::half_open::{HalfOpen, HalfOpenId, Resume};
use super::hello::{HELLO, Hello, Mode, Preamble, Retry, VERSION, echo_of, noise_digest};
use super::keys;
use super::load::Failures;
use super::owner::Owner;
use super::parameters::Parameters;
use super::peer::{self, ExpectedPeers, PeerHint};
use super::resume_ticket::ResumeSealer;
use super::ticket::TicketOpener;
use super::tokens::Tokens;
use super::welcome::{self, Session, WELCOME};
use crate::address::{Address, Path};
use crate::config::{Access, Config, Secrets};
use crate::crypto::{HandshakeInput, Key, Provider, Responder, Secret};
use crate::drop::DropReason;
use crate::error::ConnectError;
use crate::event::{PeerInfo, Refusal};
use crate::limits;
use crate::rng::Rng;
use crate::schema::Schema;
use crate::source::Source;
use crate::stats::TicketCounts;
use crate::time::{Duration, Instant};
use crate::wire::Reader;

/// What an acceptor takes from the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AcceptSetup {
    pub(crate) application: u64,
    pub(crate) access: Access,
    /// Half-open handshakes from which on only a cookie earns a Diffie-Hellman.
    pub(crate) cookie_threshold: usize,
    /// Handshakes per second and source that are answered, and at once.
    pub(crate) handshake_rate: u32,
    pub(crate) handshake_burst: u32,
}

impl AcceptSetup {
    pub(crate) const fn new(config: &Config) -> Self {
        Self {
            application: config.application,
            access: config.access,
            cookie_threshold: config.cookie_threshold,
            handshake_rate: config.handshake_rate,
            handshake_burst: config.handshake_burst,
        }
    }
}

/// When and whence a datagram came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) now: Instant,
    /// Wall time in microseconds.
    pub(crate) wall_now: u64,
    pub(crate) from: Path,
    /// On whose account it goes, if the sender is there.
    pub(crate) source: Source,
    /// Whether the sender is known to hear what is sent there: true for links.
    pub(crate) validated: bool,
}

/// What became of a datagram.
pub(crate) enum Screened {
    /// Nothing is to be done.
    Dropped(DropReason),
    /// The reply was written; it is not larger than the datagram, and goes back where that came from.
    Replied,
    /// A client that may be let in.
    Candidate(Box<Candidate>),
}

/// A client that holds what it takes to be let in. Nothing is kept of it until it is answered.
pub(crate) struct Candidate {
    pub(crate) peer: PeerInfo,
    pub(crate) parameters: Parameters,
    /// What became of the session that it wants to go on with.
    pub(crate) session: Session,
    /// Its ticket is authentic but void: whatever the verdict, it is refused.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) client_id: u32,
    credential: Credential,
    address: Address,
    /// Where its source is recorded if it comes to nothing, if it was shown.
    record: Option<Places>,
    /// The half-open handshake that gives way to it.
    instead: Option<HalfOpenId>,
    id: HalfOpenId,
    responder: Box<dyn Responder>,
    /// The most bytes that the answer may have.
    reply_room: usize,
}

impl Candidate {
    /// The session that the Welcome says it resumes, if it is let in.
    pub(crate) const fn resumes(&self) -> Option<Resume> {
        match (self.session, self.credential) {
            (Session::Resumed, Credential::Resume(resume)) => Some(resume),
            _ => None,
        }
    }
}

/// What is decided about a candidate.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// It is let in, once its first Data comes.
    Accept {
        /// The connection id that it shall send to.
        local_id: u32,
    },
    /// It is not.
    Refuse(Refusal),
}

/// The record of a candidate that was answered.
pub(crate) struct Kept {
    /// Its half-open handshake; `None` if there was no room after all.
    pub(crate) half_open: Option<HalfOpenId>,
    /// The local id of one that gave way to it.
    pub(crate) freed: Option<u32>,
}

/// A half-open handshake that became a connection.
pub(crate) struct Confirmed {
    pub(crate) peer: PeerInfo,
    /// Bytes of reliable data that the client lets us begin.
    pub(crate) credit: u64,
    pub(crate) resume: Option<Resume>,
    pub(crate) local_id: u32,
    /// Local ids of other half-open handshakes of the same ticket, which are gone.
    pub(crate) freed: SmallVec<[u32; 2]>,
}

/// Answers the handshakes of others.
pub(crate) struct Acceptor {
    provider: Arc<dyn Provider>,
    identity: Secret,
    public_key: Key,
    setup: AcceptSetup,
    tickets: Option<TicketOpener>,
    resume: ResumeSealer,
    cookies: Cookies,
    tokens: Tokens,
    peers: ExpectedPeers,
    half_open: HalfOpenTable,
    failures: Failures,
    burnt: BurnTable,
    ended: EndedSessions,
    tickets_judged: TicketCounts,
}

impl Acceptor {
    pub(crate) fn new(
        provider: Arc<dyn Provider>,
        secrets: &Secrets,
        setup: AcceptSetup,
        rng: &mut Rng,
    ) -> Self {
        let public_key = provider.public_key(&secrets.identity);
        let opener = |key: &Key| TicketOpener::new(&*provider, key, setup.application, public_key);
        Self {
            identity: secrets.identity.clone(),
            public_key,
            setup,
            tickets: secrets.ticket.as_deref().map(opener),
            resume: ResumeSealer::new(&*provider, &secrets.identity, setup.application),
            cookies: Cookies::new(&*provider, &secrets.identity, rng),
            tokens: Tokens::new(setup.handshake_rate, setup.handshake_burst, Secret::from(rng.array())),
            peers: ExpectedPeers::default(),
            half_open: HalfOpenTable::new(),
            failures: Failures::new(HALF_OPEN_LIFE),
            burnt: BurnTable::new(limits::BURNT_TICKETS),
            ended: EndedSessions::new(limits::ENDED_SESSIONS),
            tickets_judged: TicketCounts::default(),
            provider,
        }
    }

    /// The key that clients pin.
    pub(crate) const fn public_key(&self) -> Key {
        self.public_key
    }

    /// What seals the resume tickets that this end gives out.
    pub(crate) const fn resume_sealer(&self) -> &ResumeSealer {
        &self.resume
    }

    /// Lets the peer in that holds `psk`, whose public key is `peer_key`, and that dials `our_key`.
    pub(crate) fn expect_peer(
        &mut self,
        psk: Secret,
        peer_key: Key,
        our_key: &Key,
    ) -> Result<PeerHint, ConnectError> {
        self.peers.expect(&*self.provider, psk, peer_key, our_key)
    }

    /// Undoes [`Acceptor::expect_peer`]. What it began may still finish.
    pub(crate) fn forget_peer(&mut self, hint: &PeerHint) {
        self.peers.forget(hint);
    }

    /// Looks at a Hello or KeyQuery. `reply` is overwritten.
    pub(crate) fn screen(
        &mut self,
        arrival: Arrival,
        bytes: &[u8],
        directory: &dyn Directory,
        reply: &mut Vec<u8>,
        rng: &mut Rng,
    ) -> Screened {
        reply.clear();
        let screened = match bytes {
            _ if self.setup.access == Access::Closed => Err(DropReason::Closed),
            _ if bytes.len() > limits::BASE_DATAGRAM => Err(DropReason::TooLarge),
            [HELLO, ..] => self.screen_hello(arrival, bytes, directory, reply, rng),
            [CONTROL, KEY_QUERY, ..] => self.answer_key_query(bytes, reply),
            _ => Err(DropReason::UnexpectedHandshake),
        };
        screened.unwrap_or_else(Screened::Dropped)
    }

    fn screen_hello(
        &mut self,
        arrival: Arrival,
        bytes: &[u8],
        directory: &dyn Directory,
        reply: &mut Vec<u8>,
        rng: &mut Rng,
    ) -> Result<Screened, DropReason> {
        let preamble = Preamble::of(bytes).ok_or(DropReason::TooShort)?;
        check_padding(arrival, bytes)?;
        if preamble.application() != self.setup.application {
            return Err(DropReason::WrongApplication);
        }
        if preamble.version() != VERSION {
            VersionReply::append_to(preamble.echo(), reply);
            return Ok(Screened::Replied);
        }
        let hello = Hello::read(bytes).map_err(|_| DropReason::Malformed)?;
        let digest = noise_digest(&*self.provider, hello.noise);
        let id = HalfOpenId::of(&digest);
        if let Some(welcome) = self.half_open.repeat(arrival.now, &id, arrival.from.remote) {
            reply.extend_from_slice(welcome);
            return Ok(Screened::Replied);
        }
        let proof = self.check_credential(arrival, &hello, directory)?;
        let Some(earned) = self.check_earned(arrival, &hello, &digest) else {
            return Ok(self.ask_for_cookie(arrival, &hello, &digest, reply));
        };
        // This looks at every entry: strangers have to earn it.
        if !self.half_open.has_room_for(arrival.now, &proof.credential) {
            return Err(DropReason::TicketBusy);
        }
        let payment = match self.check_payment(arrival, &proof, earned) {
            // Anybody who saw the credential may have emptied its bucket. With a cookie the client's own address pays.
            Err(DropReason::RateLimited) if earned == Earned::Credential => {
                return Ok(self.ask_for_cookie(arrival, &hello, &digest, reply));
            }
            payment => payment?,
        };
        self.respond(arrival, &hello, id, (proof, payment), rng)
    }

    fn ask_for_cookie(
        &self,
        arrival: Arrival,
        hello: &Hello<'_>,
        digest: &Key,
        reply: &mut Vec<u8>,
    ) -> Screened {
        let cookie = self.cookies.make(&*self.provider, arrival.now, arrival.from.remote, digest);
        let echo = echo_of(&*self.provider, digest, &cookie);
        Retry { client_id: hello.client_id, echo, cookie }.append_to(reply);
        Screened::Replied
    }

    /// What the client's ticket, or whatever it shows, is worth. This costs no Diffie-Hellman.
    fn check_credential(
        &mut self,
        arrival: Arrival,
        hello: &Hello<'_>,
        directory: &dyn Directory,
    ) -> Result<Proof, DropReason> {
        let wall_now = arrival.wall_now;
        self.burnt.advance(wall_now);
        match hello.mode {
            Mode::Open if self.setup.access == Access::Open => Ok(Proof::open()),
            Mode::Open => Err(DropReason::NoTicket),
            Mode::Ticket if self.setup.access == Access::Peers => Err(DropReason::BadTicket),
            Mode::Ticket => self.check_ticket(wall_now, hello),
            Mode::Resume => self.check_resume_ticket(wall_now, hello, directory),
            Mode::Peer => {
                let peer = self.peers.find(hello.ticket).ok_or(DropReason::UnknownPeer)?;
                if directory.prefers_own_dial(&peer.peer_key) {
                    return Err(DropReason::UnexpectedHandshake);
                }
                Proof::peer(hello.ticket, peer.psk.clone(), &peer.peer_key)
            }
        }
    }

    fn check_ticket(&mut self, wall_now: u64, hello: &Hello<'_>) -> Result<Proof, DropReason> {
        let opener = self.tickets.as_ref().ok_or(DropReason::BadTicket)?;
        let ticket = opener.open(&*self.provider, hello.expiry, hello.ticket).ok_or(DropReason::BadTicket)?;
        let expired = self.burnt.is_expired(wall_now, ticket.expiry);
        if self.burnt.contains(&ticket.id, ticket.expiry) {
            return Err(DropReason::BurntTicket);
        }
        // Each handshake that waits may burn a ticket; none may wait that could not.
        if !expired && self.burnt.room() <= self.half_open.waiting() {
            return Err(DropReason::BurnTableFull);
        }
        let peer = PeerInfo { identity: ticket.identity, user_data: Bytes::from(ticket.user_data) };
        let credential = Credential::Ticket { id: ticket.id, expiry: ticket.expiry };
        let refusal = expired.then(|| self.expired(wall_now, ticket.expiry));
        Ok(Proof { credential, psk: ticket.psk, peer, session: Session::New, refusal })
    }

    fn check_resume_ticket(
        &mut self,
        wall_now: u64,
        hello: &Hello<'_>,
        directory: &dyn Directory,
    ) -> Result<Proof, DropReason> {
        let contents =
            self.resume.open(&*self.provider, hello.expiry, hello.ticket).ok_or(DropReason::BadTicket)?;
        let resume = Resume { session: contents.session, incarnation: contents.incarnation };
        let session = directory.session(&resume)?;
        let mut peer = PeerInfo { identity: contents.identity, user_data: Bytes::from(contents.user_data) };
        // A session that lives decides by itself who resumes it. Its ticket's expiry is for a server that has forgotten it.
        let refusal = match session {
            Session::Resumed | Session::New => None,
            Session::Lost if self.ended.contains(&contents.session) => Some(Refusal::SessionEnded),
            // Its client needs no ticket to come in again, so it comes in at once, as one that shows none. A refusal would cost it two
            // more round trips, and everybody behind its address another token.
            Session::Lost if contents.expiry <= wall_now && self.setup.access == Access::Open => {
                peer = PeerInfo::default();
                None
            }
            Session::Lost if contents.expiry <= wall_now => Some(self.expired(wall_now, contents.expiry)),
            Session::Lost => {
                self.tickets_judged.note_life(contents.expiry.saturating_sub(wall_now));
                self.ended.may_contain(contents.expiry).then_some(Refusal::SessionEnded)
            }
        };
        Ok(Proof { credential: Credential::Resume(resume), psk: contents.psk, peer, session, refusal })
    }

    fn expired(&mut self, wall_now: u64, expiry: u64) -> Refusal {
        self.tickets_judged.expired_by = Duration::from_micros(wall_now.saturating_sub(expiry));
        Refusal::Expired
    }

    fn is_loaded(&mut self, now: Instant) -> bool {
        let busy = self.half_open.len().saturating_add(self.failures.recent(now));
        busy >= self.setup.cookie_threshold
    }

    fn respond(
        &mut self,
        arrival: Arrival,
        hello: &Hello<'_>,
        id: HalfOpenId,
        (proof, payment): (Proof, Payment),
        rng: &mut Rng,
    ) -> Result<Screened, DropReason> {
        let prologue = hello.prologue();
        let input = HandshakeInput { prologue: &prologue, psk: &proof.psk, payload: &[] };
        let mut payload = Vec::new();
        let responder = self
            .provider
            .respond(rng, &self.identity, input, hello.noise, &mut payload)
            .map_err(|_| DropReason::NotAuthentic)
            .inspect_err(|_| self.on_failed(arrival.now, &payment))?;
        self.tokens.on_authentic(arrival.now, payment.session);
        let mut reader = Reader::new(&payload);
        let parameters = Parameters::read(&mut reader)
            .and_then(|parameters| reader.finish().map(|()| parameters))
            .map_err(|_| DropReason::Malformed)
            .inspect_err(|_| self.on_failed(arrival.now, &payment))?;
        Ok(Screened::Candidate(Box::new(Candidate {
            peer: proof.peer,
            parameters,
            session: proof.session,
            refusal: proof.refusal,
            address: arrival.from.remote,
            record: payment.record,
            instead: payment.instead,
            client_id: hello.client_id,
            credential: proof.credential,
            id,
            responder,
            // What is not validated was padded to as many bytes.
            reply_room: limits::BASE_DATAGRAM.min(parameters.max_datagram.into()),
        })))
    }

    /// Finishes the handshake with a Welcome in `reply`, and keeps it. Returns the half-open handshake of a candidate that
    /// was accepted, and the local id of one that gave way to it. An empty `reply` means silence: no room, or a candidate that cannot be answered.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        mut candidate: Box<Candidate>,
        verdict: Verdict,
        our_parameters: &Parameters,
        our_schema: &Schema,
        reply: &mut Vec<u8>,
    ) -> Option<Kept> {
        reply.clear();
        let verdict = candidate.refusal.take().map_or(verdict, Verdict::Refuse);
        if matches!(verdict, Verdict::Refuse(Refusal::Expired)) {
            self.tickets_judged.expired = self.tickets_judged.expired.saturating_add(1);
        }
        let payload = match &verdict {
            Verdict::Accept { local_id } => welcome::accept(candidate.session, *local_id, our_parameters),
            Verdict::Refuse(refusal) => welcome::refuse(refusal, our_schema, candidate.reply_room),
        };
        let candidate = *candidate;
        let mut message = Vec::new();
        let keys = candidate.responder.finish(&payload.ok()?, &mut message).ok()?;
        let [a, b, c, _] = candidate.client_id.to_le_bytes();
        reply.extend_from_slice(&[WELCOME, a, b, c]);
        reply.extend_from_slice(&message);
        let Verdict::Accept { local_id } = verdict else {
            self.half_open.insert_refusal(now, candidate.id, candidate.credential, reply);
            return None;
        };
        let opening = Opening {
            root: keys::root(&*self.provider, &keys),
            credential: candidate.credential,
            peer: &candidate.peer,
            parameters: candidate.parameters,
            client_id: candidate.client_id,
            local_id,
            session: candidate.session,
            address: candidate.address,
            record: candidate.record,
        };
        let is_full = self.half_open.waiting() >= limits::HALF_OPEN;
        let given_up = candidate.instead.filter(|_| is_full).and_then(|id| self.half_open.abandon(&id));
        let freed = given_up.map(|entry| self.on_abandoned(now, entry));
        let half_open = HalfOpen::new(opening, reply);
        let is_kept = self.half_open.insert(now, candidate.id, half_open);
        if !is_kept {
            reply.clear();
        }
        Some(Kept { half_open: is_kept.then_some(candidate.id), freed })
    }

    /// A half-open handshake that still waits.
    pub(crate) fn half_open(&self, now: Instant, id: &HalfOpenId) -> Option<&HalfOpen> {
        self.half_open.get(now, id)
    }

    /// Takes a half-open handshake whose first Data proved authentic. If there is a place for it, its ticket burns;
    /// otherwise it may be tried again.
    pub(crate) fn confirm(&mut self, now: Instant, id: &HalfOpenId, has_place: bool) -> Option<Confirmed> {
        // Screening left room for the ticket; should there be none after all, the handshake waits and expires.
        if let Credential::Ticket { id, expiry } = self.half_open.get(now, id)?.credential
            && has_place
            && !self.burnt.burn(id, expiry)
        {
            return None;
        }
        let (half_open, freed) = self.half_open.take(now, id)?;
        Some(Confirmed {
            peer: half_open.peer(),
            credit: half_open.credit,
            resume: half_open.resume(),
            local_id: half_open.local_id(),
            freed,
        })
    }

    /// The owner of the connection that a half-open handshake would become.
    pub(crate) fn owner(&self, half_open: &HalfOpen) -> Option<Owner> {
        Owner::of(self.setup.access, &self.peers, &half_open.credential, half_open.identity())
    }

    /// The owner of the connection that a candidate would become.
    pub(crate) fn owner_of_candidate(&self, candidate: &Candidate) -> Option<Owner> {
        Owner::of(self.setup.access, &self.peers, &candidate.credential, candidate.peer.identity)
    }

    /// Removes the half-open handshakes of `owner`, and returns the local ids that are free now.
    pub(crate) fn drop_half_open(&mut self, owner: Owner) -> SmallVec<[u32; 8]> {
        let Self { half_open, peers, setup, .. } = self;
        half_open.remove_waiting(|half| {
            Owner::of(setup.access, peers, &half.credential, half.identity()) == Some(owner)
        })
    }

    /// Voids the resume tickets of a session that this end ended, all of which expire by `until`.
    pub(crate) fn end_session(&mut self, wall_now: u64, session: [u8; 16], until: u64) {
        self.ended.add(wall_now, session, until);
    }

    /// How tickets looked to the wall clock.
    pub(crate) const fn tickets_judged(&self) -> TicketCounts {
        self.tickets_judged
    }

    /// Removes half-open handshakes that waited for too long, and returns the local ids that are free now.
    pub(crate) fn expire(&mut self, now: Instant) -> SmallVec<[u32; 8]> {
        let expired = self.half_open.expire(now);
        expired.into_iter().map(|entry| self.on_abandoned(now, entry)).collect()
    }

    /// Handshakes that are half open.
    pub(crate) fn half_open_count(&self) -> usize {
        self.half_open.len()
    }

    /// When [`Acceptor::expire`] has work; [`Instant::MAX`] if never.
    pub(crate) const fn next_timeout(&self) -> Instant {
        self.half_open.next_timeout()
    }

    fn answer_key_query(&self, bytes: &[u8], reply: &mut Vec<u8>) -> Result<Screened, DropReason> {
        // The answer is not larger, wherever it goes.
        if bytes.len() < KEY_REPLY_BYTES {
            return Err(DropReason::TooShort);
        }
        let query = KeyQuery::read(bytes).map_err(|_| DropReason::Malformed)?;
        if query.application != self.setup.application {
            return Err(DropReason::WrongApplication);
        }
        KeyReply::new(&*self.provider, &query, self.public_key).append_to(reply);
        Ok(Screened::Replied)
    }
}

/// What a Hello proved before any Diffie-Hellman.
struct Proof {
    credential: Credential,
    psk: Secret,
    peer: PeerInfo,
    session: Session,
    refusal: Option<Refusal>,
}

impl Proof {
    fn open() -> Self {
        Self {
            credential: Credential::Open,
            psk: Secret::new([0; 32]),
            peer: PeerInfo::default(),
            session: Session::New,
            refusal: None,
        }
    }

    fn peer(hint: &[u8], psk: Secret, peer_key: &Key) -> Result<Self, DropReason> {
        let hint = hint.try_into().map_err(|_| DropReason::UnknownPeer)?;
        Ok(Self {
            credential: Credential::Peer { hint },
            psk,
            peer: PeerInfo { identity: peer::identity(peer_key), user_data: Bytes::new() },
            session: Session::New,
            refusal: None,
        })
    }
}

/// A reply to an address that may be forged must not be larger than what caused it.
fn check_padding(arrival: Arrival, bytes: &[u8]) -> Result<(), DropReason> {
    if arrival.validated || bytes.len() >= limits::BASE_DATAGRAM {
        Ok(())
    } else {
        Err(DropReason::NotPadded)
    }
}

#[cfg(test)]
mod tests;
