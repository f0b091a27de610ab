//! The responder: the steps from an unknown client's first datagram to session keys.
//!
//! [`Acceptor::screen`] checks a Hello, the cheapest checks first, and keeps nothing. A client that passes is an
//! [`Applicant`]; its owner decides, and [`Acceptor::answer`] keeps a half-open handshake of at most 512 bytes. The
//! first authentic Data turns that into a connection with [`Acceptor::confirm`].

mod credentials;
mod payment;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use smallvec::SmallVec;

use self::credentials::{CheckedProof, Credentials};
use self::payment::{Earned, Payment, Payments};
use super::accepting::{AcceptSetup, Admittance, Applicant, Confirmed, HandshakeArrival, Kept, Screened};
use super::control::{KEY_QUERY, KEY_REPLY_BYTES, KeyQuery, KeyReply, VersionReply};
use super::half_open::{HalfOpen, HalfOpenId, NewHalfOpen, ShownCredential};
use super::half_open_table::HalfOpenTable;
use super::hello::{Hello, Preamble, Retry, VERSION, echo_of, noise_digest};
use super::keys;
use super::known_parties::KnownParties;
use super::owner::Owner;
use super::parameters::Parameters;
use super::peer::PeerHint;
use super::resume_ticket::ResumeSealer;
use super::welcome;
use crate::config::{Access, Secrets};
use crate::crypto::{HandshakeInput, Key, Provider, Secret};
use crate::drop::DropReason;
use crate::error::ConnectError;
use crate::event::Refusal;
use crate::limits;
use crate::rng::Rng;
use crate::schema::Schema;
use crate::stats::TicketCounts;
use crate::time::Instant;
use crate::wire::Reader;
use crate::wire::header::{CONTROL, HELLO, WELCOME};

/// Answers the handshakes of clients.
pub(crate) struct Acceptor {
    provider: Arc<dyn Provider>,
    identity: Secret,
    public_key: Key,
    setup: AcceptSetup,
    credentials: Credentials,
    payments: Payments,
    half_open: HalfOpenTable,
}

impl Acceptor {
    pub(crate) fn new(
        provider: Arc<dyn Provider>,
        secrets: &Secrets,
        setup: AcceptSetup,
        rng: &mut Rng,
    ) -> Self {
        let crypto = provider.handshake();
        let public_key = crypto.public_key(&secrets.identity);
        let (access, application) = (setup.access, setup.application);
        Self {
            identity: secrets.identity.clone(),
            public_key,
            setup,
            credentials: Credentials::new(crypto, secrets, access, application, public_key),
            payments: Payments::new(crypto, &secrets.identity, setup, rng),
            half_open: HalfOpenTable::new(),
            provider,
        }
    }

    /// Returns the public key that clients pin.
    pub(crate) const fn public_key(&self) -> Key {
        self.public_key
    }

    /// Returns the sealer of the resume tickets that this end issues.
    pub(crate) const fn resume_sealer(&self) -> &ResumeSealer {
        &self.credentials.resume
    }

    /// Allows the peer that holds `psk`, whose public key is `peer_key`, and that dials `our_key` to connect.
    pub(crate) fn expect_peer(
        &mut self,
        psk: Secret,
        peer_key: Key,
        our_key: &Key,
    ) -> Result<PeerHint, ConnectError> {
        self.credentials.peers.expect(self.provider.handshake(), psk, peer_key, our_key)
    }

    /// Withdraws the permission of [`Acceptor::expect_peer`]. Handshakes that have already begun may still finish.
    pub(crate) fn forget_peer(&mut self, hint: &PeerHint) {
        self.credentials.peers.forget(hint);
    }

