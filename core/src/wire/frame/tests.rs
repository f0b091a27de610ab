use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::super::ack::{AckRanges, EcnCounts, write_ack};
use super::super::message::MessagePart;
use super::*;
use crate::event::ChannelId;
use crate::time::{Instant, Span};

/// The values from which a test makes a frame.
#[derive(Clone, Debug)]
enum Recipe {
    Padding(u8),
    Ping,
    Close(u16, Vec<u8>),
    Challenge(u64),
    Response(u64),
    Credit(u64),
    Ticket(u64, u64, Vec<u8>),
    Resume(u8, u32, Vec<(u8, u16)>),
    Clock(u64),
    Ack(u64, u32, u64, Vec<u16>, Option<(u64, u64)>),
    Whole(u8, Option<u32>, Vec<u8>),
    Fragment(u8, u32, u32, Vec<u8>),
}

impl Arbitrary for Recipe {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut bytes = Vec::arbitrary(g);
        let scale = u32::arbitrary(g) % 64;
        let mut number = || u64::arbitrary(g) >> scale;
        let (a, b, c) = (number(), number(), number());
        match u8::arbitrary(g) % 12 {
            0 => Self::Padding(a as u8),
            1 => Self::Ping,
            2 => Self::Close(a as u16, bytes),
            3 => Self::Challenge(a),
            4 => Self::Response(a),
            5 => Self::Credit(a),
            6 => Self::Ticket(a, b, bytes),
            7 => Self::Resume(a as u8, b as u32, Vec::arbitrary(g)),
            8 => Self::Ack(a >> 1, b as u32, c, Vec::arbitrary(g), (b % 2 == 0).then_some((b, c))),
            9 => Self::Whole(a as u8 % 3, (b % 4 > 0).then_some(c as u32 % 8), bytes),
            10 => Self::Clock(a),
            _ => {
                bytes.push(0);
                Self::Fragment(a as u8 % 3, b as u32, c as u32, bytes)
            }
        }
    }
}

impl Recipe {
    /// Writes the frame, and returns the frame that a reader should return.
    fn cook<'a>(&'a self, writer: &mut Writer<'_>, chain: &mut Chain) -> Result<Option<Frame<'a>>, NoRoom> {
        let message = |channel: u8, id: Option<u32>, part, data| {
            Frame::Message(MessageFrame { channel: ChannelId(channel), id, part, data })
        };
        let frame = match self {
            Self::Padding(more) => {
                writer.slot(usize::from(*more) + 1)?.fill(PADDING);
                return Ok(Some(Frame::Padding));
            }
            Self::Ping => Frame::Ping,
            Self::Close(code, text) => Frame::Close { code: *code, text },
            Self::Challenge(data) => Frame::Challenge(data.to_le_bytes()),
            Self::Response(data) => Frame::Response(data.to_le_bytes()),
            Self::Credit(total) => Frame::Credit(*total),
            Self::Ticket(sequence, expiry, sealed) => {
                Frame::Ticket { sequence: *sequence, expiry: *expiry, sealed }
            }
            Self::Resume(channel, floor, ranges) => {
                let ranges = distances(ranges);
                write_resume(writer, ChannelId(channel % 32), *floor, ranges.into_iter())?;
                return Ok(None);
            }
            Self::Clock(time) => Frame::Clock(Instant::saturating_from_micros(*time)),
            Self::Ack(base, delay, time, numbers, marks) => {
                let mut ranges = AckRanges::default();
                ranges.insert(*base);
                numbers.iter().for_each(|&number| ranges.insert(base + u64::from(number)));
                let delay = Span::from_micros(u64::from(*delay));
                let marks = marks.map(|(capable, experienced)| EcnCounts { capable, experienced });
                write_ack(&ranges, delay, Instant::saturating_from_micros(*time), marks, writer)?;
                return Ok(None);
            }
            Self::Whole(channel, id, data) => message(*channel, *id, MessagePart::Whole, data),
            Self::Fragment(channel, id, offset, data) => {
                let offset = u64::from(*offset);
                let part = MessagePart::Fragment { total: offset + data.len() as u64, offset };
                message(*channel, Some(id >> 8), part, data)
            }
        };
        frame.write(writer, chain)?;
        Ok(Some(frame))
    }
}

/// Converts gaps and lengths to ranges above a floor.
fn distances(ranges: &[(u8, u16)]) -> Vec<core::ops::Range<u32>> {
    let mut end = 0;
    let ranges = ranges.iter().map(|&(gap, length)| {
        let start = end + 1 + u32::from(gap);
        end = start + 1 + u32::from(length);
        start..end
    });
    ranges.collect()
}

/// Returns a packet with the frames of as many `recipes` as fit, and the frames that a reader should return.
fn packet(recipes: &[Recipe]) -> (Vec<u8>, Vec<Option<Frame<'_>>>) {
    let mut buffer = vec![0xee; 1200];
    let (mut writer, mut chain) = (Writer::new(&mut buffer), Chain::default());
    let frames = recipes.iter().map_while(|recipe| recipe.cook(&mut writer, &mut chain).ok()).collect();
    let written = writer.written();
    buffer.truncate(written);
    (buffer, frames)
}

