//! Forged datagrams, and frames of hostile peers.

use tickwire_core::ChannelId;
use tickwire_core::wire::writers::{Chain, Writer, write_message};
use tickwire_core::wire::{DataHeader, MessageFrame, MessagePart};
use tickwire_sim::rng::{Draws, mix};

/// Returns `length` random bytes that begin with `first`.
pub(crate) fn garbage(first: u8, length: usize, seed: u64) -> Vec<u8> {
    let mut draws = Draws::new(mix(seed, length as u64));
    let mut bytes: Vec<u8> = (0..length).map(|_| draws.next_u64() as u8).collect();
    if let Some(place) = bytes.first_mut() {
        *place = first;
    }
    // Half of them are quiet behind a short head, as padding is.
    if draws.chance(500_000) {
        bytes.iter_mut().skip(draws.below(200) as usize).for_each(|byte| *byte = 0);
    }
    bytes
}

/// Returns a data packet with the header of `like`, a higher packet number, and frames that an honest peer would not
/// send.
pub(crate) fn packet(like: &DataHeader, seed: u64) -> Vec<u8> {
    let mut draws = Draws::new(seed);
    let packet_number = like.packet_number.wrapping_add(draws.between(1, 40) as u32);
    let header = DataHeader { packet_number, ..*like };
    let mut bytes = vec![0; 1200];
    let mut writer = Writer::new(&mut bytes);
    let _ = header.write(&mut writer);
    let mut chain = Chain::default();
    for _ in 0..draws.between(1, 8) {
        frame(&mut draws, &mut writer, &mut chain);
    }
    let _ = writer.bytes(&[0; 16]);
    let length = writer.written();
    bytes.truncate(length);
    bytes
}

fn frame(draws: &mut Draws, writer: &mut Writer<'_>, chain: &mut Chain) {
    if draws.chance(600_000) {
        let _ = write_message(&message_frame(draws), writer, chain);
        return;
    }
    // A known type, and whatever follows it.
    let first = if draws.chance(400_000) { 0x20 + draws.below(16) as u8 } else { draws.below(9) as u8 };
    let mut body = [0; 40];
    let length = draws.below(40) as usize;
    for byte in &mut body[..length] {
        *byte = if draws.chance(500_000) { draws.below(4) as u8 } else { draws.next_u64() as u8 };
    }
    let _ = writer.u8(first);
    let _ = writer.bytes(&body[..length]);
}

fn message_frame(draws: &mut Draws) -> MessageFrame<'static> {
    static DATA: [u8; 700] = [0x5a; 700];
    let length = if draws.chance(700_000) { draws.below(40) } else { draws.below(700) };
    let id = match draws.below(4) {
        0 => draws.below(4),
        1 | 2 => draws.below(2500),
        _ => draws.below(1 << 24),
    };
    let total = match draws.below(4) {
        0 => length + draws.below(100),
        1 | 2 => draws.magnitude(1, 300_000),
        _ => draws.magnitude(1, 1 << 60),
    };
    let part = match draws.below(3) {
        0 => MessagePart::Whole,
        _ => MessagePart::Fragment { total, offset: draws.below(total.saturating_sub(length).max(1)) },
    };
    let has_id = part != MessagePart::Whole || draws.chance(800_000);
    MessageFrame {
        channel: ChannelId(draws.below(7) as u8),
        id: has_id.then_some(id as u32),
        part,
        data: &DATA[..length as usize],
    }
}
