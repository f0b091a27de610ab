//! Tickets, with which a game's backend admits a client to a server without a message to the server.
//!
//! The backend mints a [`Ticket`] and hands it to the client over a channel that is secret and authentic (HTTPS).
//! The client sends the sealed part; the server opens it with a key that the backend derived for it.
//!
//! Sealed: format (1 byte), nonce (24), then encrypted: id (16), identity (16), pre-shared key (32), expiry (8), server
//! key (32), user data; tag (16). Associated data: kind, format, application, expiry.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::sealing::{self, SealingKey};
use crate::crypto::{HandshakeCrypto, Key, Provider, PublicKey, Secret};
use crate::limits;
use crate::rng::Rng;
use crate::wire::{Malformed, Reader};

/// A ticket, with which a client may connect. The ticket contains sealed bytes for the server, and a pre-shared key,
/// which the sealed bytes also contain. Keep the ticket secret.
///
/// `Display` and `FromStr` convert a ticket to and from hexadecimal text. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    application: u64,
    expiry: u64,
    server_key: Key,
    pub(super) psk: Secret,
    pub(super) sealed: Vec<u8>,
}

impl Ticket {
    /// Returns the application number in the ticket.
    #[must_use]
    pub const fn application(&self) -> u64 {
        self.application
    }

    /// Returns the time at which the ticket expires, in microseconds of wall time since the Unix epoch.
    #[must_use]
    pub const fn expiry(&self) -> u64 {
        self.expiry
    }

    /// Returns the public key of the server that the ticket is for.
    #[must_use]
    pub fn server_key(&self) -> PublicKey {
        self.server_key.into()
    }

    /// Returns the ticket as bytes: format, application, expiry, server key, pre-shared key, sealed part, checksum.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + self.sealed.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.application.to_le_bytes());
        bytes.extend_from_slice(&self.expiry.to_le_bytes());
        bytes.extend_from_slice(&self.server_key);
        bytes.extend_from_slice(&*self.psk);
        // The mint and `from_bytes` keep the sealed part below `limits::TICKET_BYTES`.
        bytes.extend_from_slice(&(self.sealed.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&self.sealed);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads a ticket from the bytes that [`Ticket::to_bytes`] returned.
    ///
    /// # Errors
    /// [`TicketError`] if the bytes have an unknown format, are cut short, or are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TicketError> {
        match bytes.first() {
            None => return Err(TicketError::Damaged),
            Some(&FORMAT) => {}
            Some(&format) => return Err(TicketError::UnknownFormat(format)),
        }
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(TicketError::Damaged)?;
        if checksum(body) != u32::from_le_bytes(*sum) {
            return Err(TicketError::Damaged);
        }
        Self::read(body).map_err(|_| TicketError::Damaged)
    }

    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let _format = reader.u8()?;
        let application = reader.u64()?;
        let expiry = reader.u64()?;
        let server_key = reader.array()?;
        let psk = reader.array()?.into();
        let length = usize::from(reader.u16()?);
        let sealed = reader.take(length)?;
        reader.finish()?;
        if (1..=limits::TICKET_BYTES).contains(&sealed.len()) {
            Ok(Self { application, expiry, server_key, psk, sealed: sealed.to_vec() })
        } else {
            Err(Malformed)
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("application", &self.application)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Reads hexadecimal text in either case, with or without white space around the text.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let (pairs, odd) = text.trim().as_bytes().as_chunks::<2>();
        if !odd.is_empty() {
            return Err(TicketError::NotHexadecimal);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|&[high, low]| u8::try_from(digit(high)? << 4 | digit(low)?).ok()).collect();
        Self::from_bytes(&bytes.ok_or(TicketError::NotHexadecimal)?)
    }
}

/// The contents of a ticket, which a backend defines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TicketContents {
    /// The identity of the client. The game defines the meaning of the identity.
    pub identity: [u8; 16],
    /// The time at which the ticket expires, in microseconds of wall time since the Unix epoch. Choose a time in the
    /// near future, because the server stores the id of a used ticket until the ticket expires.
    pub expiry: u64,
    /// Bytes that describe the client to the server, at most [`limits::TICKET_USER_DATA`] bytes.
    pub user_data: Vec<u8>,
}

