//! Small datagrams outside any encryption. Each starts with 7 and a second byte, and is smaller than the datagram that
//! it answers.
//!
//! | second byte | datagram | fields |
//! |---|---|---|
//! | 0 | Unknown | connection id as it was sent, the last 8 bytes of the offending datagram (half its tag) |
//! | 1 | Version | client's connection id, version that the server speaks, attempt of the Hello |
//! | 2 | KeyQuery | client's connection id, application u64, 8 random bytes, zeros to 45 bytes at least: to 1200 on UDP,
//! unless it asks what passes |
//! | 3 | KeyReply | client's connection id, the first 8 bytes of a digest of the query's 8, the server's public key |

use alloc::vec::Vec;

use super::hello::VERSION;
use crate::crypto::{HandshakeCrypto, Key};
use crate::wire::header::{CONTROL, RETRY, WELCOME};
use crate::wire::{Control, Malformed, NoRoom, Reader, Writer};

const UNKNOWN: u8 = Control::Unknown as u8;
const VERSION_REPLY: u8 = Control::Version as u8;
pub(crate) const KEY_QUERY: u8 = Control::KeyQuery as u8;
const KEY_REPLY: u8 = Control::KeyReply as u8;

/// The size of an Unknown, in bytes.
const UNKNOWN_BYTES: usize = 2 + 3 + 8;
/// The size of a KeyReply, which is also the smallest size of a KeyQuery, in bytes.
pub(crate) const KEY_REPLY_BYTES: usize = 2 + 3 + 8 + 32;

/// Returns the connection id to which a Retry, Welcome or control datagram is addressed, or `None` for any other
/// datagram.
pub(crate) fn addressee(bytes: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(bytes);
    match reader.u8().ok()? {
        RETRY | WELCOME => reader.u24().ok(),
        CONTROL => match reader.u8().ok()? {
            UNKNOWN | VERSION_REPLY | KEY_REPLY => reader.u24().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the bytes of a Data `datagram` that an Unknown repeats, or `None` if the datagram is not larger than the
/// Unknown.
pub(crate) fn echo_of(datagram: &[u8]) -> Option<[u8; 8]> {
    datagram.last_chunk().filter(|_| datagram.len() > UNKNOWN_BYTES).copied()
}

/// Returns the answer to a Data datagram for the connection id `id`, which this end does not know. The caller limits the
/// rate of such answers.
pub(crate) fn unknown(id: u32, echo: [u8; 8]) -> [u8; UNKNOWN_BYTES] {
    let [a, b, c, _] = id.to_le_bytes();
    let [d, e, f, g, h, i, j, k] = echo;
    [CONTROL, UNKNOWN, a, b, c, d, e, f, g, h, i, j, k]
}

/// Reads the connection id and the repeated bytes of an Unknown.
pub(crate) fn parse_unknown(bytes: &[u8]) -> Result<(u32, [u8; 8]), Malformed> {
    let mut reader = control(bytes, UNKNOWN)?;
    let unknown = (reader.u24()?, reader.array()?);
    reader.finish().map(|()| unknown)
}

/// The reply to a Hello of an unknown version, with the version that the server supports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VersionReply {
    pub(crate) client_id: u32,
    pub(crate) version: u8,
    pub(crate) attempt: [u8; 8],
}

impl VersionReply {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = control(bytes, VERSION_REPLY)?;
        let reply = Self { client_id: reader.u24()?, version: reader.u8()?, attempt: reader.array()? };
        reader.finish().map(|()| reply)
    }

    /// Appends the reply to a Hello of another version. The reply repeats the connection id and the attempt of the
    /// Hello.
    pub(crate) fn append_to((client_id, attempt): ([u8; 3], [u8; 8]), reply: &mut Vec<u8>) {
        reply.extend_from_slice(&[CONTROL, VERSION_REPLY]);
        reply.extend_from_slice(&client_id);
        reply.push(VERSION);
        reply.extend_from_slice(&attempt);
    }
}

/// A query for the server's key, from a client that trusts any key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyQuery {
    pub(crate) client_id: u32,
    pub(crate) application: u64,
    pub(crate) nonce: [u8; 8],
}

