//! Tickets that a server makes for its own clients, so that a session survives an interruption of its connection.
//!
//! Resume tickets are sealed under keys derived from the server's identity secret and an hour of wall time, so they
//! survive a restart and need no storage. A ticket names its hour, so the server that sealed the ticket can open it and
//! answer its holder whatever the wall clock shows. The ticket's encrypted contents decide whether it is still valid.
//!
//! Sealed: format (1 byte), hour (4), nonce (24), then encrypted: session (16), incarnation (4), identity (16),
//! pre-shared key (32), expiry (8), user data; tag (16). The client derives the pre-shared key itself.

use alloc::vec::Vec;

use super::sealing::{self, SealingKey};
use crate::crypto::{HandshakeCrypto, Key, Secret};
use crate::limits;
use crate::rng::Rng;
use crate::time::Duration;
use crate::wire::{Malformed, Reader};

/// The age, in microseconds, at which a resume ticket in use should be replaced.
pub(crate) const RENEW_US: u64 = HOUR_US;
/// The time for which a resume ticket is valid, which is longer than the time until its replacement.
pub(crate) const RESUME_TICKET_LIFE: Duration = Duration::from_secs(2 * 3600);

/// The contents of a resume ticket, from which a server resumes a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ResumeContents {
    pub(crate) session: [u8; 16],
    pub(crate) incarnation: u32,
    pub(crate) identity: [u8; 16],
    /// The [`resume_psk`] of the connection over which the ticket was sent.
    pub(crate) psk: Secret,
    /// The expiry, in microseconds of wall-clock time.
    pub(crate) expiry: u64,
    /// The user data, at most [`limits::TICKET_USER_DATA`] bytes.
    pub(crate) user_data: Vec<u8>,
}

/// Returns the pre-shared key of the resume ticket with the number `sequence` on a connection with this `exporter`. Both
/// ends derive the key. It is sent only inside the sealed part.
pub(crate) fn resume_psk(provider: &dyn HandshakeCrypto, exporter: &Key, sequence: u64) -> Secret {
    let mut label = [0; 27];
    let bytes = b"tickwire resume psk".iter().copied().chain(sequence.to_le_bytes());
    label.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    provider.derive(exporter, &label).into()
}

/// Seals and opens the resume tickets of one server.
pub(crate) struct ResumeSealer {
    secret: Secret,
    application: u64,
}

impl ResumeSealer {
    /// Creates a sealer. `identity_secret` is the server's X25519 secret.
    pub(crate) fn new(provider: &dyn HandshakeCrypto, identity_secret: &Key, application: u64) -> Self {
        Self { secret: provider.derive(identity_secret, b"tickwire resume").into(), application }
    }

    /// Returns a sealed ticket of at most [`limits::TICKET_BYTES`] bytes. User data beyond its limit is cut off.
    pub(crate) fn seal(
        &self,
        provider: &dyn HandshakeCrypto,
        rng: &mut Rng,
        wall_now: u64,
        contents: &ResumeContents,
    ) -> Vec<u8> {
        let hour = u32::try_from(wall_now / HOUR_US).unwrap_or(u32::MAX).to_le_bytes();
        let user_data = contents.user_data.iter().take(limits::TICKET_USER_DATA);
        let mut text = Vec::with_capacity(TEXT_FIXED + contents.user_data.len() + limits::TAG);
        text.extend_from_slice(&contents.session);
        text.extend_from_slice(&contents.incarnation.to_le_bytes());
        text.extend_from_slice(&contents.identity);
        text.extend_from_slice(&*contents.psk);
        text.extend_from_slice(&contents.expiry.to_le_bytes());
        text.extend(user_data);
        let mut sealed = Vec::with_capacity(HEAD + sealing::OVERHEAD + text.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&hour);
        let associated = sealing::associated(KIND, FORMAT, self.application, contents.expiry);
        self.key(provider, hour).seal(provider, rng, &associated, text, &mut sealed);
        sealed
    }

    /// Opens a sealed ticket that claims to expire at `expiry`. Returns `None` if the ticket is forged, or belongs to
    /// another server or application.
    pub(crate) fn open(
        &self,
        provider: &dyn HandshakeCrypto,
        expiry: u64,
        sealed: &[u8],
    ) -> Option<ResumeContents> {
        let (&[format, hour @ ..], sealed) = sealed.split_first_chunk::<HEAD>()?;
        if format != FORMAT {
            return None;
        }
        let associated = sealing::associated(KIND, format, self.application, expiry);
        let text = self.key(provider, hour).open(provider, &associated, sealed)?;
        let contents = Self::read(&text).ok()?;
        (contents.expiry == expiry && !contents.psk.is_zero()).then_some(contents)
    }

