//! The messages: 100 bytes, which begin with a number and the time of sending.

use crate::measure;

/// The size of every message, in bytes.
pub(crate) const SIZE: usize = 100;

/// The purpose of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A message that the server or a client sends at a regular interval.
    Stream = 1,
    /// A message of a client that the server sends back, to measure the round-trip time.
    Ping = 2,
    /// A message that the server sends to all clients.
    Broadcast = 3,
}

/// The fields of a received message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) kind: u8,
    pub(crate) number: u64,
    pub(crate) sent_at: u64,
}

/// Creates a message that is sent now.
pub(crate) fn message(kind: Kind, number: u64) -> [u8; SIZE] {
    let mut bytes = [0x5a; SIZE];
    bytes[0] = kind as u8;
    bytes[1..9].copy_from_slice(&number.to_le_bytes());
    bytes[9..17].copy_from_slice(&measure::now().to_le_bytes());
    bytes
}

/// Parses the head of a message. Returns `None` if `bytes` are not a message of this benchmark.
pub(crate) fn parse(bytes: &[u8]) -> Option<Head> {
    let (kind, rest) = bytes.split_first()?;
    let (number, rest) = rest.split_first_chunk()?;
    let sent_at = rest.first_chunk()?;
    (bytes.len() == SIZE).then(|| Head {
        kind: *kind,
        number: u64::from_le_bytes(*number),
        sent_at: u64::from_le_bytes(*sent_at),
    })
}
