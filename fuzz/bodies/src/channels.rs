//! Fuzzes channels without a connection: arbitrary frames at the receiving side, and both sides over a lossy network.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use tickwire_core::event::Violation;
use tickwire_core::fuzzing::{Piece, Receiving, Sending, Taken};
use tickwire_core::limits::{MESSAGE_OVERHEAD, REASSEMBLY_OVERHEAD, UNRELIABLE_BACKLOG};
use tickwire_core::wire::writers::{Chain, Reader, Writer, write_resume};
use tickwire_core::wire::{Frame, FrameReader, MessageFrame, MessagePart};
use tickwire_core::{ChannelConfig, ChannelId, Delivery, Duration, Instant};

use crate::Script;

/// Returns the configurations of six channels: one for each delivery guarantee, and two compressed channels.
#[must_use]
pub fn channels() -> Vec<ChannelConfig> {
    let kinds = [
        (Delivery::ReliableOrdered, false),
        (Delivery::ReliableUnordered, false),
        (Delivery::Sequenced, false),
        (Delivery::Unreliable, false),
        (Delivery::ReliableOrdered, true),
        (Delivery::Unreliable, true),
    ];
    let configured = kinds.into_iter().map(|(delivery, compress)| {
        let mut config = ChannelConfig::new(delivery);
        config.compress = compress;
        config.receipts = true;
        config
    });
    configured.collect()
}

/// Returns the largest number of bytes that a connection may hold for its peer if messages have at most `max_message`
/// bytes. The number covers incomplete messages, messages that wait for earlier messages, and messages that wait for
/// the application.
#[must_use]
pub fn memory_most(max_message: usize) -> u64 {
    let window = Receiving::window(max_message);
    let unreliable = UNRELIABLE_BACKLOG + max_message as u64 + MESSAGE_OVERHEAD;
    window * REASSEMBLY_OVERHEAD + window + unreliable
}

/// Returns the byte at `place` of the message with the wire id `id`. The first three bytes contain the id.
fn pattern(id: u32, place: u64) -> u8 {
    id.to_le_bytes()[(place % 3) as usize] ^ (place / 3) as u8
}

fn patterned(id: u32, range: std::ops::Range<u64>) -> Vec<u8> {
    range.map(|place| pattern(id, place)).collect()
}

const MAX_MESSAGE: usize = 5000;
/// The number of different message ids.
const IDS: u64 = 4000;

/// Passes arbitrary frames to the receiving side. Asserts that uncompressed channels deliver messages unchanged, at
/// most once (except the unreliable channel), and in order if the channel is ordered or sequenced. Also asserts that
/// the receiver's memory is bounded for any claimed message length.
pub fn reassembly(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let first = [0, 0x00ff_fff0, 0x01ff_fff8, 0x8000_0000_0000][script.below(4)];
    let mut receiving = Receiving::new(&channels(), MAX_MESSAGE, first);
    let mut now = Instant::ZERO;
    let mut seen = Seen { first, ..Seen::default() };
    while !script.is_over() {
        let step = script.byte();
        match step {
            0xf0 => now += Duration::from_millis(script.number() % 200_000),
            0xf1 => receiving.begin_resume(),
            0xf2 => drop(receiving.grant()),
            0xf3..=0xf7 => {
                let most = script.below(40);
                (0..most).for_each(|_| seen.take(&mut receiving));
            }
            _ => {
                let frame = Drawn::from(step, first, &mut script);
                let before = receiving.memory();
                match receiving.take(now, &frame.frame()) {
                    Ok(Taken::Duplicate | Taken::Stale | Taken::Refused) => {
                        assert!(receiving.memory() <= before, "a refused frame increased the memory");
                    }
                    Ok(_) => {}
                    Err(violation) => {
                        return assert!(is_of_channels(violation), "{violation:?} for {frame:?}");
                    }
                }
            }
        }
        receiving.expire(now);
        assert!(
            receiving.next_expiry().is_none_or(|at| at > now),
            "a timeout is still due after it was handled"
        );
        assert!(receiving.memory() <= memory_most(MAX_MESSAGE), "{}", receiving.memory());
    }
    while receiving.has_messages() {
        seen.take(&mut receiving);
    }
}

