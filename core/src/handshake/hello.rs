//! The first datagram of a client, and the Retry that it may get.
//!
//! | bytes | Hello |
//! |---|---|
//! | 1 | type, 4 |
//! | 1 | version |
//! | 1 | mode: 0 open, 1 ticket, 2 resume, 3 peer |
//! | 8 | application |
//! | 3 | connection id that the client chose for itself |
//! | 8 | attempt: random, the same in every Hello of one attempt |
//! | 16 | cookie, or zeros |
//! | 8 | expiry of the ticket in microseconds of wall time, or zero |
//! | 2 + n | length and sealed ticket (mode 3: the hint) |
//! | 2 + n | length and first Noise message; its payload is [`super::Parameters`] |
//! | | zeros to 1200 bytes, on UDP |
//!
//! The first 22 bytes have the same positions in every version, so that a server of any version can reply with its own
//! version. The reply repeats the connection id and the attempt, 11 bytes that an attacker off the path cannot guess.
//!
//! | bytes | Retry |
//! |---|---|
//! | 1 | type, 5 |
//! | 3 | the client's connection id |
//! | 8 | echo: the first bytes of a digest of the cookie, keyed with the digest of the Noise message |
//! | 16 | cookie |

use alloc::vec::Vec;

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::cookie::Cookie;
use crate::crypto::{HandshakeCrypto, Key};
use crate::limits;
use crate::wire::header::{HELLO, RETRY};
use crate::wire::{Malformed, NoRoom, Reader, Writer};

/// The version of the protocol that this code supports.
pub(crate) const VERSION: u8 = 1;

/// The kind of credential in a Hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// No credential.
    Open,
    /// A ticket of the game's backend.
    Ticket,
    /// A ticket that the server sealed for a session.
    Resume,
    /// A key that the signalling server gave to both ends.
    Peer,
}

impl Mode {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Open),
            1 => Some(Self::Ticket),
            2 => Some(Self::Resume),
            3 => Some(Self::Peer),
            _ => None,
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Ticket => 1,
            Self::Resume => 2,
            Self::Peer => 3,
        }
    }

    /// Returns `true` if this mode allows a ticket of `length` bytes with this expiry.
    fn admits(self, length: usize, expiry: u64) -> bool {
        match self {
            Self::Open => length == 0 && expiry == 0,
            Self::Ticket | Self::Resume => (1..=limits::TICKET_BYTES).contains(&length),
            Self::Peer => length == super::peer::HINT && expiry == 0,
        }
    }
}

/// The fields with which a Hello of any version starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Preamble {
    kind: u8,
    version: u8,
    mode: u8,
    application: U64,
    client_id: [u8; 3],
    attempt: [u8; 8],
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Head {
    preamble: Preamble,
    cookie: Cookie,
    expiry: U64,
}

impl Preamble {
    /// Reads the preamble of a Hello of any version. Returns `None` if `bytes` are too short.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Self::read_from_prefix(bytes).ok().map(|(preamble, _)| preamble)
    }

    pub(crate) const fn version(&self) -> u8 {
        self.version
    }

    pub(crate) const fn application(&self) -> u64 {
        self.application.get()
    }

    /// Returns the connection id and the attempt, which a reply repeats.
    pub(crate) const fn echo(&self) -> ([u8; 3], [u8; 8]) {
        (self.client_id, self.attempt)
    }
}

/// A Hello of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hello<'a> {
    pub(crate) mode: Mode,
    pub(crate) application: u64,
    pub(crate) client_id: u32,
    pub(crate) attempt: [u8; 8],
    pub(crate) cookie: Cookie,
    pub(crate) expiry: u64,
    pub(crate) ticket: &'a [u8],
    pub(crate) noise: &'a [u8],
}