/// Returns whether all frames before the first error, except padding, are written as they were read.
fn is_canonical(bytes: &[u8]) -> bool {
    let (mut reader, mut chain, mut writing_chain) = (Reader::new(bytes), Chain::default(), Chain::default());
    while !reader.is_empty() {
        let before = reader.clone().rest();
        let Ok(frame) = Frame::read(&mut reader, &mut chain) else { return true };
        let read = &before[..before.len() - reader.remaining()];
        let mut buffer = vec![0; read.len()];
        let mut writer = Writer::new(&mut buffer);
        frame.write(&mut writer, &mut writing_chain).unwrap();
        let shorter = frame != Frame::Padding && writer.remaining() > 0;
        if shorter || buffer != read {
            return false;
        }
    }
    true
}

#[test]
fn frames_are_read_as_they_were_written() {
    fn the_frames_read_are_those_written(recipes: Vec<Recipe>) -> bool {
        let (bytes, frames) = packet(&recipes);
        let mut read = FrameReader::new(&bytes).map(Result::unwrap).peekable();
        let mut after_padding = false;
        frames.into_iter().all(|frame| {
            if after_padding && frame == Some(Frame::Padding) {
                return true;
            }
            after_padding = frame == Some(Frame::Padding);
            let Some(read) = read.next() else { return false };
            frame.is_none_or(|frame| read == frame)
        }) && read.peek().is_none()
    }
    quickcheck(the_frames_read_are_those_written as fn(Vec<Recipe>) -> bool);
}

#[test]
fn resume_frames_are_read_as_they_were_written() {
    fn the_frame_read_is_the_one_written(channel: u8, floor: u32, ranges: Vec<(u8, u16)>) -> bool {
        let (channel, floor) = (channel % 32, floor >> 8);
        let recipe = [Recipe::Resume(channel, floor, ranges.clone())];
        let (bytes, _) = packet(&recipe);
        let Some(Ok(Frame::Resume(frame))) = FrameReader::new(&bytes).next() else { return false };
        frame.channel == ChannelId(channel)
            && frame.floor == floor
            && frame.ranges().eq(distances(&ranges).into_iter().take(limits::RESUME_RANGES))
    }
    quickcheck(the_frame_read_is_the_one_written as fn(u8, u32, Vec<(u8, u16)>) -> bool);
}

#[test]
fn reading_arbitrary_bytes_ends_at_the_last_byte_or_at_the_first_malformed_frame() {
    fn the_bytes_have_one_encoding(bytes: Vec<u8>) -> bool {
        let frames: Vec<_> = FrameReader::new(&bytes).collect();
        let errors = frames.iter().filter(|frame| frame.is_err()).count();
        let last = frames.last().is_none_or(Result::is_err);
        (errors == 0 || errors == 1 && last) && frames.len() <= bytes.len() && is_canonical(&bytes)
    }
    quickcheck(the_bytes_have_one_encoding as fn(Vec<u8>) -> bool);
}

#[test]
fn frames_read_from_a_damaged_packet_are_written_back_unchanged() {
    fn the_damaged_packet_has_one_encoding(recipes: Vec<Recipe>, damage: Vec<(u16, u8)>, cut: u16) -> bool {
        let (mut bytes, _) = packet(&recipes);
        let intact = is_canonical(&bytes);
        for (place, value) in damage.into_iter().take(4) {
            let length = bytes.len();
            if let Some(byte) = bytes.get_mut(usize::from(place) % length.max(1)) {
                *byte = value;
            }
        }
        let damaged = is_canonical(&bytes);
        bytes.truncate(usize::from(cut) % (bytes.len() + 1));
        intact && damaged && is_canonical(&bytes)
    }
    quickcheck(the_damaged_packet_has_one_encoding as fn(Vec<Recipe>, Vec<(u16, u8)>, u16) -> bool);
}

#[test]
fn a_frame_truncated_at_any_byte_is_malformed() {
    fn every_truncation_is_malformed(recipe: Recipe) -> bool {
        let recipe = [recipe];
        let (bytes, _) = packet(&recipe);
        matches!(recipe, [Recipe::Padding(_)])
            || (1..bytes.len()).all(|length| FrameReader::new(&bytes[..length]).eq([Err(Malformed)]))
    }
    quickcheck(every_truncation_is_malformed as fn(Recipe) -> bool);
}

#[test]
fn no_byte_of_a_frame_that_does_not_fit_is_written() {
    fn no_byte_is_written_without_room(recipe: Recipe) -> bool {
        let recipes = [recipe];
        let (bytes, _) = packet(&recipes);
        let Some(Ok(frame)) = FrameReader::new(&bytes).next() else { return false };
        frame == Frame::Padding
            || (0..bytes.len()).all(|room| {
                let mut buffer = vec![0; room];
                let mut writer = Writer::new(&mut buffer);
                let written = frame.write(&mut writer, &mut Chain::default());
                written == Err(NoRoom) && writer.written() == 0
            })
    }
    quickcheck(no_byte_is_written_without_room as fn(Recipe) -> bool);
}