/// Derives the key that opens the tickets of one server, whose public key is `server_key`, from the backend's key `master`.
/// Give the derived key to this server as [`crate::config::Secrets::ticket`]. Keep the master key at the backend.
#[must_use]
pub fn server_ticket_key(provider: &dyn Provider, master: &Key, server_key: &Key) -> Secret {
    provider.handshake().digest(master, &[b"tickwire server ticket key", server_key]).into()
}

/// A mint, which creates tickets for one server. The game's backend uses the mint.
///
/// ```
/// use tickwire_core::crypto::default_provider;
/// use tickwire_core::rng::Rng;
/// use tickwire_core::{ConnectOptions, Ticket, TicketContents, TicketMint, server_ticket_key};
///
/// # let (master, server_key, seed, now_us) = ([1; 32], [2; 32], [3; 32], 0);
/// // The backend keeps the master key, and seeds its randomness from the system.
/// let provider = default_provider();
/// let mint = TicketMint::new(provider.clone(), &server_ticket_key(&*provider, &master, &server_key));
/// let contents =
///     TicketContents { identity: [7; 16], expiry: now_us + 60_000_000, user_data: b"level 9".to_vec() };
/// let ticket = mint.mint(&mut Rng::from_seed(seed), 0x6d79_6761_6d65, &server_key, contents)?;
///
/// // The client gets the ticket as text, and presents it to the server.
/// let ticket: Ticket = ticket.to_string().parse()?;
/// let options = ConnectOptions::new(server_key).ticket(ticket);
/// # drop(options);
/// # Ok::<(), tickwire_core::TicketError>(())
/// ```
pub struct TicketMint {
    provider: Arc<dyn Provider>,
    key: SealingKey,
}

impl fmt::Debug for TicketMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketMint(..)")
    }
}

impl TicketMint {
    /// Creates a mint. `key` is the key that [`server_ticket_key`] derived.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>, key: &Key) -> Self {
        let key = SealingKey::new(provider.handshake(), key);
        Self { provider, key }
    }

    /// Creates a ticket for the server whose public key is `server_key`. Seed `randomness` from the operating system.
    ///
    /// # Errors
    /// [`TicketError::UserDataTooLong`] if the user data is longer than a ticket can hold.
    pub fn mint(
        &self,
        randomness: &mut Rng,
        application: u64,
        server_key: &Key,
        contents: TicketContents,
    ) -> Result<Ticket, TicketError> {
        let TicketContents { identity, expiry, user_data } = contents;
        if user_data.len() > limits::TICKET_USER_DATA {
            return Err(TicketError::UserDataTooLong { size: user_data.len() });
        }
        let id: [u8; 16] = randomness.array();
        let psk = Secret::new(randomness.array());
        let mut text = Vec::with_capacity(TEXT_FIXED + user_data.len() + limits::TAG);
        text.extend_from_slice(&id);
        text.extend_from_slice(&identity);
        text.extend_from_slice(&*psk);
        text.extend_from_slice(&expiry.to_le_bytes());
        text.extend_from_slice(server_key);
        text.extend_from_slice(&user_data);
        let mut sealed = Vec::with_capacity(1 + sealing::OVERHEAD + text.len());
        sealed.push(FORMAT);
        let associated = sealing::associated(KIND, FORMAT, application, expiry);
        self.key.seal(self.provider.handshake(), randomness, &associated, text, &mut sealed);
        Ok(Ticket { application, expiry, server_key: *server_key, psk, sealed })
    }
}

/// The contents of a ticket that the server opened. The ticket is authentic, but may have expired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OpenTicket {
    pub(crate) id: [u8; 16],
    pub(crate) identity: [u8; 16],
    pub(crate) psk: Secret,
    /// The expiry, in microseconds of wall-clock time.
    pub(crate) expiry: u64,
    pub(crate) user_data: Vec<u8>,
}

/// Opens the tickets of one server.
pub(crate) struct TicketOpener {
    key: SealingKey,
    application: u64,
    server_key: Key,
}

impl TicketOpener {
    pub(crate) fn new(provider: &dyn HandshakeCrypto, key: &Key, application: u64, server_key: Key) -> Self {
        Self { key: SealingKey::new(provider, key), application, server_key }
    }