const fn is_of_channels(violation: Violation) -> bool {
    matches!(
        violation,
        Violation::BadChannel
            | Violation::MessageTooLarge
            | Violation::CreditExceeded
            | Violation::BadFragment
            | Violation::InvalidMessages
    )
}

/// A frame whose fields a script chose.
#[derive(Debug)]
struct Drawn {
    channel: u8,
    id: Option<u32>,
    part: MessagePart,
    data: Vec<u8>,
}

impl Drawn {
    fn from(step: u8, first: u64, script: &mut Script<'_>) -> Self {
        let channel = step % 8;
        let kind = step >> 3 & 3;
        let id = match step >> 5 {
            6 if channel != 2 => script.number() as u32,
            _ => first.wrapping_add(script.number() % IDS) as u32,
        } & 0x00ff_ffff;
        let total = if step >> 5 == 5 { script.number() } else { u64::from(script.short()) % 6000 };
        let offset = if step >> 5 == 4 { script.number() } else { script.number() % total.saturating_add(1) };
        let length = (u64::from(script.short()) % 1400).min(total.saturating_sub(offset));
        match kind {
            0 => Self { channel, id: None, part: MessagePart::Whole, data: patterned(id, 0..length) },
            1 => Self { channel, id: Some(id), part: MessagePart::Whole, data: patterned(id, 0..length) },
            _ => {
                let data = patterned(id, offset..offset.saturating_add(length));
                Self { channel, id: Some(id), part: MessagePart::Fragment { total, offset }, data }
            }
        }
    }

    fn frame(&self) -> MessageFrame<'_> {
        MessageFrame { channel: ChannelId(self.channel), id: self.id, part: self.part, data: &self.data }
    }
}

/// The messages that the receiving side has delivered.
#[derive(Default)]
struct Seen {
    first: u64,
    ordered: u64,
    unordered: BTreeSet<u64>,
    sequenced: Option<u64>,
}

impl Seen {
    /// Takes the next message if there is one, and checks that it may be delivered now.
    fn take(&mut self, receiving: &mut Receiving) {
        let had = receiving.has_messages();
        let popped = receiving.pop();
        assert_eq!(popped.is_some(), had);
        let Some((channel, data)) = popped else { return };
        assert!(data.len() <= MAX_MESSAGE);
        if channel.0 == 0 {
            let id = self.first.wrapping_add(self.ordered) as u32 & 0x00ff_ffff;
            assert_eq!(data, patterned(id, 0..data.len() as u64), "the {}th message", self.ordered);
            self.ordered += 1;
        }
        let Some(&[a, b, c]) = data.first_chunk() else { return };
        let id = u32::from_le_bytes([a, b, c, 0]);
        let ahead = (u64::from(id).wrapping_sub(self.first)) & 0x00ff_ffff;
        if (1..4).contains(&channel.0) {
            assert_eq!(data, patterned(id, 0..data.len() as u64), "channel {channel:?}");
        }
        match channel.0 {
            1 => assert!(self.unordered.insert(ahead), "message {ahead} was delivered twice"),
            2 => {
                assert!(self.sequenced.is_none_or(|newest| newest < ahead), "{ahead} is older");
                self.sequenced = Some(ahead);
            }
            _ => {}
        }
    }
}

