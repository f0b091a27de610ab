//! The messages: 100 bytes, which begin with a number and the time of sending.

use crate::measure;

/// Bytes of every message.
pub(crate) const SIZE: usize = 100;

/// The meaning of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// One of many.
    Stream = 1,
    /// To be sent back.
    Ping = 2,
    /// One that all clients get.
    Broadcast = 3,
}

/// A message, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) kind: u8,
    pub(crate) number: u64,
    pub(crate) sent_at: u64,
}

/// A message that is sent now.
pub(crate) fn message(kind: Kind, number: u64) -> [u8; SIZE] {
    let mut bytes = [0x5a; SIZE];
    bytes[0] = kind as u8;
    bytes[1..9].copy_from_slice(&number.to_le_bytes());
    bytes[9..17].copy_from_slice(&measure::now().to_le_bytes());
    bytes
}

/// The head of a message, if `bytes` are one.
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
