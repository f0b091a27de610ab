//! The frames inside a data packet.

#[cfg(test)]
mod tests;

use super::ack::{ACK, ACK_BITS, ACK_BITS_MARKS, ACK_LAST, AckFrame};
use super::message::{self, Chain, MessageFrame};
use super::resume::{RESUME, ResumeFrame, write_resume};
use super::{Malformed, NoRoom, Reader, Writer};
use crate::limits;
use crate::snapshot::delta::FrameName;
use crate::time::Instant;

/// The type byte of PADDING.
pub(crate) const PADDING: u8 = 0x00;
/// The type byte of PING.
pub(crate) const PING: u8 = 0x01;
/// The type byte of CLOSE.
pub(crate) const CLOSE: u8 = 0x02;
/// The type byte of CHALLENGE.
pub(crate) const CHALLENGE: u8 = 0x03;
/// The type byte of RESPONSE.
pub(crate) const RESPONSE: u8 = 0x04;
/// The type byte of CREDIT.
pub(crate) const CREDIT: u8 = 0x05;
/// The type byte of TICKET.
pub(crate) const TICKET: u8 = 0x06;
/// The type byte of SNAPSHOT.
pub(crate) const SNAPSHOT: u8 = 0x09;
/// The type byte of SNAPSHOT_RESET.
pub(crate) const SNAPSHOT_RESET: u8 = 0x0a;
/// The type byte of VIEW_COMPLETE.
pub(crate) const VIEW_COMPLETE: u8 = 0x0b;
/// The type byte of CLOCK.
pub(crate) const CLOCK: u8 = 0x08;
/// The first type byte of MESSAGE frames. All higher bytes are type bytes of MESSAGE frames too.
pub(crate) const MESSAGE: u8 = 0x80;

/// A snapshot frame, which carries coded units of a replicated world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotFrame<'a> {
    /// The number of the view. The number increases by 1 when the sender starts to send a different world.
    pub view: u32,
    /// The coded units, which [`DecodedFrame`](crate::snapshot::delta::DecodedFrame) decodes.
    pub bytes: &'a [u8],
}

