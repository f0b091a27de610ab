//! MESSAGE frames: whole messages and fragments of channels.
//!
//! The type byte is `0x80 | kind << 5 | channel`. Kind 0 carries an id of 24 bits, kind 1 continues the id of the frame
//! before it, kind 2 is a fragment named by byte offset, kind 3 has no id.

use super::{Malformed, NoRoom, Reader, Writer, varint_len};
use crate::event::ChannelId;

/// The largest message id on the wire, 2^24 - 1. The id 0 follows this id.
pub const ID_MAX: u32 = (1 << 24) - 1;

const MESSAGE: u8 = 0x80;
const KIND_SHIFT: u8 = 5;
const CHANNEL_MASK: u8 = 0x1f;
const KIND_NUMBERED: u8 = 0;
const KIND_NEXT: u8 = 1;
const KIND_FRAGMENT: u8 = 2;

/// A MESSAGE frame, which carries a whole message or a fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageFrame<'a> {
    /// The number of the channel, 0 to 31.
    pub channel: ChannelId,
    /// The low 24 bits of the message's number on its channel, or `None` for whole unreliable messages.
    pub id: Option<u32>,
    /// The part of the message that the frame carries: the whole message or a fragment.
    pub part: MessagePart,
    /// The bytes of the message, or of the fragment.
    pub data: &'a [u8],
}

/// The part of a message that a MESSAGE frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessagePart {
    /// The whole message.
    Whole,
    /// A fragment: the bytes from `offset` on, of a message of `total` bytes. A fragment has at least one byte, and its
    /// frame has an id.
    Fragment {
        /// The size of the whole message, in bytes.
        total: u64,
        /// The offset of the fragment's first byte in the message.
        offset: u64,
    },
}

/// The channel and id of a packet's previous MESSAGE frame that had an id. The next MESSAGE frame may omit its id if it
/// has the same channel and the next id. A new chain begins with each packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Chain {
    last: Option<(u8, u32)>,
    started: bool,
}

impl Chain {
    /// Returns whether the packet already contains a MESSAGE frame.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started
    }

    fn continues_with(&self, channel: u8, id: u32) -> bool {
        self.last.is_some_and(|(on, last)| on == channel && last.wrapping_add(1) & ID_MAX == id & ID_MAX)
    }

    fn push(&mut self, channel: u8, id: Option<u32>) {
        self.started = true;
        if let Some(id) = id {
            self.last = Some((channel, id & ID_MAX));
        }
    }
}

/// Returns whether `first` is the type byte of a MESSAGE frame.
#[must_use]
pub(crate) const fn is_message(first: u8) -> bool {
    first & MESSAGE != 0
}

/// Reads a MESSAGE frame whose type byte is `first`.
///
/// # Errors
/// [`Malformed`] if the frame is cut off, if a fragment is empty or extends beyond its message, if the frame
/// continues the id of a previous frame that does not exist, or if the frame states an id that it could have
/// continued.
#[inline]
pub(crate) fn read<'a>(
    first: u8,
    reader: &mut Reader<'a>,
    chain: &mut Chain,
) -> Result<MessageFrame<'a>, Malformed> {
    if !is_message(first) {
        return Err(Malformed);
    }
    let channel = first & CHANNEL_MASK;
    let (id, part) = match first >> KIND_SHIFT & 3 {
        KIND_NUMBERED => {
            let id = reader.u24()?;
            if chain.continues_with(channel, id) {
                return Err(Malformed);
            }
            (Some(id), MessagePart::Whole)
        }
        KIND_NEXT => match chain.last {
            Some((on, last)) if on == channel => (Some(last.wrapping_add(1) & ID_MAX), MessagePart::Whole),
            _ => return Err(Malformed),
        },
        KIND_FRAGMENT => {
            let id = reader.u24()?;
            (Some(id), MessagePart::Fragment { total: reader.varint()?, offset: reader.varint()? })
        }
        _ => (None, MessagePart::Whole),
    };
    let data = reader.sized(usize::MAX)?;
    if let MessagePart::Fragment { total, offset } = part {
        let end = offset.checked_add(data.len() as u64).ok_or(Malformed)?;
        if data.is_empty() || end > total {
            return Err(Malformed);
        }
    }
    chain.push(channel, id);
    Ok(MessageFrame { channel: ChannelId(channel), id, part, data })
}

