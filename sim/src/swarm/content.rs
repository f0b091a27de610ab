//! The contents of messages. They are computed from the sender and the number of a message, so that the receiver can be
//! checked to the byte without a copy of the sent messages.

use crate::rng::{Draws, mix};

/// The number of bytes at the beginning of every message that hold its side, number and channel.
pub(super) const HEADER: usize = 9;

/// The sender, the channel and the number of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name {
    pub(super) side: u32,
    pub(super) channel: u8,
    pub(super) number: u32,
}

impl Name {
    /// Reads the name at the beginning of a message.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let (side, rest) = message.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let channel = *rest.first()?;
        Some(Self { side: u32::from_le_bytes(*side), channel, number: u32::from_le_bytes(*number) })
    }

    /// Writes the message with this name to `out`. `largest` is the size of the largest messages, in bytes.
    pub(super) fn write(self, seed: u64, largest: usize, out: &mut Vec<u8>) {
        let key = mix(mix(seed, u64::from(self.side)), u64::from(self.number) << 8 | u64::from(self.channel));
        let mut draws = Draws::new(key);
        let size = draw_size(&mut draws, largest);
        out.clear();
        out.extend_from_slice(&self.side.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.push(self.channel);
        // Every other message repeats itself, and so can be compressed.
        let step = if draws.chance(500_000) { 0 } else { 0x9e37_79b9_7f4a_7c15 };
        let mut word = draws.next_u64();
        while out.len() < size {
            out.extend_from_slice(&word.to_le_bytes());
            word = word.wrapping_add(step).rotate_left((step & 31) as u32);
        }
        out.truncate(size);
    }
}

/// Draws the size of a message in bytes: usually that of a player's input, sometimes more than a datagram, and rarely
/// `largest`.
fn draw_size(draws: &mut Draws, largest: usize) -> usize {
    let most = match draws.below(1000) {
        0..=899 => 120,
        900..=979 => 1_000,
        980..=997 => 5_000,
        _ => largest,
    };
    draws.between(HEADER as u64, most.min(largest) as u64) as usize
}
