//! Hostile clients with valid keys, which send arbitrary fragments.

use tickwire_core::wire::writers::{Chain, Writer, write_message};
use tickwire_core::wire::{DataHeader, MessageFrame, MessagePart};
use tickwire_core::{ChannelId, Config, limits};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};
use tickwire_tests::allocation;

use super::{pairs, provider};

pub(crate) const ORDERED: u8 = 0;
pub(crate) const UNORDERED: u8 = 1;
pub(crate) const SEQUENCED: u8 = 2;
pub(crate) const UNRELIABLE: u8 = 3;

/// A server, and hostile clients that have valid keys and violate the rules.
pub(crate) struct Rogues {
    pub(crate) pair: Pair,
    pub(crate) headers: Vec<DataHeader>,
    /// The number of bytes in the datagrams that the clients sent.
    pub(crate) sent: u64,
}

/// One fragment of a message on a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) channel: u8,
    pub(crate) id: u32,
    pub(crate) part: MessagePart,
    pub(crate) length: usize,
}

pub(crate) fn fragment(channel: u8, id: u32, (total, offset): (u64, u64), length: usize) -> Piece {
    Piece { channel, id, part: MessagePart::Fragment { total, offset }, length }
}

pub(crate) fn whole(channel: u8, id: u32, length: usize) -> Piece {
    Piece { channel, id, part: MessagePart::Whole, length }
}

impl Rogues {
    pub(crate) fn new(count: usize, change: impl Fn(&mut Config)) -> Self {
        let mut pair = pairs::connected(count, |config| {
            config.provider = provider::gullible();
            change(config);
        });
        let connections = pair.connections[CLIENT].clone();
        let mut headers = Vec::new();
        for connection in connections {
            pair.ends[CLIENT].send(pair.now, connection, ChannelId(UNRELIABLE), vec![1; 8]).unwrap();
            let first = pair.take(CLIENT).remove(0);
            let mut header = DataHeader::read(&first).unwrap();
            header.pn_len = 4;
            header.packet_number += 1;
            headers.push(header);
        }
        // Tables that grow with the first datagrams are not what is asked about.
        for header in &mut headers {
            let mut packet = packet(header, &mut [whole(UNRELIABLE, 0, 1)].into_iter().peekable());
            pair.give(SERVER, &mut packet);
        }
        pair.events(SERVER);
        pair.take(SERVER);
        Self { pair, headers, sent: 0 }
    }

    /// Returns the next packets of a connection, which contain these fragments.
    pub(crate) fn packets(&mut self, connection: usize, pieces: impl Iterator<Item = Piece>) -> Vec<Vec<u8>> {
        let mut pieces = pieces.peekable();
        let mut packets = Vec::new();
        while pieces.peek().is_some() {
            packets.push(packet(&mut self.headers[connection], &mut pieces));
        }
        packets
    }

    pub(crate) fn give(&mut self, mut packets: Vec<Vec<u8>>) {
        for packet in &mut packets {
            self.sent += packet.len() as u64;
            self.pair.give(SERVER, packet);
        }
    }

    pub(crate) fn send(&mut self, connection: usize, pieces: impl Iterator<Item = Piece>) {
        let packets = self.packets(connection, pieces);
        self.give(packets);
    }

    /// Checks that the server holds no more memory than the limit.
    pub(crate) fn expect_within_bounds(&self, what: &str) {
        let live = allocation::counted().live;
        let most = 4 * self.sent + (64 << 10) * self.headers.len() as u64;
        assert!(live <= most as i64, "{live} bytes held for {} bytes of datagrams: {what}", self.sent);
        assert!(self.pair.ends[SERVER].memory() <= most, "by its own count: {what}");
    }
}

/// Returns the next packet, which contains as many of the fragments as fit.
pub(crate) fn packet(
    header: &mut DataHeader,
    pieces: &mut std::iter::Peekable<impl Iterator<Item = Piece>>,
) -> Vec<u8> {
    static DATA: [u8; 1200] = [7; 1200];
    header.packet_number += 1;
    let mut bytes = vec![0; 1200 - limits::TAG];
    let mut writer = Writer::new(&mut bytes);
    header.write(&mut writer).unwrap();
    let mut chain = Chain::default();
    while let Some(piece) = pieces.next_if(|piece| writer.remaining() >= piece.length + 16) {
        let Piece { channel, id, part, length } = piece;
        let has_id = channel != UNRELIABLE || part != MessagePart::Whole;
        let frame = MessageFrame {
            channel: ChannelId(channel),
            id: has_id.then_some(id),
            part,
            data: &DATA[..length],
        };
        write_message(&frame, &mut writer, &mut chain).unwrap();
    }
    let length = writer.written();
    bytes.resize(length + limits::TAG, 0);
    bytes
}