/// Runs both sides of the channels over a network that a script controls. Asserts that messages are delivered
/// unchanged, and in order if their channel is ordered or sequenced, and that each reliable message has arrived exactly
/// once at the end.
pub fn channel_pair(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let first = [0, 0x00ff_fff0, 0x02ff_ff00, 0x7fff_ffff][script.below(4)];
    let mut pair = ChannelPair::new(first);
    while !script.is_over() && pair.sent < 3000 {
        match script.byte() {
            step @ 0..0x60 => pair.enqueue(step % 6, usize::from(script.short()) % (MAX_MESSAGE + 2)),
            0x60..0x90 => {
                let room = 100 + 10 * usize::from(script.byte());
                pair.transmit(room);
            }
            step @ 0x90..0xd0 => {
                let place = script.below(pair.flying.len());
                pair.settle(place, step % 4);
            }
            0xd0..0xf0 => {
                let most = script.below(20);
                (0..most).for_each(|_| pair.take());
                pair.grant(script.byte() & 1 == 0);
            }
            0xf0..0xf8 => pair.now += Duration::from_millis(script.number() % 30_000),
            _ => pair.resume(),
        }
        pair.check();
    }
    pair.heal();
}

struct ChannelPair {
    now: Instant,
    sending: Sending,
    receiving: Receiving,
    flying: VecDeque<(Vec<u8>, Vec<Piece>)>,
    /// The packets whose frames were declared lost. Their acknowledgements may still arrive.
    doubted: Vec<Vec<Piece>>,
    sent: u32,
    /// For each channel, the number of queued messages.
    queued: [u32; 6],
    taken: [Vec<u32>; 6],
    receipts: BTreeSet<(u8, u64)>,
}

impl ChannelPair {
    fn new(first: u64) -> Self {
        let window = Receiving::window(MAX_MESSAGE);
        Self {
            now: Instant::ZERO,
            sending: Sending::new(&channels(), MAX_MESSAGE, window, first),
            receiving: Receiving::new(&channels(), MAX_MESSAGE, first),
            flying: VecDeque::new(),
            doubted: Vec::new(),
            sent: 0,
            queued: [0; 6],
            taken: Default::default(),
            receipts: BTreeSet::new(),
        }
    }

    fn enqueue(&mut self, channel: u8, length: usize) {
        let serial = self.queued[usize::from(channel)];
        let mut message = serial.to_le_bytes().to_vec();
        message.extend((4..length.max(4)).map(|place| (serial as usize + place / 16) as u8));
        let too_large = message.len() > MAX_MESSAGE;
        match self.sending.enqueue(self.now, ChannelId(channel), Bytes::from(message)) {
            Ok(id) => {
                assert_eq!(id.0, u64::from(serial), "message ids do not count from 0");
                assert!(!too_large);
                self.queued[usize::from(channel)] += 1;
                self.sent += 1;
            }
            Err(error) => {
                let message = error.into_message();
                assert_eq!(
                    message[..4],
                    serial.to_le_bytes(),
                    "the returned message differs from the refused message"
                );
            }
        }
    }

    fn transmit(&mut self, room: usize) -> bool {
        let mut buffer = vec![0; room];
        let (length, pieces) = self.sending.packet(self.now, &mut buffer);
        assert_eq!(length == 0, pieces.is_empty());
        buffer.truncate(length);
        if !pieces.is_empty() {
            self.flying.push_back((buffer, pieces));
        }
        length > 0
    }

    fn settle(&mut self, place: usize, how: u8) {
        let Some((body, pieces)) = self.flying.remove(place) else { return };
        if how != 0 {
            self.arrive(&body);
        }
        match how {
            // It arrived and its acknowledgement did.
            1 => pieces.iter().for_each(|piece| self.sending.on_acked(*piece)),
            // It was given up; that it arrived is heard later, or never.
            2 => {
                pieces.iter().for_each(|piece| self.sending.on_lost(*piece));
                self.doubted.push(pieces);
            }
            _ => pieces.iter().for_each(|piece| self.sending.on_lost(*piece)),
        }
        if how == 1
            && let Some(pieces) = self.doubted.pop()
        {
            pieces.iter().for_each(|piece| self.sending.on_acked(*piece));
        }
    }

