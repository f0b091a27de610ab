//! Tests of both sides of a channel against a model. A pipe between the sides loses, duplicates and reorders packets,
//! and makes the sender suspect that packets are lost.

mod messages;
mod script;

use crate::time::{Duration, Span};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use quickcheck::{Gen, QuickCheck};

use self::messages::{at_most_once, content, counts, number_of};
use self::script::Op;
use super::arena::Arena;
use super::receive::{Receipt, ReceiveSide};
use super::send::{PieceRecord, SendSide};
use crate::config::{ChannelConfig, Delivery};
use crate::error::SendError;
use crate::event::{ChannelId, Fate, MessageId};
use crate::fair::VirtualClock;
use crate::limits::{REASSEMBLY_OVERHEAD, UNRELIABLE_BACKLOG, UNRELIABLE_REASSEMBLY_BYTES, WHOLE_FRAME};
use crate::time::Instant;
use crate::wire::message::{self, Chain, MessagePart};
use crate::wire::{Reader, Writer};

const MAX_MESSAGE: usize = 70_000;
const WINDOW: u64 = 150_000;
const SIZES: [usize; 16] = [0, 0, 1, 7, 8, 20, 63, 64, 200, 1100, 1140, 1144, 1146, 1300, 9000, MAX_MESSAGE];
const ROOMS: [usize; 16] = {
    let mut rooms = [WHOLE_FRAME; 16];
    (rooms[1], rooms[2], rooms[3], rooms[4]) = (1176, 1428, 700, 90);
    rooms
};

fn channels() -> Vec<ChannelConfig> {
    let mut channels: Vec<_> = [
        Delivery::ReliableOrdered,
        Delivery::ReliableUnordered,
        Delivery::Sequenced,
        Delivery::Unreliable,
        Delivery::ReliableOrdered,
        Delivery::ReliableUnordered,
        Delivery::Sequenced,
        Delivery::Unreliable,
    ]
    .into_iter()
    .map(ChannelConfig::new)
    .collect();
    for (config, priority) in channels.iter_mut().zip([3, 0, 7, 3, 5, 2, 1, 4]) {
        config.priority = priority;
        config.receipts = true;
        config.queue_messages = 6;
        config.queue_bytes = 100_000;
    }
    for config in &mut channels[4..] {
        config.compress = true;
        config.lifetime = Some(Duration::from_millis(300));
    }
    channels
}

struct Packet {
    number: u64,
    bytes: Vec<u8>,
    records: Vec<PieceRecord>,
}

struct World {
    channels: Vec<ChannelConfig>,
    sender: SendSide,
    shares: VirtualClock,
    receiver: ReceiveSide,
    arena: Arena,
    now: Instant,
    pipe: Vec<Packet>,
    /// The records of packets that arrived and whose acknowledgement the sender has not received.
    unheard: Vec<Vec<PieceRecord>>,
    next_packet: u64,
    sent: Vec<Vec<Bytes>>,
    got: Vec<Vec<Bytes>>,
    receipts: BTreeMap<(ChannelId, MessageId), u32>,
    full: u32,
    ready: u32,
    /// `true` if some packet had less space than every packet of a connection has.
    squeezed: bool,
}