    fn key(&self, provider: &dyn HandshakeCrypto, hour: [u8; 4]) -> SealingKey {
        let key = Secret::new(provider.digest(&self.secret, &[&hour]));
        SealingKey::new(provider, &key)
    }

    fn read(text: &[u8]) -> Result<ResumeContents, Malformed> {
        let mut reader = Reader::new(text);
        Ok(ResumeContents {
            session: reader.array()?,
            incarnation: reader.u32()?,
            identity: reader.array()?,
            psk: reader.array()?.into(),
            expiry: reader.u64()?,
            user_data: reader.rest().to_vec(),
        })
    }
}

const FORMAT: u8 = 1;
const KIND: &[u8; 16] = b"tickwire resume ";
const HOUR_US: u64 = 3_600_000_000;
/// The number of bytes before the nonce: the format and the hour.
const HEAD: usize = 5;
/// The size of the sealed text without the user data, in bytes.
const TEXT_FIXED: usize = 16 + 4 + 16 + 32 + 8;
const _: () =
    assert!(HEAD + sealing::OVERHEAD + TEXT_FIXED + limits::TICKET_USER_DATA <= limits::TICKET_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;

    const NOW: u64 = 1_000_000 * HOUR_US + 17;

    fn contents() -> ResumeContents {
        ResumeContents {
            session: [1; 16],
            incarnation: 2,
            identity: [3; 16],
            psk: [4; 32].into(),
            expiry: NOW + 60_000_000,
            user_data: b"red".to_vec(),
        }
    }

    fn sealer() -> ResumeSealer {
        ResumeSealer::new(&RustCrypto, &[9; 32], 42)
    }

    fn seal(contents: &ResumeContents) -> Vec<u8> {
        sealer().seal(&RustCrypto, &mut Rng::from_seed([1; 32]), NOW, contents)
    }

    #[test]
    fn a_restarted_server_opens_its_resume_tickets_at_any_wall_clock_time() {
        for wall_now in [0, NOW, u64::MAX] {
            let contents = ResumeContents { expiry: wall_now.saturating_add(60_000_000), ..contents() };
            let sealed = sealer().seal(&RustCrypto, &mut Rng::from_seed([1; 32]), wall_now, &contents);
            assert_eq!(sealer().open(&RustCrypto, contents.expiry, &sealed), Some(contents));
        }
    }

    #[test]
    fn a_resume_ticket_opens_only_for_its_server_key_application_and_expiry() {
        let (expiry, sealed) = (contents().expiry, seal(&contents()));
        for (secret, application, expiry) in [([8; 32], 42, expiry), ([9; 32], 43, expiry), ([9; 32], 42, 1)]
        {
            let other = ResumeSealer::new(&RustCrypto, &secret, application);
            assert_eq!(other.open(&RustCrypto, expiry, &sealed), None);
        }
    }

    #[test]
    fn a_sealed_ticket_does_not_open_if_a_byte_is_changed_or_missing() {
        let (expiry, sealed) = (contents().expiry, seal(&contents()));
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(sealer().open(&RustCrypto, expiry, &changed), None, "byte {place}");
            assert_eq!(sealer().open(&RustCrypto, expiry, &sealed[..place]), None, "{place} bytes");
        }
    }

    #[test]
    fn a_resume_ticket_with_an_all_zero_pre_shared_key_does_not_open() {
        let contents = ResumeContents { psk: [0; 32].into(), ..contents() };
        assert_eq!(sealer().open(&RustCrypto, contents.expiry, &seal(&contents)), None);
    }

    #[test]
    fn a_resume_ticket_truncates_user_data_at_the_limit() {
        let contents =
            ResumeContents { user_data: alloc::vec![1; limits::TICKET_USER_DATA + 1], ..contents() };
        let sealed = seal(&contents);
        assert!(sealed.len() <= limits::TICKET_BYTES);
        let open = sealer().open(&RustCrypto, contents.expiry, &sealed).unwrap();
        assert_eq!(open.user_data.len(), limits::TICKET_USER_DATA);
    }

    #[test]
    fn each_resume_ticket_of_a_connection_has_a_different_key() {
        let psk = |exporter, sequence| resume_psk(&RustCrypto, &[exporter; 32], sequence);
        assert_eq!(psk(1, 1), psk(1, 1));
        assert_ne!(psk(1, 1), psk(1, 2));
        assert_ne!(psk(1, 1), psk(1, 1 << 56 | 1));
        assert_ne!(psk(1, 1), psk(2, 1));
    }
}