    fn arrive(&mut self, body: &[u8]) {
        for frame in FrameReader::new(body) {
            let Ok(Frame::Message(frame)) = frame else {
                panic!("the sender wrote an invalid message frame: {frame:?}")
            };
            let taken = self.receiving.take(self.now, &frame);
            assert!(
                !matches!(taken, Err(_) | Ok(Taken::Refused)),
                "the receiver rejected a valid frame with {taken:?}: {frame:?}"
            );
        }
    }

    fn take(&mut self) {
        let Some((channel, data)) = self.receiving.pop() else { return };
        let serial = u32::from_le_bytes(*data.first_chunk().unwrap());
        let rest = data.iter().enumerate().skip(4);
        assert!(rest.clone().all(|(place, byte)| *byte == (serial as usize + place / 16) as u8));
        self.taken[usize::from(channel.0)].push(serial);
    }

    fn grant(&mut self, arrives: bool) {
        if let Some(total) = self.receiving.grant()
            && arrives
        {
            self.sending.on_credit(total);
        }
    }

    fn resume(&mut self) {
        self.flying.clear();
        self.doubted.clear();
        self.sending.begin_resume();
        self.receiving.begin_resume();
        for channel in [0, 1, 4].map(ChannelId) {
            let (floor, ranges) = self.receiving.received(channel).unwrap();
            let mut buffer = vec![0; 600];
            let mut writer = Writer::new(&mut buffer);
            write_resume(&mut writer, channel, floor, ranges.iter().cloned()).unwrap();
            let length = writer.written();
            let frame = Frame::read(&mut Reader::new(&buffer[..length]), &mut Chain::default());
            let Ok(Frame::Resume(frame)) = frame else { panic!("the written resume state cannot be parsed") };
            self.sending.on_resume(&frame).unwrap();
        }
        self.sending.end_resume();
        self.grant(true);
    }

    fn check(&mut self) {
        self.receiving.expire(self.now);
        assert!(self.receiving.memory() <= memory_most(MAX_MESSAGE));
        while let Some((channel, message)) = self.sending.delivered() {
            assert!(self.receipts.insert((channel.0, message.0)), "a message got a second receipt");
            assert!(
                message.0 < u64::from(self.queued[usize::from(channel.0)]),
                "a receipt names a message that was never queued"
            );
        }
        for channel in [0, 4] {
            let taken = &self.taken[channel];
            assert!(
                taken.iter().copied().eq(0..taken.len() as u32),
                "messages were delivered out of order: {taken:?}"
            );
        }
        assert!(
            self.taken[2].is_sorted_by(|a, b| a < b),
            "a message older than the newest was delivered: {:?}",
            self.taken[2]
        );
    }

    fn heal(&mut self) {
        while !self.flying.is_empty() {
            self.settle(0, 3);
        }
        self.resume();
        for _ in 0..20_000 {
            (0..100).for_each(|_| self.take());
            self.grant(true);
            if !self.transmit(1170) && self.flying.is_empty() {
                break;
            }
            self.settle(0, 1);
            self.check();
        }
        assert!(self.sending.is_drained(), "reliable messages were not delivered");
        assert!(self.sending.unconfirmed().is_empty());
        while self.receiving.has_messages() {
            self.take();
        }
        self.check();
        for channel in [0, 1, 4] {
            let mut taken = core::mem::take(&mut self.taken[channel]);
            taken.sort_unstable();
            assert!(
                taken.into_iter().eq(0..self.queued[channel]),
                "a message was lost or delivered twice on channel {channel}"
            );
            let receipts = self.receipts.iter().filter(|(on, _)| usize::from(*on) == channel).count();
            assert_eq!(
                receipts, self.queued[channel] as usize,
                "channel {channel} did not report exactly one receipt for each message"
            );
        }
    }
}