/// Writes a MESSAGE frame in the shortest form that `chain` allows. Writes only the low 5 bits of the channel and the low
/// 24 bits of the id. A fragment without an id gets the id 0.
///
/// # Errors
/// [`NoRoom`] if the frame does not fit. The buffer and `chain` then stay unchanged.
pub fn write(frame: &MessageFrame<'_>, writer: &mut Writer<'_>, chain: &mut Chain) -> Result<(), NoRoom> {
    let channel = frame.channel.0 & CHANNEL_MASK;
    let kind = kind(channel, frame.id, frame.part, chain);
    let header = header_len_of(kind, frame.part, frame.data.len());
    if header.checked_add(frame.data.len()).is_none_or(|length| length > writer.remaining()) {
        return Err(NoRoom);
    }
    writer.u8(MESSAGE | kind << KIND_SHIFT | channel)?;
    let mut written = frame.id;
    match (frame.part, frame.id) {
        (MessagePart::Whole, Some(id)) if kind == KIND_NUMBERED => writer.u24(id)?,
        (MessagePart::Whole, _) => {}
        (MessagePart::Fragment { total, offset }, id) => {
            let id = id.unwrap_or(0);
            written = Some(id);
            writer.u24(id)?;
            writer.varint(total)?;
            writer.varint(offset)?;
        }
    }
    writer.sized(frame.data)?;
    chain.push(channel, written);
    Ok(())
}

/// Returns the number of bytes before the data in a frame with `length` bytes of data, including the type byte.
#[must_use]
pub(crate) fn header_len(
    channel: ChannelId,
    id: Option<u32>,
    part: MessagePart,
    length: usize,
    chain: &Chain,
) -> usize {
    header_len_of(kind(channel.0 & CHANNEL_MASK, id, part, chain), part, length)
}

fn header_len_of(kind: u8, part: MessagePart, length: usize) -> usize {
    let fields = match (part, kind) {
        (MessagePart::Fragment { total, offset }, _) => 3 + varint_len(total) + varint_len(offset),
        (MessagePart::Whole, KIND_NUMBERED) => 3,
        (MessagePart::Whole, _) => 0,
    };
    1 + fields + varint_len(length as u64)
}

