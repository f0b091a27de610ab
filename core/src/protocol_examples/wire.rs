//! Examples that need no keys: integers, packet numbers, frames, schemas, compression, constants.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::sheet::Sheet;
use crate::channel::SendSide;
use crate::config::{ChannelConfig, Config, Delivery};
use crate::event::ChannelId;
use crate::fair::VirtualClock;
use crate::handshake::{echo_of, unknown};
use crate::limits;
use crate::schema::{Schema, SchemaEntry};
use crate::time::{Instant, Span};
use crate::wire::ack::{EcnCounts, write_ack};
use crate::wire::{
    AckRanges, Chain, Frame, MessageFrame, MessagePart, Writer, decode_packet_number, encode_packet_number,
    write_resume,
};

pub(super) fn sheets() -> Vec<Sheet> {
    vec![
        varints(),
        packet_numbers(),
        frames(),
        messages(),
        schema(),
        compression(),
        unknown_reply(),
        constants(),
    ]
}

/// Returns the bytes that `write` writes.
pub(super) fn written<R>(write: impl FnOnce(&mut Writer<'_>) -> R) -> Vec<u8> {
    let mut buffer = [0; 2048];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    let length = writer.written();
    buffer[..length].to_vec()
}

pub(super) fn frame(frame: &Frame<'_>) -> Vec<u8> {
    written(|writer| frame.write(writer, &mut Chain::default()).unwrap())
}

fn varints() -> Sheet {
    let values = [0, 1, 127, 128, 300, 16_383, 16_384, (1 << 56) - 1, 1 << 56, u64::MAX];
    values.iter().fold(Sheet::new("varints"), |sheet, &value| {
        sheet.bytes(format!("{value}"), &written(|writer| writer.varint(value).unwrap()))
    })
}

fn packet_numbers() -> Sheet {
    let cases = [
        (0, None),
        (127, None),
        (300, Some(299)),
        (0xac_5c02, Some(0xab_e8b3)),
        (0xac_e8fe, Some(0xab_e8b3)),
    ];
    cases.iter().fold(Sheet::new("packet-numbers"), |sheet, &(number, acked)| {
        let (truncated, length) = encode_packet_number(number, acked);
        assert_eq!(decode_packet_number(acked.unwrap_or(0), truncated, length), number);
        let acked = acked.map_or_else(|| "nothing".into(), |acked| format!("{acked:#x}"));
        let label = format!("{number:#x}, acked {acked}");
        sheet.bytes(label, &truncated.to_le_bytes()[..usize::from(length)])
    })
}

fn frames() -> Sheet {
    let mut ranges = AckRanges::default();
    for number in [7, 8, 9, 12, 13, 20] {
        ranges.insert(number);
    }
    let received = Instant::saturating_from_micros(0x0123_4567);
    let ack = |marks| {
        written(|writer| write_ack(&ranges, Span::from_micros(800), received, marks, writer).unwrap())
    };
    let marks = EcnCounts { capable: 70, experienced: 2 };
    let mut many = AckRanges::default();
    (0..limits::ACK_RANGES as u64 + 1).for_each(|step| many.insert(100 + 2 * step));
    let bits = written(|writer| write_ack(&many, Span::from_micros(800), received, None, writer).unwrap());
    let resume = |floor, ranges: Vec<core::ops::Range<u32>>| {
        written(|writer| write_resume(writer, ChannelId(1), floor, ranges.into_iter()).unwrap())
    };
    Sheet::new("frames")
        .bytes("PADDING", &frame(&Frame::Padding))
        .bytes("PING", &frame(&Frame::Ping))
        .bytes("CLOSE 7 \"bye\"", &frame(&Frame::Close { code: 7, text: b"bye" }))
        .bytes("CHALLENGE", &frame(&Frame::Challenge([1, 2, 3, 4, 5, 6, 7, 8])))
        .bytes("RESPONSE", &frame(&Frame::Response([1, 2, 3, 4, 5, 6, 7, 8])))
        .bytes("CREDIT 4194304", &frame(&Frame::Credit(4 << 20)))
        .bytes(
            "TICKET 1, of 4 bytes",
            &frame(&Frame::Ticket { sequence: 1, expiry: 1_000_000, sealed: &[0xaa; 4] }),
        )
        .bytes("RESUME 1: below 5", &resume(5, vec![]))
        .bytes("RESUME 1: <5, 6-7, 13", &resume(5, vec![1..3, 8..9]))
        .bytes("CLOCK 90 s", &frame(&Frame::Clock(Instant::saturating_from_micros(90_000_000))))
        .bytes("ACK 20, 12-13, 7-9", &ack(None))
        .bytes("the same, 2 of 72 CE", &ack(Some(marks)))
        .bytes("ACK 164, 162, ... 100", &bits)
}

fn messages() -> Sheet {
    let mut chain = Chain::default();
    let mut sheet = Sheet::new("messages");
    let whole = |id, data| MessageFrame { channel: ChannelId(0), id, part: MessagePart::Whole, data };
    let part = MessagePart::Fragment { total: 3000, offset: 1100 };
    let frames = [
        ("channel 0, id 5", whole(Some(5), &b"one"[..])),
        ("the next: id 6", whole(Some(6), b"two")),
        ("not the next: id 9", whole(Some(9), b"three")),
        ("channel 1, fragment", MessageFrame { channel: ChannelId(1), id: Some(5), part, data: b"four" }),
        ("channel 3, no id", MessageFrame { channel: ChannelId(3), ..whole(None, b"five") }),
    ];
    for (label, message) in frames {
        sheet =
            sheet.bytes(label, &written(|writer| Frame::Message(message).write(writer, &mut chain).unwrap()));
    }
    sheet
}

/// Returns the schema of an endpoint with the default channels and one message type.
pub(super) fn sample_schema(config: &Config) -> Schema {
    let entries = vec![SchemaEntry { name: "chat".into(), hash: 0x1234_5678 }];
    Schema::new(entries).with_channels(&config.channels).with_max_message(config.max_message)
}

fn schema() -> Sheet {
    let schema = sample_schema(&Config::new(0));
    let mut hashed = Vec::new();
    let mut sheet = Sheet::new("schema");
    for entry in &schema.entries {
        sheet = sheet.value(&entry.name, format!("{:08x}", entry.hash));
        hashed.extend((entry.name.len() as u64).to_le_bytes());
        hashed.extend(entry.name.as_bytes());
        hashed.extend(u64::from(entry.hash).to_le_bytes());
    }
    assert_eq!(schema.hash(), fnv(&hashed));
    let reliable_ordered = fnv(&[4, 0]);
    assert_eq!(schema.entries[0].hash, (reliable_ordered >> 32) as u32 ^ reliable_ordered as u32);
    sheet.value("all of it", format!("{:016x}", schema.hash()))
}

/// FNV-1a, as its authors published it.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn compression() -> Sheet {
    let mut channel = ChannelConfig::new(Delivery::Unreliable);
    channel.compress = true;
    let payload = |message: &[u8]| {
        let mut side = SendSide::new([channel.clone()].into(), 1 << 20, 0);
        side.enqueue(Instant::ZERO, ChannelId(0), message.to_vec().into()).unwrap();
        let frame = written(|writer| {
            side.write_pieces(Instant::ZERO, &mut VirtualClock::default(), writer, |_| {});
        });
        // Type and length take a byte each.
        frame[2..].to_vec()
    };
    Sheet::new("compression")
        .bytes("\"hello\"", &payload(b"hello"))
        .bytes("100 bytes of \"tick\"", &payload("tick".repeat(25).as_bytes()))
}