    /// Opens a sealed ticket that claims to expire at `expiry`. Returns `None` if the ticket is forged, or belongs to
    /// another server or application.
    pub(crate) fn open(
        &self,
        provider: &dyn HandshakeCrypto,
        expiry: u64,
        sealed: &[u8],
    ) -> Option<OpenTicket> {
        let (&format, sealed) = sealed.split_first()?;
        if format != FORMAT {
            return None;
        }
        let associated = sealing::associated(KIND, format, self.application, expiry);
        let text = self.key.open(provider, &associated, sealed)?;
        let mut reader = Reader::new(&text);
        let ticket = Self::read(&mut reader).ok()?;
        let ours = ticket.1 == self.server_key && ticket.0.expiry == expiry && !ticket.0.psk.is_zero();
        ours.then_some(ticket.0)
    }

    fn read(reader: &mut Reader<'_>) -> Result<(OpenTicket, Key), Malformed> {
        let id = reader.array()?;
        let identity = reader.array()?;
        let psk = reader.array()?.into();
        let expiry = reader.u64()?;
        let server_key = reader.array()?;
        let user_data = reader.rest();
        if user_data.len() > limits::TICKET_USER_DATA {
            return Err(Malformed);
        }
        Ok((OpenTicket { id, identity, psk, expiry, user_data: user_data.to_vec() }, server_key))
    }
}

/// The reason why a ticket could not be created or read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TicketError {
    /// The user data is longer than a ticket can hold.
    UserDataTooLong {
        /// The size of the user data, in bytes.
        size: usize,
    },
    /// The text is not a sequence of pairs of hexadecimal digits.
    NotHexadecimal,
    /// The ticket has a format that this version of the library cannot read.
    UnknownFormat(u8),
    /// The ticket is damaged: bytes are missing, added or changed.
    Damaged,
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserDataTooLong { size } => write!(
                f,
                "the user data has {size} bytes, but a ticket carries at most {} bytes; put a reference into the ticket and keep the \
                 data at the backend",
                limits::TICKET_USER_DATA
            ),
            Self::NotHexadecimal => {
                f.write_str("the ticket is not hexadecimal text; paste the whole ticket, as it was printed")
            }
            Self::UnknownFormat(format) => write!(
                f,
                "the ticket has format {format}, but this program reads only format {FORMAT}; update this program, or mint a ticket of format {FORMAT}"
            ),
            Self::Damaged => f.write_str(
                "the ticket is damaged; copy the whole ticket again from the output of the program that minted it",
            ),
        }
    }
}

impl core::error::Error for TicketError {}

/// FNV-1a, which detects an error of copying. The server would not answer a damaged ticket.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