impl World {
    fn new(first_id: u64) -> Self {
        let channels = channels();
        Self {
            sender: SendSide::with_first_id(channels.as_slice().into(), MAX_MESSAGE, WINDOW, first_id),
            shares: VirtualClock::default(),
            receiver: ReceiveSide::with_first_id(channels.as_slice().into(), MAX_MESSAGE, WINDOW, first_id),
            arena: Arena::default(),
            now: Instant::ZERO,
            pipe: Vec::new(),
            unheard: Vec::new(),
            next_packet: 0,
            sent: vec![Vec::new(); channels.len()],
            got: vec![Vec::new(); channels.len()],
            receipts: BTreeMap::new(),
            full: 0,
            ready: 0,
            squeezed: false,
            channels,
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Send { channel, size } => self.send(channel, SIZES[usize::from(size) % SIZES.len()]),
            Op::Transmit { packets, room } => {
                for _ in 0..packets {
                    self.transmit(ROOMS[usize::from(room) % ROOMS.len()]);
                }
            }
            Op::Arrive { which, acked } => {
                if let Some(index) = pick(which, self.pipe.len()) {
                    let packet = self.pipe.remove(index);
                    self.arrive(packet, acked);
                }
            }
            Op::Lose { which } => {
                if let Some(index) = pick(which, self.pipe.len()) {
                    let packet = self.pipe.remove(index);
                    packet.records.iter().for_each(|record| self.sender.on_lost(*record));
                }
            }
            Op::Doubt { which } => {
                if let Some(index) = pick(which, self.pipe.len()) {
                    self.pipe[index].records.iter().for_each(|record| self.sender.on_lost(*record));
                } else if let Some(index) = pick(which, self.unheard.len()) {
                    self.unheard[index].iter().for_each(|record| self.sender.on_lost(*record));
                }
            }
            Op::Pop { count } => (0..count).for_each(|_| self.pop()),
            Op::Grant { lost } => self.grant(lost),
            Op::Wait { millis } => self.wait(Span::from_millis(u64::from(millis))),
            Op::Resume => self.resume(),
            Op::Rest { sender: true } => self.sender.rest(),
            Op::Rest { sender: false } => self.receiver.rest(),
        }
        self.collect();
        self.check_bounds();
    }

