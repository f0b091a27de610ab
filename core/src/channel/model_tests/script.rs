//! The steps of a test script: events of a sender, of a receiver, and of the pipe between them.

use alloc::boxed::Box;

use quickcheck::{Arbitrary, Gen};

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// Queue a message.
    Send { channel: u8, size: u8 },
    /// Build packets and put them into the pipe.
    Transmit { packets: u8, room: u8 },
    /// A packet arrives; the sender may hear of it.
    Arrive { which: u8, acked: bool },
    /// A packet is gone, and the sender notices.
    Lose { which: u8 },
    /// The sender takes a packet for lost, or probes, but it is still underway.
    Doubt { which: u8 },
    /// The application takes messages.
    Pop { count: u8 },
    /// A grant is sent if due.
    Grant { lost: bool },
    /// Time passes.
    Wait { millis: u8 },
    /// Another transport takes over.
    Resume,
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