/// A frame, which borrows the bytes of its packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// A run of padding bytes, which the reader skips as one frame.
    Padding,
    /// A request for an acknowledgement.
    Ping,
    /// A report that the sender of this frame has closed the connection.
    Close {
        /// The reason code, which the application chose.
        code: u16,
        /// The reason as text for a person, by convention in UTF-8. The sender truncates the text to
        /// [`limits::CLOSE_TEXT`] bytes.
        text: &'a [u8],
    },
    /// A request for a RESPONSE frame with the same bytes, over the same path.
    Challenge([u8; 8]),
    /// The answer to a CHALLENGE frame, with the bytes of that frame.
    Response([u8; 8]),
    /// Flow-control credit: the total number of bytes of reliable data that the receiver of this frame may send, counted from
    /// the start of the session.
    Credit(u64),
    /// A ticket with which the receiver can resume this session.
    Ticket {
        /// The number of the ticket within its session. A ticket replaces all tickets with lower numbers.
        sequence: u64,
        /// The time at which the ticket expires, in µs of wall time since the Unix epoch.
        expiry: u64,
        /// The sealed ticket, which only the server can open: at most [`limits::TICKET_BYTES`] bytes.
        sealed: &'a [u8],
    },
    /// A list of the messages of one channel that were received before the session was resumed.
    Resume(ResumeFrame<'a>),
    /// The time at which the sender built the packet, by the sender's clock.
    Clock(Instant),
    /// The state of units of a replicated world. Only the first frame of a packet may be a snapshot frame.
    Snapshot(SnapshotFrame<'a>),
    /// A report that the sender of this frame could not decode a snapshot frame.
    SnapshotReset {
        /// The view of the snapshot frame that could not be decoded.
        view: u32,
        /// The name of the snapshot frame that could not be decoded.
        name: FrameName,
    },
    /// A report of the sender of a world: the receiver has acknowledged all units that were in its view when the view
    /// began.
    ViewComplete {
        /// The number of the view.
        view: u32,
    },
    /// An acknowledgement of received packets.
    Ack(AckFrame<'a>),
    /// A message, or a fragment of a message.
    Message(MessageFrame<'a>),
}

impl<'a> Frame<'a> {
    /// Reads one frame. `chain` stores the channel and id of the packet's previous MESSAGE frame that had an id.
    ///
    /// # Errors
    /// [`Malformed`] if the frame is cut off, of unknown type, or violates the format of its type.
    #[cfg_attr(not(feature = "wire-writers"), doc(hidden))]
    pub fn read(reader: &mut Reader<'a>, chain: &mut Chain) -> Result<Self, Malformed> {
        Ok(match reader.u8()? {
            PADDING => {
                let rest = reader.clone().rest();
                reader.take(rest.iter().take_while(|&&byte| byte == PADDING).count())?;
                Self::Padding
            }
            PING => Self::Ping,
            CLOSE => Self::Close { code: reader.u16()?, text: reader.sized(limits::CLOSE_TEXT)? },
            CHALLENGE => Self::Challenge(reader.array()?),
            RESPONSE => Self::Response(reader.array()?),
            CREDIT => Self::Credit(reader.varint()?),
            TICKET => Self::Ticket {
                sequence: reader.varint()?,
                expiry: reader.u64()?,
                sealed: reader.sized(limits::TICKET_BYTES)?,
            },
            RESUME => Self::Resume(ResumeFrame::read(reader)?),
            SNAPSHOT => Self::Snapshot(SnapshotFrame {
                view: u32::try_from(reader.varint()?).map_err(|_| Malformed)?,
                bytes: reader.sized(usize::from(u16::MAX))?,
            }),
            SNAPSHOT_RESET => Self::SnapshotReset {
                view: u32::try_from(reader.varint()?).map_err(|_| Malformed)?,
                name: FrameName {
                    tick: u32::try_from(reader.varint()?).map_err(|_| Malformed)?,
                    part: reader.u8()?,
                },
            },
            VIEW_COMPLETE => {
                Self::ViewComplete { view: u32::try_from(reader.varint()?).map_err(|_| Malformed)? }
            }
            CLOCK => Self::Clock(Instant::from_micros(reader.varint()?).ok_or(Malformed)?),
            first @ (ACK..=ACK_LAST | ACK_BITS | ACK_BITS_MARKS) => Self::Ack(AckFrame::read(first, reader)?),
            first @ MESSAGE.. => Self::Message(message::read(first, reader, chain)?),
            _ => return Err(Malformed),
        })
    }

    /// Writes the frame. `chain` stores the channel and id of the packet's previous MESSAGE frame that had an id. A
    /// PADDING frame takes one byte.
    ///
    /// # Errors
    /// [`NoRoom`] if the frame does not fit, or holds a ticket above [`limits::TICKET_BYTES`]. The buffer then
    /// stays unchanged.
    #[cfg_attr(not(feature = "wire-writers"), doc(hidden))]
    pub fn write(&self, writer: &mut Writer<'_>, chain: &mut Chain) -> Result<(), NoRoom> {
        let start = writer.written();
        self.write_fields(writer, chain).inspect_err(|_| writer.truncate(start))
    }

    fn write_fields(&self, writer: &mut Writer<'_>, chain: &mut Chain) -> Result<(), NoRoom> {
        match *self {
            Self::Padding => writer.u8(PADDING),
            Self::Ping => writer.u8(PING),
            Self::Close { code, text } => {
                writer.u8(CLOSE)?;
                writer.u16(code)?;
                writer.sized(text.get(..limits::CLOSE_TEXT).unwrap_or(text))
            }
            Self::Challenge(data) => writer.u8(CHALLENGE).and_then(|()| writer.bytes(&data)),
            Self::Response(data) => writer.u8(RESPONSE).and_then(|()| writer.bytes(&data)),
            Self::Credit(total) => writer.u8(CREDIT).and_then(|()| writer.varint(total)),
            Self::Ticket { sealed, .. } if sealed.len() > limits::TICKET_BYTES => Err(NoRoom),
            Self::Ticket { sequence, expiry, sealed } => {
                writer.u8(TICKET)?;
                writer.varint(sequence)?;
                writer.u64(expiry)?;
                writer.sized(sealed)
            }
            Self::Resume(frame) => write_resume(writer, frame.channel, frame.floor, frame.ranges()),
            Self::Snapshot(SnapshotFrame { view, bytes }) => {
                writer.u8(SNAPSHOT)?;
                writer.varint(view.into())?;
                writer.sized(bytes)
            }
            Self::SnapshotReset { view, name } => {
                writer.u8(SNAPSHOT_RESET)?;
                writer.varint(view.into())?;
                writer.varint(name.tick.into())?;
                writer.u8(name.part)
            }
            Self::ViewComplete { view } => writer.u8(VIEW_COMPLETE).and_then(|()| writer.varint(view.into())),
            Self::Clock(time) => writer.u8(CLOCK).and_then(|()| writer.varint(time.as_micros())),
            Self::Ack(frame) => frame.write(writer),
            Self::Message(frame) => message::write(&frame, writer, chain),
        }
    }
}

/// A reader that yields the frames of a decrypted packet in order. After an error the reader yields no more frames.
#[derive(Clone, Debug)]
pub struct FrameReader<'a> {
    reader: Reader<'a>,
    chain: Chain,
}

impl<'a> FrameReader<'a> {
    /// Creates a reader of the frames in `plaintext`.
    #[must_use]
    pub fn new(plaintext: &'a [u8]) -> Self {
        Self { reader: Reader::new(plaintext), chain: Chain::default() }
    }

    /// Returns the next frame if it is a MESSAGE, the most frequent type. Returns `None` if the next frame has a
    /// different type, or the packet has ended.
    pub fn next_message(&mut self) -> Option<Result<MessageFrame<'a>, Malformed>> {
        let first = self.reader.take_if(message::is_message)?;
        let frame = message::read(first, &mut self.reader, &mut self.chain);
        if frame.is_err() {
            self.reader.rest();
        }
        Some(frame)
    }

    /// Returns the number of bytes not read yet. Returns 0 after an error.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.reader.remaining()
    }
}

impl<'a> Iterator for FrameReader<'a> {
    type Item = Result<Frame<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let frame = Frame::read(&mut self.reader, &mut self.chain);
        if frame.is_err() {
            self.reader.rest();
        }
        Some(frame)
    }
}

impl core::iter::FusedIterator for FrameReader<'_> {}