const FORMAT: u8 = 1;
const KIND: &[u8; 16] = b"tickwire ticket ";
/// The size of a ticket without its sealed part, in bytes.
const FIXED: usize = 1 + 8 + 8 + 32 + 32 + 2 + 4;
/// The size of the sealed text without the user data, in bytes.
const TEXT_FIXED: usize = 16 + 16 + 32 + 8 + 32;
const _: () = assert!(1 + sealing::OVERHEAD + TEXT_FIXED + limits::TICKET_USER_DATA <= limits::TICKET_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;
    use alloc::string::ToString;

    const APPLICATION: u64 = 42;
    const SERVER: Key = [5; 32];

    fn mint() -> TicketMint {
        TicketMint::new(Arc::new(RustCrypto), &server_ticket_key(&RustCrypto, &[1; 32], &SERVER))
    }

    fn opener(application: u64, server: Key) -> TicketOpener {
        let key = server_ticket_key(&RustCrypto, &[1; 32], &server);
        TicketOpener::new(&RustCrypto, &key, application, server)
    }

    fn contents() -> TicketContents {
        TicketContents { identity: [2; 16], expiry: 1000, user_data: b"red".to_vec() }
    }

    fn ticket(seed: u8) -> Ticket {
        mint().mint(&mut Rng::from_seed([seed; 32]), APPLICATION, &SERVER, contents()).unwrap()
    }

    #[test]
    fn the_server_reads_the_contents_that_the_backend_sealed() {
        let ticket = ticket(1);
        let open = opener(APPLICATION, SERVER).open(&RustCrypto, 1000, &ticket.sealed).unwrap();
        assert_eq!((open.identity, open.psk, open.expiry), ([2; 16], ticket.psk, 1000));
        assert_eq!(open.user_data, b"red");
    }

    #[test]
    fn a_ticket_opens_only_for_its_server_key_application_and_expiry() {
        let sealed = ticket(1).sealed;
        assert!(opener(APPLICATION, [6; 32]).open(&RustCrypto, 1000, &sealed).is_none());
        assert!(opener(APPLICATION + 1, SERVER).open(&RustCrypto, 1000, &sealed).is_none());
        assert!(opener(APPLICATION, SERVER).open(&RustCrypto, 1001, &sealed).is_none());
    }

    #[test]
    fn a_ticket_that_names_a_different_server_does_not_open_even_under_the_right_key() {
        let mut rng = Rng::from_seed([1; 32]);
        let ticket = mint().mint(&mut rng, APPLICATION, &[6; 32], contents()).unwrap();
        assert!(opener(APPLICATION, SERVER).open(&RustCrypto, 1000, &ticket.sealed).is_none());
    }

    #[test]
    fn a_sealed_ticket_does_not_open_if_a_byte_is_changed_or_missing() {
        let sealed = ticket(1).sealed;
        let opener = opener(APPLICATION, SERVER);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(opener.open(&RustCrypto, 1000, &changed).is_none(), "byte {place}");
            assert!(opener.open(&RustCrypto, 1000, &sealed[..place]).is_none(), "{place} bytes");
        }
    }

    #[test]
    fn a_ticket_with_an_all_zero_pre_shared_key_does_not_open() {
        let key = SealingKey::new(&RustCrypto, &server_ticket_key(&RustCrypto, &[1; 32], &SERVER));
        for (psk, accepted) in [([0; 32], false), ([1; 32], true)] {
            let mut text = alloc::vec![3; 32];
            text.extend_from_slice(&psk);
            text.extend_from_slice(&1000u64.to_le_bytes());
            text.extend_from_slice(&SERVER);
            let mut sealed = alloc::vec![FORMAT];
            let associated = sealing::associated(KIND, FORMAT, APPLICATION, 1000);
            key.seal(&RustCrypto, &mut Rng::from_seed([1; 32]), &associated, text, &mut sealed);
            let open = opener(APPLICATION, SERVER).open(&RustCrypto, 1000, &sealed);
            assert_eq!(open.is_some(), accepted);
        }
    }

    #[test]
    fn user_data_above_the_limit_is_refused_when_a_ticket_is_minted() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut mint = |size| {
            let contents = TicketContents { user_data: alloc::vec![1; size], ..contents() };
            mint().mint(&mut rng, APPLICATION, &SERVER, contents)
        };
        assert!(mint(limits::TICKET_USER_DATA).unwrap().sealed.len() <= limits::TICKET_BYTES);
        let size = limits::TICKET_USER_DATA + 1;
        assert_eq!(mint(size), Err(TicketError::UserDataTooLong { size }));
    }

    #[test]
    fn a_ticket_is_read_unchanged_from_its_bytes_and_from_its_text() {
        let ticket = ticket(1);
        assert_eq!(Ticket::from_bytes(&ticket.to_bytes()), Ok(ticket.clone()));
        let text = ticket.to_string();
        assert_eq!(text.parse(), Ok(ticket.clone()));
        assert_eq!(alloc::format!(" {}\n", text.to_uppercase()).parse(), Ok(ticket));
    }

    #[test]
    fn a_damaged_ticket_does_not_parse_from_bytes_or_from_text() {
        let bytes = ticket(1).to_bytes();
        for place in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            assert_eq!(Ticket::from_bytes(&changed), Err(TicketError::Damaged), "byte {place}");
            assert_eq!(Ticket::from_bytes(&bytes[..place]), Err(TicketError::Damaged), "{place} bytes");
        }
        assert_eq!(Ticket::from_bytes(&[]), Err(TicketError::Damaged));
        assert_eq!(Ticket::from_bytes(&[9]), Err(TicketError::UnknownFormat(9)));
        assert_eq!("0".parse::<Ticket>(), Err(TicketError::NotHexadecimal));
        assert_eq!("0g".parse::<Ticket>(), Err(TicketError::NotHexadecimal));
        assert_eq!("+1".parse::<Ticket>(), Err(TicketError::NotHexadecimal));
    }

    #[test]
    fn the_debug_output_of_a_ticket_contains_no_secret() {
        insta::assert_snapshot!(alloc::format!("{:?}", ticket(1)), @"Ticket { application: 42, expiry: 1000, .. }");
    }
}
