//! The steps of a test script: events of a sender, of a receiver, and of the pipe between them.

use alloc::boxed::Box;

use quickcheck::{Arbitrary, Gen};

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// The application queues a message.
    Send { channel: u8, size: u8 },
    /// The sender builds up to `packets` packets and puts the packets into the pipe. `room` selects their largest size.
    Transmit { packets: u8, room: u8 },
    /// A packet arrives. The sender receives the acknowledgement if `acked` is `true`.
    Arrive { which: u8, acked: bool },
    /// A packet is lost, and the sender detects the loss.
    Lose { which: u8 },
    /// The sender resends the content of a packet that is still in the pipe.
    Doubt { which: u8 },
    /// The application takes up to `count` messages.
    Pop { count: u8 },
    /// The receiver sends a CREDIT frame if new credit is due. The frame is lost if `lost` is `true`.
    Grant { lost: bool },
    /// `millis` milliseconds pass.
    Wait { millis: u8 },
    /// A new transport replaces the old transport.
    Resume,
    /// The sender (if `sender` is `true`) or the receiver releases unused memory.
    Rest { sender: bool },
}

impl Arbitrary for Op {
    fn arbitrary(g: &mut Gen) -> Self {
        let byte = u8::arbitrary(g);
        match u8::arbitrary(g) % 32 {
            0..8 => Self::Send { channel: byte, size: u8::arbitrary(g) },
            8..16 => Self::Transmit { packets: byte % 8, room: u8::arbitrary(g) },
            16..22 => Self::Arrive { which: byte, acked: bool::arbitrary(g) },
            22..24 => Self::Lose { which: byte },
            24..26 => Self::Doubt { which: byte },
            26..28 => Self::Pop { count: byte },
            28..30 => Self::Grant { lost: bool::arbitrary(g) },
            30 => Self::Wait { millis: byte },
            _ if byte < 128 => Self::Rest { sender: bool::arbitrary(g) },
            _ => Self::Resume,
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        match *self {
            Self::Send { channel, size } if size > 0 => {
                Box::new([0, size / 2].into_iter().map(move |size| Self::Send { channel, size }))
            }
            Self::Transmit { packets, room } if packets > 1 => {
                Box::new(core::iter::once(Self::Transmit { packets: 1, room }))
            }
            _ => quickcheck::empty_shrinker(),
        }
    }
}
