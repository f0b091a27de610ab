//! The messages that the model sends, and the checks of the messages that arrive.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::event::ChannelId;

pub(super) fn at_most_once(got: &[Bytes], sent: &[Bytes]) {
    let sent = counts(sent);
    for (message, count) in counts(got) {
        assert!(count <= sent.get(&message).copied().unwrap_or(0), "never twice, never invented");
    }
}

/// Returns the content of a message. Messages of 8 bytes or more begin with their number, and half of these messages
/// compress.
pub(super) fn content(channel: ChannelId, number: usize, size: usize) -> Bytes {
    let mut state = (number as u32) << 8 | u32::from(channel.0) | 1;
    let mut message: Vec<u8> = (0..size)
        .map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if number.is_multiple_of(2) { (at / 40) as u8 } else { (state >> 24) as u8 }
        })
        .collect();
    if let Some(start) = message.first_chunk_mut() {
        *start = (number as u64).to_le_bytes();
    }
    message.into()
}

pub(super) fn number_of(message: &Bytes) -> Option<u64> {
    message.first_chunk().copied().map(u64::from_le_bytes)
}

pub(super) fn counts(messages: &[Bytes]) -> BTreeMap<Bytes, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message.clone()).or_default() += 1;
    }
    counts
}
