//! The tokens that a client's source spends on a Diffie-Hellman computation.

use super::super::accepting::{AcceptSetup, HandshakeArrival};
use super::super::buckets::BucketPlaces;
use super::super::cookie::{Cookie, Cookies};
use super::super::half_open::{HALF_OPEN_LIFE, HalfOpenId, ShownCredential};
use super::super::half_open_table::{Abandoned, HalfOpenTable, Vacancy};
use super::super::hello::Hello;
use super::super::load::Failures;
use super::super::tokens::{Payer, Tokens};
use crate::config::Access;
use crate::crypto::{HandshakeCrypto, Key, Secret};
use crate::drop::DropReason;
use crate::rng::Rng;
use crate::time::Instant;

/// The reason for which the endpoint computes a Diffie-Hellman for a sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Earned {
    /// The Hello came over a link, so the sender receives the replies.
    Link,
    /// The Hello contained a credential, and no cookie was required.
    Credential,
    /// The Hello contained a valid cookie, so the sender receives datagrams at its address.
    Cookie,
}

/// The payment for one Diffie-Hellman.
pub(super) struct Payment {
    /// The record of the client's source for a handshake that is abandoned, if the address was validated.
    pub(super) record: Option<BucketPlaces>,
    /// The session that must still pay, if a session is to be resumed.
    pub(super) session: Option<BucketPlaces>,
    /// The half-open handshake that is replaced.
    pub(super) instead: Option<HalfOpenId>,
}

/// Decides whether the endpoint computes a Diffie-Hellman for a sender, and takes the tokens for it.
pub(super) struct Payments {
    access: Access,
    cookies: Cookies,
    tokens: Tokens,
    failures: Failures,
}

impl Payments {
    pub(super) fn new(
        provider: &dyn HandshakeCrypto,
        identity_secret: &Key,
        setup: AcceptSetup,
        rng: &mut Rng,
    ) -> Self {
        Self {
            access: setup.access,
            cookies: Cookies::new(provider, identity_secret, rng),
            tokens: Tokens::new(setup.handshake_rate, setup.handshake_burst, Secret::from(rng.array())),
            failures: Failures::new(HALF_OPEN_LIFE),
        }
    }

    /// Returns the cookie that the sender must repeat.
    pub(super) fn cookie(
        &self,
        provider: &dyn HandshakeCrypto,
        arrival: HandshakeArrival,
        digest: &Key,
    ) -> Cookie {
        self.cookies.make(provider, arrival.now, arrival.from.remote, digest)
    }

    /// Returns the reason for a Diffie-Hellman, or `None` if the sender needs a cookie. `is_loaded` decides whether
    /// the number of recent failed handshakes shows load.
    pub(super) fn check_earned(
        &mut self,
        provider: &dyn HandshakeCrypto,
        arrival: HandshakeArrival,
        hello: &Hello<'_>,
        digest: &Key,
        is_loaded: impl FnOnce(usize) -> bool,
    ) -> Option<Earned> {
        let HandshakeArrival { now, from, validated, .. } = arrival;
        if validated {
            return Some(Earned::Link);
        }
        if self.cookies.check(provider, now, from.remote, digest, &hello.cookie) {
            return Some(Earned::Cookie);
        }
        let needs_cookie = self.access == Access::Open || is_loaded(self.failures.recent(now));
        (!needs_cookie).then_some(Earned::Credential)
    }

    /// Takes the tokens for a Diffie-Hellman, if the table will have space for the handshake.
    pub(super) fn check_payment(
        &mut self,
        provider: &dyn HandshakeCrypto,
        arrival: HandshakeArrival,
        credential: &ShownCredential,
        earned: Earned,
        half_open: &HalfOpenTable,
    ) -> Result<Payment, DropReason> {
        let now = arrival.now;
        // A client that forges a source must not take anything from that source.
        let source = (earned != Earned::Credential).then_some(arrival.source);
        let payer = self.tokens.payer(provider, source, credential);
        let record = payer.record();
        let instead = match self.find_room(now, credential, &payer, half_open) {
            Vacancy::Free => None,
            Vacancy::Instead(id) => Some(id),
            Vacancy::Nowhere => return Err(DropReason::HalfOpenFull),
        };
        if !self.tokens.take(now, &payer) {
            return Err(DropReason::RateLimited);
        }
        Ok(Payment { record, session: payer.session(), instead })
    }

    fn find_room(
        &self,
        now: Instant,
        credential: &ShownCredential,
        payer: &Payer,
        half_open: &HalfOpenTable,
    ) -> Vacancy {
        let record = self.tokens.record(now, payer.record().as_ref());
        half_open.room(now, credential, record, |places| self.tokens.record(now, Some(places)))
    }

    /// Records that a Diffie-Hellman has proved that the client holds the keys of its credential.
    pub(super) fn on_authentic(&mut self, now: Instant, payment: &Payment) {
        self.tokens.on_authentic(now, payment.session);
    }

    /// Records that a Diffie-Hellman was computed for a handshake that failed.
    pub(super) fn on_failed(&mut self, now: Instant, payment: &Payment) {
        self.failures.add(now);
        self.tokens.on_abandoned(now, payment.record);
    }

    /// Records that a half-open handshake was abandoned. Returns its local id, which is free now.
    pub(super) fn on_abandoned(&mut self, now: Instant, entry: Abandoned) -> u32 {
        self.tokens.on_abandoned(now, entry.record);
        entry.local_id
    }
}