fn unknown_reply() -> Sheet {
    let datagram: Vec<u8> = (0x08..0x28).collect();
    Sheet::new("unknown")
        .bytes("Data", &datagram)
        .bytes("Unknown", &unknown(0x0b_0a09, echo_of(&datagram).unwrap()))
}

fn constants() -> Sheet {
    let list: [(&str, u64); 22] = [
        ("BASE_DATAGRAM", limits::BASE_DATAGRAM as u64),
        ("LEAST_DATAGRAM", limits::LEAST_DATAGRAM.into()),
        ("TAG", limits::TAG as u64),
        ("REPLAY_WINDOW", limits::REPLAY_WINDOW),
        ("ACK_RANGES", limits::ACK_RANGES as u64),
        ("ACK_BITMAP", limits::ACK_BITMAP as u64),
        ("RESUME_RANGES", limits::RESUME_RANGES as u64),
        ("FAILED_OPENS", limits::FAILED_OPENS),
        ("CHANNELS", limits::CHANNELS as u64),
        ("RELIABLE_WINDOW", limits::RELIABLE_WINDOW.into()),
        ("MESSAGE_OVERHEAD", limits::MESSAGE_OVERHEAD),
        ("MESSAGE_SIZE_MAX", limits::MESSAGE_SIZE_MAX as u64),
        ("RECEIVE_WINDOW", limits::RECEIVE_WINDOW),
        ("FRAGMENT_MIN", limits::FRAGMENT_MIN as u64),
        ("HALF_OPEN", limits::HALF_OPEN as u64),
        ("HALF_OPEN_PER_TICKET", limits::HALF_OPEN_PER_TICKET as u64),
        ("HELLO_NOISE_BYTES", limits::HELLO_NOISE_BYTES as u64),
        ("TICKET_BYTES", limits::TICKET_BYTES as u64),
        ("TICKET_USER_DATA", limits::TICKET_USER_DATA as u64),
        ("CLOSE_TEXT", limits::CLOSE_TEXT as u64),
        ("SCHEMA_NAME", limits::SCHEMA_NAME as u64),
        ("COMPRESS_MAX", limits::COMPRESS_MAX as u64),
    ];
    let lines = list.iter().map(|(name, value)| format!("{name:26}{value}\n"));
    Sheet { name: "constants", text: lines.collect::<String>() }
}
