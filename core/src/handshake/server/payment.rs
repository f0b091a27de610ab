//! The payment of a client for a Diffie-Hellman.

use super::super::buckets::Places;
use super::super::half_open::{Abandoned, Credential, HalfOpenId, Room};
use super::super::hello::Hello;
use super::super::tokens::Payer;
use super::{Acceptor, Arrival, Proof};
use crate::config::Access;
use crate::crypto::Key;
use crate::drop::DropReason;
use crate::time::Instant;

/// Why a sender is worth a Diffie-Hellman.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Earned {
    /// It came over a link, whose far end hears what is sent there.
    Link,
    /// Its credential was enough.
    Credential,
    /// It showed a cookie, so it hears what is sent to its address.
    Cookie,
}

/// The payment for one Diffie-Hellman.
pub(super) struct Payment {
    /// Where its source is recorded if it comes to nothing, if it was shown.
    pub(super) record: Option<Places>,
    /// The session that has still to pay, if one is to be resumed.
    pub(super) session: Option<Places>,
    /// The half-open handshake that gives way.
    pub(super) instead: Option<HalfOpenId>,
}

impl Acceptor {
    /// How the sender has earned a Diffie-Hellman; if it has not, a cookie would do.
    pub(super) fn check_earned(
        &mut self,
        arrival: Arrival,
        hello: &Hello<'_>,
        digest: &Key,
    ) -> Option<Earned> {
        let Arrival { now, from, validated, .. } = arrival;
        if validated {
            return Some(Earned::Link);
        }
        if self.cookies.check(&*self.provider, now, from.remote, digest, &hello.cookie) {
            return Some(Earned::Cookie);
        }
        let needs_cookie = self.setup.access == Access::Open || self.is_loaded(now);
        (!needs_cookie).then_some(Earned::Credential)
    }

    /// Takes what a Diffie-Hellman costs, if there will be room for the handshake.
    pub(super) fn check_payment(
        &mut self,
        arrival: Arrival,
        proof: &Proof,
        earned: Earned,
    ) -> Result<Payment, DropReason> {
        let now = arrival.now;
        // A client that forges a source must not take anything from that source.
        let source = (earned != Earned::Credential).then_some(arrival.source);
        let payer = self.tokens.payer(&*self.provider, source, &proof.credential);
        let record = payer.record();
        let instead = match self.find_room(now, &proof.credential, &payer) {
            Room::Free => None,
            Room::Instead(id) => Some(id),
            Room::Nowhere => return Err(DropReason::HalfOpenFull),
        };
        if !self.tokens.take(now, &payer) {
            return Err(DropReason::RateLimited);
        }
        Ok(Payment { record, session: payer.session(), instead })
    }

    fn find_room(&self, now: Instant, credential: &Credential, payer: &Payer) -> Room {
        let record = self.tokens.record(now, payer.record().as_ref());
        self.half_open.room(now, credential, record, |places| self.tokens.record(now, Some(places)))
    }

    /// A Diffie-Hellman was spent for nothing.
    pub(super) fn on_failed(&mut self, now: Instant, payment: &Payment) {
        self.failures.add(now);
        self.tokens.on_abandoned(now, payment.record);
    }

    /// Records that a half-open handshake came to nothing. Returns the local id that is free now.
    pub(super) fn on_abandoned(&mut self, now: Instant, entry: Abandoned) -> u32 {
        self.tokens.on_abandoned(now, entry.record);
        entry.local_id
    }
}