    fn send(&mut self, channel: u8, size: usize) {
        let index = usize::from(channel) % self.channels.len();
        let channel = ChannelId(index as u8);
        let number = self.sent[index].len();
        let message = content(channel, number, size);
        match self.sender.enqueue(self.now, channel, message.clone()) {
            Ok(id) => {
                assert_eq!(id, MessageId(number as u64));
                assert_eq!(self.sender.fate(channel, id), Some(Fate::Queued));
                self.sent[index].push(message);
            }
            Err(SendError::Full(back)) => {
                assert_eq!(back, message);
                self.full |= 1 << index;
                self.ready &= !(1 << index);
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Builds one packet. Returns whether the sender had data for the packet.
    fn transmit(&mut self, room: usize) -> bool {
        self.sender.expire(self.now);
        let sendable = self.sender.has_sendable(self.shares);
        self.squeezed |= room < WHOLE_FRAME;
        let mut bytes = vec![0; room];
        let mut writer = Writer::new(&mut bytes);
        let mut records: Vec<PieceRecord> = Vec::new();
        self.sender.write_pieces(self.now, &mut self.shares, &mut writer, |record| {
            if !records.last_mut().is_some_and(|last| last.extend(&record)) {
                records.push(record);
            }
        });
        if room >= WHOLE_FRAME {
            assert_eq!(sendable, !records.is_empty(), "has_sendable is exact");
        }
        let length = writer.written();
        bytes.truncate(length);
        if !records.is_empty() {
            self.pipe.push(Packet { number: self.next_packet, bytes, records });
            self.next_packet += 1;
        }
        sendable
    }

    fn arrive(&mut self, packet: Packet, acked: bool) {
        assert!(packet.number < self.next_packet);
        let (mut reader, mut chain) = (Reader::new(&packet.bytes), Chain::default());
        while !reader.is_empty() {
            let first = reader.u8().unwrap();
            let frame = message::read(first, &mut reader, &mut chain).unwrap();
            if let MessagePart::Fragment { total, .. } = frame.part {
                let fits = total as usize + 6 <= WHOLE_FRAME;
                assert!(!fits || self.squeezed, "a message of {total} bytes was split");
            }
            let receipt = self.receiver.on_message(self.now, &frame, &mut self.arena);
            assert_ne!(receipt.expect("an honest sender"), Receipt::Refused);
        }
        if acked {
            packet.records.iter().for_each(|record| self.sender.on_acked(*record));
        } else {
            self.unheard.push(packet.records);
        }
    }

    fn pop(&mut self) {
        if let Some((channel, message)) = self.receiver.pop() {
            self.got[usize::from(channel.0)].push(message);
        }
    }

    fn grant(&mut self, lost: bool) {
        if let Some(total) = self.receiver.grant_due() {
            self.receiver.on_grant_sent(total);
            if lost {
                self.receiver.on_grant_lost();
            } else {
                self.sender.on_credit(total);
            }
        }
    }

    fn wait(&mut self, duration: Span) {
        self.now += duration;
        self.sender.expire(self.now);
        assert!(self.sender.next_expiry().is_none_or(|at| at > self.now));
        self.receiver.expire(self.now, &mut self.arena);
        assert!(self.receiver.next_expiry().is_none_or(|at| at > self.now));
    }

    fn resume(&mut self) {
        self.check_fates();
        let stale: Vec<_> =
            self.pipe.drain(..).map(|packet| packet.records).chain(self.unheard.drain(..)).collect();
        self.sender.begin_resume();
        self.receiver.begin_resume();
        // Nothing of the old transport means anything any more.
        for record in stale.iter().flatten() {
            self.sender.on_acked(*record);
            self.sender.on_lost(*record);
        }
        let reliable = |delivery| matches!(delivery, Delivery::ReliableOrdered | Delivery::ReliableUnordered);
        for index in 0..self.channels.len() {
            let channel = ChannelId(index as u8);
            if reliable(self.channels[index].delivery) {
                let floor = self.receiver.floor(channel).unwrap();
                self.sender
                    .on_resume(channel, floor, self.receiver.ranges(channel))
                    .expect("a truthful peer");
            } else {
                assert_eq!(self.receiver.floor(channel), None);
            }
        }
        self.sender.end_resume();
        self.check_fates();
    }

    fn collect(&mut self) {
        while let Some(receipt) = self.sender.take_delivered() {
            *self.receipts.entry(receipt).or_default() += 1;
        }
        while let Some(channel) = self.sender.take_ready() {
            self.ready |= 1 << channel.0;
        }
    }

    fn check_bounds(&self) {
        let most = WINDOW * (REASSEMBLY_OVERHEAD + 1) + UNRELIABLE_BACKLOG + UNRELIABLE_REASSEMBLY_BYTES;
        assert!(self.receiver.memory() <= most);
    }

    /// Checks the reports of the sender: each message that the sender reports as delivered reached the application,
    /// in the order of sending on ordered channels, and no message that the sender reports as not sent reached the
    /// application.
    fn check_fates(&mut self) {
        while self.receiver.has_messages() {
            self.pop();
        }
        let unconfirmed = self.sender.unconfirmed();
        assert!(unconfirmed.is_sorted_by_key(|entry| (entry.channel, entry.message)));
        for (index, config) in self.channels.iter().enumerate() {
            let channel = ChannelId(index as u8);
            let mut got = counts(&self.got[index]);
            for (number, message) in self.sent[index].iter().enumerate() {
                let id = MessageId(number as u64);
                let fate = self.sender.fate(channel, id).unwrap();
                let listed = unconfirmed.iter().find(|entry| (entry.channel, entry.message) == (channel, id));
                let has = got.get(message).copied().unwrap_or(0) > 0;
                match (config.delivery, fate) {
                    (Delivery::Unreliable | Delivery::Sequenced, fate) => {
                        assert!(matches!(fate, Fate::Queued | Fate::NotSent | Fate::Unknown));
                        assert_eq!(listed, None);
                    }
                    (_, Fate::Delivered) => {
                        assert!(has, "{channel:?} {number} is delivered");
                        assert_eq!(listed, None);
                    }
                    (_, Fate::InFlight) => assert_eq!(listed.unwrap().fate, Fate::Unknown),
                    (_, Fate::Queued) => assert_eq!(listed.unwrap().fate, Fate::NotSent),
                    (_, Fate::NotSent) => assert_eq!(listed, None),
                    (_, Fate::Unknown) => panic!("reliable messages are known"),
                }
                if fate == Fate::Delivered {
                    *got.get_mut(message).unwrap() -= 1;
                }
            }
            assert_eq!(self.sender.fate(channel, MessageId(self.sent[index].len() as u64)), None);
        }
    }

    /// Ends all faults, and checks that every message arrives.
    fn heal(&mut self) {
        // Whatever is underway arrives, but for what nobody will ever hear of.
        for records in core::mem::take(&mut self.unheard) {
            records.iter().for_each(|record| self.sender.on_lost(*record));
        }
        let mut rounds = 0;
        while !self.sender.is_drained() || !self.pipe.is_empty() {
            rounds += 1;
            assert!(rounds < 4000, "no progress: {:?}", self.sender);
            for _ in 0..8 {
                self.transmit(WHOLE_FRAME);
            }
            for packet in core::mem::take(&mut self.pipe) {
                self.arrive(packet, true);
            }
            while self.receiver.has_messages() {
                self.pop();
            }
            self.grant(false);
            self.collect();
        }
    }

    fn check_end(&mut self) {
        self.check_fates();
        assert_eq!(self.full & !self.ready, 0, "who was refused heard when there was room");
        assert!(self.sender.unconfirmed().is_empty() && !self.sender.has_unacked_reliable());
        for (index, config) in self.channels.iter().enumerate() {
            let channel = ChannelId(index as u8);
            let expired =
                |number: usize| self.sender.fate(channel, MessageId(number as u64)) == Some(Fate::NotSent);
            let kept: Vec<_> =
                self.sent[index].iter().enumerate().filter(|(number, _)| !expired(*number)).collect();
            let messages: Vec<_> = kept.iter().map(|(_, message)| (*message).clone()).collect();
            let got = &self.got[index];
            match config.delivery {
                Delivery::ReliableOrdered => assert!(*got == messages, "{channel:?}: exactly once, in order"),
                Delivery::ReliableUnordered => {
                    assert!(counts(got) == counts(&messages), "{channel:?}: exactly once");
                }
                Delivery::Unreliable => at_most_once(got, &messages),
                Delivery::Sequenced => {
                    at_most_once(got, &messages);
                    let numbers = got.iter().filter_map(number_of);
                    assert!(numbers.is_sorted_by(|one, other| one < other), "{channel:?}: the latest wins");
                }
            }
            let reliable = matches!(config.delivery, Delivery::ReliableOrdered | Delivery::ReliableUnordered);
            let receipts = self.receipts.iter().filter(|((on, _), _)| *on == channel);
            assert!(receipts.clone().all(|(_, count)| *count == 1));
            let expected = kept.iter().filter(|_| reliable).map(|(number, _)| MessageId(*number as u64));
            assert!(receipts.map(|((_, id), _)| *id).eq(expected), "{channel:?}: one receipt each");
        }
    }
}

fn pick(which: u8, length: usize) -> Option<usize> {
    usize::from(which).checked_rem(length)
}

fn run(first_id: u64, script: &[Op]) {
    let mut world = World::new(first_id);
    script.iter().for_each(|op| world.apply(*op));
    world.check_fates();
    world.heal();
    world.check_end();
}

#[test]
fn every_channel_keeps_its_delivery_guarantee_through_loss_duplication_and_reordering() {
    fn holds(wrap: u8, script: Vec<Op>) -> bool {
        let wrap = u64::from(wrap % 4);
        run((wrap << 24).saturating_sub(wrap * 3), &script);
        true
    }
    QuickCheck::new().tests(300).rng(Gen::new(300)).quickcheck(holds as fn(u8, Vec<Op>) -> bool);
}

#[test]
fn message_ids_continue_over_three_wraps_of_their_24_bit_encoding() {
    for wrap in 1..=3u64 {
        let mut world = World::new((wrap << 24) - 200);
        for round in 0..400u32 {
            for channel in 0..8 {
                world.send(channel, SIZES[round as usize % 8]);
            }
            world.transmit(WHOLE_FRAME);
            world.transmit(WHOLE_FRAME);
            if round % 3 == 0 {
                world.apply(Op::Lose { which: round as u8 });
            }
            if round % 50 == 49 {
                world.apply(Op::Resume);
            }
            while world.pipe.len() > 3 {
                world.apply(Op::Arrive { which: (round * 7) as u8, acked: round % 5 != 0 });
            }
            world.apply(Op::Pop { count: 255 });
            world.apply(Op::Grant { lost: false });
            if round % 7 == 0 {
                let unheard = core::mem::take(&mut world.unheard);
                unheard.iter().flatten().for_each(|record| world.sender.on_acked(*record));
            }
        }
        assert!(world.sent.iter().all(|messages| messages.len() > 250));
        world.heal();
        world.check_end();
    }
}