impl<'a> Hello<'a> {
    /// Reads a Hello of this version. All bytes of the padding must be zero, so that every byte is checked.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (head, rest) = Head::read_from_prefix(bytes).map_err(|_| Malformed)?;
        let mode = Mode::from_byte(head.preamble.mode).ok_or(Malformed)?;
        let mut reader = Reader::new(rest);
        let ticket_length = usize::from(reader.u16()?);
        let ticket = reader.take(ticket_length)?;
        let noise_length = usize::from(reader.u16()?);
        let noise = reader.take(noise_length)?;
        let [a, b, c] = head.preamble.client_id;
        let expiry = head.expiry.get();
        let well_formed = head.preamble.kind == HELLO
            && head.preamble.version == VERSION
            && mode.admits(ticket.len(), expiry)
            && noise.len() <= limits::HELLO_NOISE_BYTES
            && reader.rest().iter().all(|&byte| byte == 0);
        if !well_formed {
            return Err(Malformed);
        }
        Ok(Self {
            mode,
            application: head.preamble.application(),
            client_id: u32::from_le_bytes([a, b, c, 0]),
            attempt: head.preamble.attempt,
            cookie: head.cookie,
            expiry,
            ticket,
            noise,
        })
    }

    /// Writes the Hello without padding.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let [a, b, c, _] = self.client_id.to_le_bytes();
        let head = Head {
            preamble: Preamble {
                kind: HELLO,
                version: VERSION,
                mode: self.mode.byte(),
                application: U64::new(self.application),
                client_id: [a, b, c],
                attempt: self.attempt,
            },
            cookie: self.cookie,
            expiry: U64::new(self.expiry),
        };
        writer.bytes(head.as_bytes())?;
        for field in [self.ticket, self.noise] {
            writer.u16(u16::try_from(field.len()).map_err(|_| NoRoom)?)?;
            writer.bytes(field)?;
        }
        Ok(())
    }

    /// Returns the bytes that both ends mix into Noise: all fields except the cookie, the Noise message and the
    /// padding.
    pub(crate) fn prologue(&self) -> Vec<u8> {
        let [a, b, c, _] = self.client_id.to_le_bytes();
        let mut prologue = Vec::with_capacity(48 + self.ticket.len());
        prologue.extend_from_slice(b"tickwire");
        prologue.extend_from_slice(&[VERSION, self.mode.byte()]);
        prologue.extend_from_slice(&self.application.to_le_bytes());
        prologue.extend_from_slice(&[a, b, c]);
        prologue.extend_from_slice(&self.attempt);
        prologue.extend_from_slice(&self.expiry.to_le_bytes());
        prologue.extend_from_slice(self.ticket);
        prologue
    }
}

/// Returns the digest that identifies a first Noise message. Both ends compute the digest, so it has no key.
pub(crate) fn noise_digest(provider: &dyn HandshakeCrypto, noise: &[u8]) -> Key {
    provider.digest(&[0; 32], &[b"tickwire noise", noise])
}

/// A Retry, which asks the client for another Hello with the cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Retry {
    pub(crate) client_id: u32,
    pub(crate) echo: [u8; 8],
    pub(crate) cookie: Cookie,
}

impl Retry {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != RETRY {
            return Err(Malformed);
        }
        let retry = Self { client_id: reader.u24()?, echo: reader.array()?, cookie: reader.array()? };
        reader.finish().map(|()| retry)
    }

    pub(crate) fn append_to(&self, reply: &mut Vec<u8>) {
        let [a, b, c, _] = self.client_id.to_le_bytes();
        reply.extend_from_slice(&[RETRY, a, b, c]);
        reply.extend_from_slice(&self.echo);
        reply.extend_from_slice(&self.cookie);
    }
}