    /// Screens a Hello or KeyQuery, and overwrites `reply`.
    pub(crate) fn screen(
        &mut self,
        arrival: HandshakeArrival,
        bytes: &[u8],
        directory: &dyn KnownParties,
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
        arrival: HandshakeArrival,
        bytes: &[u8],
        directory: &dyn KnownParties,
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
        let digest = noise_digest(self.provider.handshake(), hello.noise);
        let id = HalfOpenId::of(&digest);
        if let Some(welcome) = self.half_open.repeat(arrival.now, &id, arrival.from.remote) {
            reply.extend_from_slice(welcome);
            return Ok(Screened::Replied);
        }
        let crypto = self.provider.handshake();
        let waiting = self.half_open.waiting();
        let proof = self.credentials.check(crypto, arrival.wall_now, &hello, directory, waiting)?;
        let is_loaded = |failed| self.half_open.len().saturating_add(failed) >= self.setup.cookie_threshold;
        let Some(earned) = self.payments.check_earned(crypto, arrival, &hello, &digest, is_loaded) else {
            return Ok(self.ask_for_cookie(arrival, &hello, &digest, reply));
        };
        // This looks at every entry: strangers have to earn it.
        if !self.half_open.has_room_for(arrival.now, &proof.credential) {
            return Err(DropReason::TicketBusy);
        }
        let payment =
            self.payments.check_payment(crypto, arrival, &proof.credential, earned, &self.half_open);
        let payment = match payment {
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
        arrival: HandshakeArrival,
        hello: &Hello<'_>,
        digest: &Key,
        reply: &mut Vec<u8>,
    ) -> Screened {
        let crypto = self.provider.handshake();
        let cookie = self.payments.cookie(crypto, arrival, digest);
        let echo = echo_of(crypto, digest, &cookie);
        Retry { client_id: hello.client_id, echo, cookie }.append_to(reply);
        Screened::Replied
    }

    fn respond(
        &mut self,
        arrival: HandshakeArrival,
        hello: &Hello<'_>,
        id: HalfOpenId,
        (proof, payment): (CheckedProof, Payment),
        rng: &mut Rng,
    ) -> Result<Screened, DropReason> {
        let prologue = hello.prologue();
        let input = HandshakeInput { prologue: &prologue, psk: &proof.psk, payload: &[] };
        let mut payload = Vec::new();
        let responder = self
            .provider
            .handshake()
            .respond(rng, &self.identity, input, hello.noise, &mut payload)
            .map_err(|_| DropReason::NotAuthentic)
            .inspect_err(|_| self.payments.on_failed(arrival.now, &payment))?;
        self.payments.on_authentic(arrival.now, &payment);
        let mut reader = Reader::new(&payload);
        let parameters = Parameters::read(&mut reader)
            .and_then(|parameters| reader.finish().map(|()| parameters))
            .map_err(|_| DropReason::Malformed)
            .inspect_err(|_| self.payments.on_failed(arrival.now, &payment))?;
        Ok(Screened::Applicant(Box::new(Applicant {
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
            // A Hello from an address that is not validated was padded to this many bytes.
            reply_room: limits::BASE_DATAGRAM.min(parameters.max_datagram.into()),
        })))
    }

    /// Finishes the handshake with a Welcome in `reply`, and stores it. Returns the half-open handshake of an accepted
    /// applicant, and the local id of a half-open handshake that it replaced. An empty `reply` means that no answer is
    /// sent, because there is no space or the applicant cannot be answered.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        mut candidate: Box<Applicant>,
        verdict: Admittance,
        our_parameters: &Parameters,
        our_schema: &Schema,
        reply: &mut Vec<u8>,
    ) -> Option<Kept> {
        reply.clear();
        let verdict = candidate.refusal.take().map_or(verdict, Admittance::Refuse);
        if matches!(verdict, Admittance::Refuse(Refusal::Expired)) {
            let judged = &mut self.credentials.judged;
            judged.expired = judged.expired.saturating_add(1);
        }
        let payload = match &verdict {
            Admittance::Accept { local_id } => welcome::accept(candidate.session, *local_id, our_parameters),
            Admittance::Refuse(refusal) => welcome::refuse(refusal, our_schema, candidate.reply_room),
        };
        let candidate = *candidate;
        let mut message = Vec::new();
        let keys = candidate.responder.finish(&payload.ok()?, &mut message).ok()?;
        let [a, b, c, _] = candidate.client_id.to_le_bytes();
        reply.extend_from_slice(&[WELCOME, a, b, c]);
        reply.extend_from_slice(&message);
        let Admittance::Accept { local_id } = verdict else {
            self.half_open.insert_refusal(now, candidate.id, candidate.credential, reply);
            return None;
        };
        let opening = NewHalfOpen {
            root: keys::root(self.provider.handshake(), &keys),
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
        let freed = given_up.map(|entry| self.payments.on_abandoned(now, entry));
        let half_open = HalfOpen::new(opening, reply);
        let is_kept = self.half_open.insert(now, candidate.id, half_open);
        if !is_kept {
            reply.clear();
        }
        Some(Kept { half_open: is_kept.then_some(candidate.id), freed })
    }

    /// Returns a half-open handshake that still waits.
    pub(crate) fn half_open(&self, now: Instant, id: &HalfOpenId) -> Option<&HalfOpen> {
        self.half_open.get(now, id)
    }

    /// Takes a half-open handshake whose first Data is authentic. If there is a place for the client, its ticket counts as
    /// used. Otherwise the client may try again.
    pub(crate) fn confirm(&mut self, now: Instant, id: &HalfOpenId, has_place: bool) -> Option<Confirmed> {
        // Screening left room for the ticket; should there be none after all, the handshake waits and expires.
        if let ShownCredential::Ticket { id, expiry } = self.half_open.get(now, id)?.credential
            && has_place
            && !self.credentials.burnt.burn(id, expiry)
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

    /// Returns the owner of the connection that a half-open handshake would become.
    pub(crate) fn owner(&self, half_open: &HalfOpen) -> Option<Owner> {
        Owner::of(self.setup.access, &self.credentials.peers, &half_open.credential, half_open.identity())
    }

    /// Returns the owner of the connection that an applicant would become.
    pub(crate) fn owner_of_candidate(&self, candidate: &Applicant) -> Option<Owner> {
        Owner::of(self.setup.access, &self.credentials.peers, &candidate.credential, candidate.peer.identity)
    }

    /// Removes the half-open handshakes of `owner`, and returns their local ids, which are free now.
    pub(crate) fn drop_half_open(&mut self, owner: Owner) -> SmallVec<[u32; 8]> {
        let Self { half_open, credentials, setup, .. } = self;
        half_open.remove_waiting(|half| {
            Owner::of(setup.access, &credentials.peers, &half.credential, half.identity()) == Some(owner)
        })
    }

    /// Invalidates the resume tickets of a session that this end ended. All of them expire by `until`.
    pub(crate) fn end_session(&mut self, wall_now: u64, session: [u8; 16], until: u64) {
        self.credentials.ended.add(wall_now, session, until);
    }

    /// Returns the counts of client tickets by their expiry relative to the wall clock.
    pub(crate) const fn tickets_judged(&self) -> TicketCounts {
        self.credentials.judged
    }

    /// Removes half-open handshakes that have expired, and returns their local ids, which are free now.
    pub(crate) fn expire(&mut self, now: Instant) -> SmallVec<[u32; 8]> {
        let expired = self.half_open.expire(now);
        expired.into_iter().map(|entry| self.payments.on_abandoned(now, entry)).collect()
    }

    /// Returns the number of half-open handshakes.
    pub(crate) fn half_open_count(&self) -> usize {
        self.half_open.len()
    }

    /// Returns the time at which [`Acceptor::expire`] is due, or [`Instant::MAX`] if no call is due.
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
        KeyReply::new(self.provider.handshake(), &query, self.public_key).append_to(reply);
        Ok(Screened::Replied)
    }
}

/// Checks that a datagram from an address that may be forged is at least as large as the reply.
fn check_padding(arrival: HandshakeArrival, bytes: &[u8]) -> Result<(), DropReason> {
    if arrival.validated || bytes.len() >= limits::BASE_DATAGRAM {
        Ok(())
    } else {
        Err(DropReason::NotPadded)
    }
}

#[cfg(test)]
mod tests;