impl KeyQuery {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = control(bytes, KEY_QUERY)?;
        let query = Self { client_id: reader.u24()?, application: reader.u64()?, nonce: reader.array()? };
        if reader.rest().iter().all(|&byte| byte == 0) { Ok(query) } else { Err(Malformed) }
    }

    /// Writes the query without padding.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.bytes(&[CONTROL, KEY_QUERY])?;
        writer.u24(self.client_id)?;
        writer.u64(self.application)?;
        writer.bytes(&self.nonce)
    }
}

/// The server's public key, in reply to a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyReply {
    pub(crate) client_id: u32,
    /// A digest that shows that the reply belongs to the query, and that the key was not damaged.
    pub(crate) echo: [u8; 8],
    pub(crate) server_key: Key,
}

impl KeyReply {
    pub(crate) fn new(provider: &dyn HandshakeCrypto, query: &KeyQuery, server_key: Key) -> Self {
        let mut reply = Self { client_id: query.client_id, echo: [0; 8], server_key };
        reply.echo = reply.echo_of(provider, &query.nonce);
        reply
    }

    /// Returns the echo of a reply to the query with this `nonce`.
    pub(crate) fn echo_of(&self, provider: &dyn HandshakeCrypto, nonce: &[u8; 8]) -> [u8; 8] {
        let mut echo = [0; 8];
        let whole = provider.digest(&self.server_key, &[b"tickwire key reply", nonce]);
        echo.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        echo
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = control(bytes, KEY_REPLY)?;
        let reply = Self { client_id: reader.u24()?, echo: reader.array()?, server_key: reader.array()? };
        reader.finish().map(|()| reply)
    }

    pub(crate) fn append_to(&self, reply: &mut Vec<u8>) {
        let [a, b, c, _] = self.client_id.to_le_bytes();
        reply.extend_from_slice(&[CONTROL, KEY_REPLY, a, b, c]);
        reply.extend_from_slice(&self.echo);
        reply.extend_from_slice(&self.server_key);
    }
}

fn control(bytes: &[u8], second: u8) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.array()? == [CONTROL, second] { Ok(reader) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_connection_reply_echoes_the_connection_id_and_the_tag_of_the_answered_packet() {
        let datagram: Vec<u8> = (0..21).collect();
        let reply = unknown(0x00ab_cdef, echo_of(&datagram).unwrap());
        assert!(reply.len() < datagram.len());
        assert_eq!(parse_unknown(&reply), Ok((0x00ab_cdef, [13, 14, 15, 16, 17, 18, 19, 20])));
        assert_eq!(addressee(&reply), Some(0x00ab_cdef));
        assert_eq!(echo_of(&datagram[..13]), None);
        assert!(echo_of(&datagram[..14]).is_some());
    }

    #[test]
    fn the_addressed_connection_id_is_read_from_server_replies_and_from_no_other_datagram() {
        let mut bytes = [0, 0, 1, 2, 3, 4];
        for first in 0..=255 {
            for second in 0..=255 {
                [bytes[0], bytes[1]] = [first, second];
                let expected = match (first, second) {
                    (RETRY | WELCOME, second) => Some(u32::from_le_bytes([second, 1, 2, 0])),
                    (CONTROL, 0 | 1 | 3) => Some(0x03_02_01),
                    _ => None,
                };
                assert_eq!(addressee(&bytes), expected);
            }
        }
    }

    #[test]
    fn a_truncated_version_reply_is_malformed() {
        let reply = KeyReply { client_id: 1, echo: [2; 8], server_key: [3; 32] };
        let mut bytes = Vec::new();
        reply.append_to(&mut bytes);
        assert_eq!((KeyReply::read(&bytes), bytes.len()), (Ok(reply), KEY_REPLY_BYTES));

        let mut bytes = Vec::new();
        VersionReply::append_to(([1, 0, 0], [2; 8]), &mut bytes);
        let reply = VersionReply { client_id: 1, version: VERSION, attempt: [2; 8] };
        assert_eq!((VersionReply::read(&bytes), bytes.len()), (Ok(reply), 14));

        for length in 0..bytes.len() {
            assert_eq!(VersionReply::read(&bytes[..length]), Err(Malformed));
        }
    }
}