/// Returns the echo of a Retry. The echo shows that the sender of the Retry received the Hello whose Noise message has
/// this `digest`, and that the cookie is not damaged. Without the echo, a client would use a cookie with a bit error,
/// and a client follows only a few Retries.
pub(crate) fn echo_of(provider: &dyn HandshakeCrypto, digest: &Key, cookie: &Cookie) -> [u8; 8] {
    let mut echo = [0; 8];
    let whole = provider.digest(digest, &[b"tickwire retry", cookie]);
    echo.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    echo
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO_SAMPLE: Hello<'static> = Hello {
        mode: Mode::Ticket,
        application: 0x1122_3344_5566_7788,
        client_id: 0x00ab_cdef,
        attempt: [0xa7; 8],
        cookie: [0xc0; 16],
        expiry: 5,
        ticket: &[0x71, 0x72],
        noise: &[0x91, 0x92, 0x93],
    };

    fn bytes_of(hello: &Hello<'_>) -> Vec<u8> {
        let mut buffer = [0; 1200];
        let mut writer = Writer::new(&mut buffer);
        hello.write(&mut writer).unwrap();
        let length = writer.written();
        buffer[..length].to_vec()
    }

    #[test]
    fn a_hello_has_its_documented_layout() {
        let hex: alloc::string::String =
            bytes_of(&HELLO_SAMPLE).iter().map(|byte| alloc::format!("{byte:02x}")).collect();
        insta::assert_snapshot!(hex, @"0401018877665544332211efcdaba7a7a7a7a7a7a7a7c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c00500000000000000020071720300919293");
    }

    #[test]
    fn a_hello_with_nonzero_padding_is_malformed() {
        let mut bytes = bytes_of(&HELLO_SAMPLE);
        assert_eq!(Hello::read(&bytes), Ok(HELLO_SAMPLE));
        bytes.resize(1200, 0);
        assert_eq!(Hello::read(&bytes), Ok(HELLO_SAMPLE));
        bytes[1199] = 1;
        assert_eq!(Hello::read(&bytes), Err(Malformed));
    }

    #[test]
    fn a_hello_truncated_at_any_byte_is_malformed() {
        let bytes = bytes_of(&HELLO_SAMPLE);
        for length in 0..bytes.len() {
            assert_eq!(Hello::read(&bytes[..length]), Err(Malformed), "{length}");
        }
    }

    #[test]
    fn a_hello_is_malformed_if_its_mode_does_not_allow_its_expiry_or_its_ticket_length() {
        let hint = [1; 16];
        let long = [1; limits::TICKET_BYTES + 1];
        for (mode, expiry, ticket, admitted) in [
            (Mode::Open, 0, &[][..], true),
            (Mode::Open, 1, &[][..], false),
            (Mode::Open, 0, &[1][..], false),
            (Mode::Ticket, 1, &[][..], false),
            (Mode::Ticket, 1, &long[..limits::TICKET_BYTES], true),
            (Mode::Ticket, 1, &long[..], false),
            (Mode::Resume, 1, &[][..], false),
            (Mode::Peer, 0, &hint[..], true),
            (Mode::Peer, 0, &hint[..15], false),
            (Mode::Peer, 1, &hint[..], false),
        ] {
            let hello = Hello { mode, expiry, ticket, ..HELLO_SAMPLE };
            assert_eq!(Hello::read(&bytes_of(&hello)).is_ok(), admitted, "{hello:?}");
        }
    }

    #[test]
    fn the_prologue_depends_on_every_field_of_a_hello_except_cookie_and_noise() {
        let base = HELLO_SAMPLE.prologue();
        for other in [
            Hello { mode: Mode::Resume, ..HELLO_SAMPLE },
            Hello { application: 1, ..HELLO_SAMPLE },
            Hello { client_id: 1, ..HELLO_SAMPLE },
            Hello { attempt: [1; 8], ..HELLO_SAMPLE },
            Hello { expiry: 1, ..HELLO_SAMPLE },
            Hello { ticket: &[1], ..HELLO_SAMPLE },
        ] {
            assert_ne!(other.prologue(), base, "{other:?}");
        }
        assert_eq!(Hello { cookie: [0; 16], noise: &[1], ..HELLO_SAMPLE }.prologue(), base);
    }

    #[test]
    fn the_largest_hello_without_padding_fits_the_smallest_datagram_size() {
        let ticket = [1; limits::TICKET_BYTES];
        let noise = [1; limits::HELLO_NOISE_BYTES];
        let hello = Hello { ticket: &ticket, noise: &noise, ..HELLO_SAMPLE };
        assert!(bytes_of(&hello).len() <= usize::from(limits::LEAST_DATAGRAM));
    }

    #[test]
    fn a_retry_of_any_length_but_28_bytes_is_malformed() {
        let retry = Retry { client_id: 7, echo: [8; 8], cookie: [9; 16] };
        let mut bytes = Vec::new();
        retry.append_to(&mut bytes);
        assert_eq!(bytes.len(), 28);
        assert_eq!(Retry::read(&bytes), Ok(retry));
        assert_eq!(Retry::read(&bytes[..27]), Err(Malformed));
        bytes.push(0);
        assert_eq!(Retry::read(&bytes), Err(Malformed));
    }
}