fn kind(channel: u8, id: Option<u32>, part: MessagePart, chain: &Chain) -> u8 {
    match (part, id) {
        (MessagePart::Fragment { .. }, _) => KIND_FRAGMENT,
        (MessagePart::Whole, Some(id)) if chain.continues_with(channel, id) => KIND_NEXT,
        (MessagePart::Whole, Some(_)) => KIND_NUMBERED,
        (MessagePart::Whole, None) => 3,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    fn whole(channel: u8, id: Option<u32>, data: &[u8]) -> MessageFrame<'_> {
        MessageFrame { channel: ChannelId(channel), id, part: MessagePart::Whole, data }
    }

    fn fragment(total: u64, offset: u64, data: &[u8]) -> MessageFrame<'_> {
        MessageFrame {
            channel: ChannelId(2),
            id: Some(7),
            part: MessagePart::Fragment { total, offset },
            data,
        }
    }

    fn encode(frames: &[MessageFrame<'_>]) -> Vec<u8> {
        let mut buffer = vec![0; 4096];
        let mut writer = Writer::new(&mut buffer);
        let mut chain = Chain::default();
        for frame in frames {
            let expected = header_len(frame.channel, frame.id, frame.part, frame.data.len(), &chain);
            let before = writer.written();
            write(frame, &mut writer, &mut chain).unwrap();
            assert_eq!(writer.written() - before, expected + frame.data.len());
        }
        let written = writer.written();
        buffer.truncate(written);
        buffer
    }

    fn decode(bytes: &[u8]) -> Result<Vec<MessageFrame<'_>>, Malformed> {
        let (mut reader, mut chain, mut frames) = (Reader::new(bytes), Chain::default(), Vec::new());
        while !reader.is_empty() {
            let first = reader.u8()?;
            frames.push(read(first, &mut reader, &mut chain)?);
        }
        Ok(frames)
    }

    #[test]
    fn message_frames_have_their_documented_layout() {
        let frames = [
            whole(1, Some(5), b"a"),
            whole(1, Some(6), b"b"),
            whole(9, None, b"c"),
            whole(1, Some(7), b""),
            whole(1, Some(9), b"d"),
            fragment(300, 256, b"ef"),
            whole(2, Some(8), b"g"),
        ];
        let expected = [
            &[0x81u8, 5, 0, 0, 1, b'a'][..],
            &[0xa1, 1, b'b'],
            &[0xe9, 1, b'c'],
            &[0xa1, 0],
            &[0x81, 9, 0, 0, 1, b'd'],
            &[0xc2, 7, 0, 0, 0x80 | 44, 4, 0x80, 4, 2, b'e', b'f'],
            &[0xa2, 1, b'g'],
        ]
        .concat();
        assert_eq!(encode(&frames), expected);
        assert_eq!(decode(&expected).unwrap(), frames);
    }

    #[test]
    fn the_inferred_message_id_after_the_largest_24_bit_id_is_zero() {
        let frames = [whole(0, Some(ID_MAX), b""), whole(0, Some(0), b"")];
        let bytes = encode(&frames);
        assert_eq!(bytes.len(), 5 + 2);
        assert_eq!(decode(&bytes).unwrap(), frames);
    }

    #[test]
    fn an_explicit_message_id_that_could_have_been_inferred_is_malformed() {
        assert_eq!(decode(&[0x80, 5, 0, 0, 0, 0x80, 6, 0, 0, 0]), Err(Malformed));
        assert!(decode(&[0x80, 5, 0, 0, 0, 0x81, 6, 0, 0, 0]).is_ok());
    }

    #[test]
    fn an_inferred_message_id_without_an_earlier_id_on_the_channel_is_malformed() {
        assert_eq!(decode(&[0xa0, 0]), Err(Malformed));
        assert_eq!(decode(&[0x80, 5, 0, 0, 0, 0xa1, 0]), Err(Malformed));
        assert_eq!(decode(&[0xe0, 0, 0xa0, 0]), Err(Malformed));
    }

    #[test]
    fn a_fragment_past_the_end_of_its_message_is_malformed() {
        assert!(decode(&[0xc0, 0, 0, 0, 4, 2, 2, 1, 1]).is_ok());
        assert_eq!(decode(&[0xc0, 0, 0, 0, 4, 3, 2, 1, 1]), Err(Malformed));
        let far = [&[0xc0, 0, 0, 0, 4][..], &[0xff; 9], &[1, 1]].concat();
        assert_eq!(decode(&far), Err(Malformed));
    }

    #[test]
    fn an_empty_fragment_is_malformed() {
        assert_eq!(decode(&[0xc0, 0, 0, 0, 4, 2, 0]), Err(Malformed));
        assert_eq!(decode(&[0xc0, 0, 0, 0, 0, 0, 0]), Err(Malformed));
    }

    #[test]
    fn no_byte_of_a_message_frame_that_does_not_fit_is_written() {
        let frames =
            [whole(3, Some(1), &[7; 200]), whole(3, None, b"x"), fragment(1 << 20, 1 << 15, &[1; 130])];
        for frame in frames {
            let needed = encode(&[frame]).len();
            let mut buffer = vec![0; needed - 1];
            let (mut writer, mut chain) = (Writer::new(&mut buffer), Chain::default());
            assert_eq!(write(&frame, &mut writer, &mut chain), Err(NoRoom));
            assert_eq!((writer.written(), chain), (0, Chain::default()));
        }
    }

    quickcheck! {
        fn message_frames_that_parse_are_written_back_unchanged(bytes: Vec<u8>) -> bool {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first |= MESSAGE;
            }
            let (mut reader, mut chain) = (Reader::new(&bytes), Chain::default());
            let Ok(first) = reader.u8() else { return true };
            let Ok(frame) = read(first, &mut reader, &mut chain) else { return true };
            encode(&[frame]) == bytes[..bytes.len() - reader.remaining()]
        }

        fn message_frames_decode_as_encoded(script: Vec<(u8, u8, u16, Vec<u8>)>) -> bool {
            let frames: Vec<_> = script.iter().map(|(kind, channel, id, data)| {
                let channel = ChannelId(channel & CHANNEL_MASK);
                let id = u32::from(*id % 4);
                let (id, part) = match kind % 3 {
                    0 => (Some(id), MessagePart::Whole),
                    1 if !data.is_empty() => {
                        let offset = u64::from(id) << 30;
                        (Some(id), MessagePart::Fragment { total: offset + data.len() as u64, offset })
                    }
                    _ => (None, MessagePart::Whole),
                };
                MessageFrame { channel, id, part, data }
            }).collect();
            let frames = &frames[..frames.len().min(30)];
            let mut buffer = vec![0; 16_384];
            let (mut writer, mut chain) = (Writer::new(&mut buffer), Chain::default());
            let fitting = frames.iter().take_while(|frame| write(frame, &mut writer, &mut chain).is_ok()).count();
            let written = writer.written();
            decode(&buffer[..written]).unwrap() == frames[..fitting]
        }
    }
}
