//! Tokens that limit Diffie-Hellman computations, and a record of the sources that abandoned their handshakes after such a
//! computation.

use super::buckets::{BucketPlaces, Buckets};
use super::half_open::ShownCredential;
use super::sources::{SourceBuckets, SourcePlaces};
use crate::crypto::{HandshakeCrypto, Secret};
use crate::limits;
use crate::source::Source;
use crate::time::{Instant, Span};

/// The number of Diffie-Hellman computations that the resume tickets of one session get per second.
const RESUMES_PER_SECOND: u32 = 2;
const RESUME_BURST: u32 = 16;
/// The time for which one abandoned handshake is recorded.
const ABANDONED_FOR: Span = Span::from_secs(4);
const ABANDONED_MOST: u32 = 16;
/// The number of abandoned handshakes from which on a source has a record. Anybody whose network fails may abandon fewer.
const RECORD: u32 = 4;
/// The number of tokens that a handshake costs a source with a record. Such a source gets 4 handshakes a second by default.
const RECORD_PRICE: u32 = 8;

/// The buckets from which the tokens of a Diffie-Hellman are taken, and the records of sources.
pub(super) struct Tokens {
    sources: SourceBuckets,
    /// The buckets of tickets, peers' hints and sessions that arrived without a cookie. Anybody who observed one of them
    /// can empty its bucket.
    tickets: Buckets,
    /// The buckets of sessions that were resumed by the holders of their keys.
    sessions: Buckets,
    abandoned: Buckets,
    /// The number of tokens that a handshake costs a source with a record.
    record_price: u32,
}

/// The buckets that pay for one handshake.
pub(super) struct Payer {
    /// The buckets and the record of the source, if the sender's address was validated.
    source: Option<(SourcePlaces, BucketPlaces)>,
    ticket: Option<BucketPlaces>,
    /// The bucket of the session, which pays once the client has proved its keys.
    session: Option<BucketPlaces>,
}

impl Payer {
    pub(super) const fn session(&self) -> Option<BucketPlaces> {
        self.session
    }

    /// Returns the position of the record for an abandoned handshake.
    pub(super) fn record(&self) -> Option<BucketPlaces> {
        self.source.as_ref().map(|(_, record)| *record)
    }
}

impl Tokens {
    pub(super) fn new(per_second: u32, burst: u32, secret: Secret) -> Self {
        let width = limits::CREDENTIAL_BUCKETS;
        Self {
            sources: SourceBuckets::new(per_second, burst, secret.clone()),
            tickets: Buckets::per_second(per_second, burst, width, secret.clone()),
            sessions: Buckets::per_second(RESUMES_PER_SECOND, RESUME_BURST, width, secret.clone()),
            abandoned: Buckets::new(ABANDONED_FOR, ABANDONED_MOST, limits::SOURCE_BUCKETS, secret),
            record_price: RECORD_PRICE.min(burst),
        }
    }

    /// Returns the payer of a handshake with this credential. Without a validated `source`, the ticket pays.
    pub(super) fn payer(
        &self,
        provider: &dyn HandshakeCrypto,
        source: Option<Source>,
        credential: &ShownCredential,
    ) -> Payer {
        let record = |source: Source| self.abandoned.places(provider, &source.bytes().0);
        let ticket = || match credential {
            ShownCredential::Ticket { id, .. } | ShownCredential::Peer { hint: id } => {
                Some(self.tickets.places(provider, id))
            }
            ShownCredential::Resume(resume) => Some(self.tickets.places(provider, &resume.session)),
            ShownCredential::Open => None,
        };
        Payer {
            source: source.map(|source| (self.sources.places(provider, source), record(source))),
            ticket: if source.is_some() { None } else { ticket() },
            session: match credential {
                ShownCredential::Resume(resume) => Some(self.sessions.places(provider, &resume.session)),
                _ => None,
            },
        }
    }

    /// Takes the tokens for one Diffie-Hellman. Returns `false` and takes nothing if a payer has too few tokens. A session
    /// needs a token, but pays it in [`Tokens::on_authentic`], so that a forged Hello with a ticket of the session costs
    /// the session nothing.
    pub(super) fn take(&mut self, now: Instant, payer: &Payer) -> bool {
        let price = self.price(now, payer.record().as_ref());
        let has = payer.source.as_ref().is_none_or(|(places, _)| self.sources.has(now, places, price))
            && payer.ticket.as_ref().is_none_or(|places| self.tickets.has(now, places, 1))
            && payer.session.as_ref().is_none_or(|places| self.sessions.has(now, places, 1));
        if has {
            // A server that lets somebody in may let them resume: the table is part of what it holds from the start.
            self.sessions.make();
            if let Some((places, _)) = &payer.source {
                self.sources.charge(now, places, price);
            }
            if let Some(places) = &payer.ticket {
                self.tickets.charge(now, places, 1);
            }
        }
        has
    }

    /// Records that a Diffie-Hellman has proved that the client holds the keys of its credential.
    pub(super) fn on_authentic(&mut self, now: Instant, session: Option<BucketPlaces>) {
        if let Some(places) = session {
            self.sessions.charge(now, &places, 1);
        }
    }

    /// Records that a handshake was abandoned.
    pub(super) fn on_abandoned(&mut self, now: Instant, record: Option<BucketPlaces>) {
        if let Some(places) = record {
            self.abandoned.charge(now, &places, 1);
        }
    }

    /// Returns the number of abandoned handshakes on a source's record, or 0 without a record.
    pub(super) fn record(&self, now: Instant, record: Option<&BucketPlaces>) -> u32 {
        let abandoned = record.map_or(0, |places| self.abandoned.taken(now, places));
        if abandoned < RECORD { 0 } else { abandoned }
    }

    fn price(&self, now: Instant, record: Option<&BucketPlaces>) -> u32 {
        if self.record(now, record) > 0 { self.record_price } else { 1 }
    }
}