#[test]
fn consecutive_padding_bytes_are_read_as_one_frame() {
    let mut bytes = vec![PADDING; 1000];
    bytes.push(PING);
    assert!(FrameReader::new(&bytes).eq([Ok(Frame::Padding), Ok(Frame::Ping)]));
}

#[test]
fn reading_a_packet_ends_with_an_error_at_a_frame_of_an_unknown_type() {
    for unknown in (0x0c..0x20).chain(0x41..0x50).chain(0x51..0x80) {
        assert!(FrameReader::new(&[PING, unknown, PING]).eq([Ok(Frame::Ping), Err(Malformed)]));
    }
}

#[test]
fn a_close_text_above_its_limit_is_truncated_and_a_ticket_above_its_limit_is_refused() {
    let long = [b'x'; limits::TICKET_BYTES + 1];
    let mut buffer = [0; 600];
    let mut writer = Writer::new(&mut buffer);
    let ticket = |sealed| Frame::Ticket { sequence: 1, expiry: 2, sealed };
    assert_eq!(ticket(&long[..]).write(&mut writer, &mut Chain::default()), Err(NoRoom));
    Frame::Close { code: 1, text: &long }.write(&mut writer, &mut Chain::default()).unwrap();
    let written = writer.written();
    let cut = Frame::Close { code: 1, text: &long[..limits::CLOSE_TEXT] };
    assert!(FrameReader::new(&buffer[..written]).eq([Ok(cut)]));

    // Lengths of 257 and 513: their varints are the low six bits in the first byte, the others in the second.
    let close = [&[CLOSE, 1, 0, 0x81, 4][..], &[0; 257]].concat();
    assert!(FrameReader::new(&close).eq([Err(Malformed)]));
    let ticket = [&[TICKET, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 8][..], &[0; 513]].concat();
    assert!(FrameReader::new(&ticket).eq([Err(Malformed)]));
}

#[test]
fn a_resume_frame_with_an_invalid_channel_or_invalid_ranges_is_malformed() {
    let read = |bytes: &[u8]| FrameReader::new(&[&[RESUME], bytes].concat()).next().unwrap().is_ok();
    assert!(read(&[31, 0, 0, 0, 1, 1, 1]));
    assert!(!read(&[32, 0, 0, 0, 1, 1, 1]), "a channel above 31");
    assert!(!read(&[0, 0, 0, 0, 1, 0, 1]), "an empty gap, so the floor was received");
    assert!(!read(&[0, 0, 0, 0, 1, 1, 0]), "an empty range");
    assert!(!read(&[0, 0, 0, 0, 2, 1, 1, 0, 1]), "two ranges without a gap between them");
    // 2^24 - 2 in four bytes.
    assert!(read(&[0, 0, 0, 0, 1, 1, 0xee, 0xff, 0xff, 0x0f]));
    assert!(!read(&[0, 0, 0, 0, 1, 2, 0xee, 0xff, 0xff, 0x0f]), "a range beyond the span of ids");
    let ranges = |count: u8| [&[0, 0, 0, 0, count][..], &vec![1; 2 * usize::from(count)]].concat();
    assert!(read(&ranges(32)) && !read(&ranges(33)));
}

#[test]
fn every_frame_has_its_documented_layout() {
    let recipes = [
        Recipe::Padding(2),
        Recipe::Ping,
        Recipe::Close(0x1234, b"bye".to_vec()),
        Recipe::Challenge(0x0807_0605_0403_0201),
        Recipe::Response(0x0807_0605_0403_0201),
        Recipe::Credit(300),
        Recipe::Ticket(5, 0x0102_0304_0506_0708, vec![0xaa; 4]),
        Recipe::Resume(3, 0x0c_0b0a, vec![(0, 1), (4, 0)]),
        Recipe::Ack(0x0001_0000, 800, 0x0123_4567, vec![], None),
        Recipe::Ack(0x0001_0000, 800, 0x0123_4567, vec![1, 5, 9, 10, 11], Some((300, 2))),
        Recipe::Ack(0, 0, 0, (0..18).map(|step| step * 2).collect(), None),
        Recipe::Whole(2, Some(7), b"ab".to_vec()),
        Recipe::Whole(2, None, b"cd".to_vec()),
        Recipe::Fragment(2, 0x0c0b_0a00, 256, b"ef".to_vec()),
    ];
    let lines: Vec<String> = recipes
        .iter()
        .map(|recipe| {
            let (bytes, _) = packet(core::slice::from_ref(recipe));
            let frame = FrameReader::new(&bytes).next().unwrap().unwrap();
            let ranges = match frame {
                Frame::Ack(ack) => {
                    format!("\n  ranges {:?}", ack.ranges(70_000).flatten().collect::<Vec<_>>())
                }
                Frame::Resume(resume) => format!("\n  ranges {:?}", resume.ranges().collect::<Vec<_>>()),
                _ => String::new(),
            };
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{frame:?}{ranges}\n  {}", hex.join(" "))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
