//! The operations on endpoints, one step at a time.

use quickcheck::{Arbitrary, Gen};

/// One step of a script. Each number is reduced modulo the number of choices, so that every script is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    /// Dials from `node` to `to`, in the way that `how` selects.
    Connect { node: u8, to: u8, how: How },
    /// Sends a message of `size` bytes on a channel, which may not exist.
    Send { node: u8, connection: u8, channel: u8, size: u32 },
    /// Sends small messages on a channel until the channel's queue is full.
    Fill { node: u8, connection: u8, channel: u8 },
    /// Closes a connection, which may be closed already. If `gently` is `true`, the close waits until the peer has all
    /// messages.
    Close { node: u8, connection: u8, gently: bool },
    /// Applies `fate` to one datagram in transit.
    Fly { place: u8, fate: Fate },
    /// Advances the caller's clock by `micros` microseconds. A negative number sets the clock back.
    Advance { micros: i64 },
    /// Calls `handle_timeout` once, at the current time.
    HandleTimeout { node: u8 },
    /// Calls `poll_transmit` once, with a buffer of `buffer` bytes.
    PollTransmit { node: u8, buffer: u16 },
    /// Calls `poll_event` once.
    PollEvent { node: u8 },
    /// Delivers a datagram that no endpoint sent.
    Garbage { node: u8, from: u8, first: u8, length: u16, seed: u16 },
    /// Crashes a node, and restarts it with another seed.
    Restart { node: u8 },
    /// Changes the address of a node.
    Move { node: u8 },
    /// Sets the wall clock of a node to the correct time plus `off` microseconds.
    SetWall { node: u8, off: i64 },
    /// Opens or closes the link of a node, or sets the credit of the link.
    Link { node: u8, act: LinkAct },
    /// Moves the session of a connection to the address of `to`, or to the link of `node`.
    ResumeOver { node: u8, connection: u8, to: Option<u8> },
    /// Runs a correct driver and a network without faults for `millis` milliseconds of virtual time.
    Run { millis: u16 },
}

/// A way to dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    Pinned,
    Ticket,
    AnyKey,
    WrongKey,
    Link,
}

/// The effect of the network on a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Deliver,
    Drop,
    Duplicate,
    /// The network inverts one bit of the datagram before delivery.
    Flip(u16),
    /// The network truncates the datagram before delivery.
    Cut(u16),
    /// The datagram is delivered to another node.
    Misroute(u8),
}

/// An action on a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LinkAct {
    Open,
    Credit(u16),
    Close,
}

fn below(g: &mut Gen, bound: u32) -> u32 {
    u32::arbitrary(g) % bound
}

fn pick<T: Copy>(g: &mut Gen, of: &[T]) -> T {
    of[below(g, of.len() as u32) as usize]
}

impl Arbitrary for How {
    fn arbitrary(g: &mut Gen) -> Self {
        pick(
            g,
            &[
                Self::Pinned,
                Self::Pinned,
                Self::Ticket,
                Self::Ticket,
                Self::AnyKey,
                Self::WrongKey,
                Self::Link,
            ],
        )
    }
}

impl Arbitrary for Fate {
    fn arbitrary(g: &mut Gen) -> Self {
        match below(g, 10) {
            0..=4 => Self::Deliver,
            5 => Self::Drop,
            6 => Self::Duplicate,
            7 => Self::Flip(u16::arbitrary(g)),
            8 => Self::Cut(u16::arbitrary(g)),
            _ => Self::Misroute(u8::arbitrary(g)),
        }
    }
}

impl Arbitrary for LinkAct {
    fn arbitrary(g: &mut Gen) -> Self {
        match below(g, 4) {
            0 | 1 => Self::Open,
            2 => Self::Credit(u16::arbitrary(g)),
            _ => Self::Close,
        }
    }
}

/// Draws the size of a message: usually small, sometimes of many fragments, and rarely too large.
pub(crate) fn size(g: &mut Gen) -> u32 {
    match below(g, 16) {
        0 => 0,
        1..=9 => below(g, 200),
        10..=13 => below(g, 5000),
        14 => below(g, 100_000),
        _ => below(g, 2_000_000),
    }
}

/// Draws a step of the clock, from zero to centuries, forwards or backwards.
pub(crate) fn micros(g: &mut Gen) -> i64 {
    let step = i64::from(match below(g, 16) {
        0 => 0,
        1..=7 => below(g, 60_000),
        8..=12 => below(g, 3_000_000),
        13 | 14 => below(g, 100_000_000),
        _ => u32::MAX,
    });
    match below(g, 200) {
        0..=30 => -step,
        31 => i64::MAX,
        _ => step,
    }
}

/// Draws the error of a wall clock: seconds to days in either direction, or more than a wall clock can show.
fn wall_off(g: &mut Gen) -> i64 {
    let off = match below(g, 8) {
        0 => return i64::MAX,
        1 => return i64::MIN,
        2..=4 => i64::from(below(g, 5_000_000)),
        _ => i64::from(below(g, 100_000)) * 1_000_000,
    };
    if bool::arbitrary(g) { off } else { -off }
}

impl Arbitrary for Op {
    fn arbitrary(g: &mut Gen) -> Self {
        let node = u8::arbitrary(g);
        let connection = u8::arbitrary(g);
        match below(g, 100) {
            0..=7 => Self::Connect { node, to: u8::arbitrary(g), how: How::arbitrary(g) },
            8..=21 => Self::Send { node, connection, channel: below(g, 8) as u8, size: size(g) },
            22 => Self::Fill { node, connection, channel: below(g, 7) as u8 },
            23 | 24 => Self::Close { node, connection, gently: bool::arbitrary(g) },
            25..=44 => Self::Fly { place: u8::arbitrary(g), fate: Fate::arbitrary(g) },
            45..=54 => Self::Advance { micros: micros(g) },
            55..=60 => Self::HandleTimeout { node },
            61..=70 => Self::PollTransmit { node, buffer: pick(g, &[0, 1199, 1200, 1201, 4000, 65_535]) },
            71..=78 => Self::PollEvent { node },
            79 => Self::SetWall { node, off: wall_off(g) },
            80..=84 => Self::Garbage {
                node,
                from: u8::arbitrary(g),
                first: pick(g, &[0, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 255]),
                length: pick(g, &[0, 1, 12, 13, 24, 45, 100, 1199, 1200, 1201, 65_535]),
                seed: u16::arbitrary(g),
            },
            85 => Self::Restart { node },
            86 => Self::Move { node },
            87..=89 => Self::Link { node, act: LinkAct::arbitrary(g) },
            90 => Self::ResumeOver { node, connection, to: Option::arbitrary(g) },
            _ => Self::Run { millis: pick(g, &[5, 50, 50, 300, 300, 2000, 30_000]) },
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        match *self {
            Self::Send { node, connection, channel, size } => {
                Box::new(size.shrink().map(move |size| Self::Send { node, connection, channel, size }))
            }
            Self::Advance { micros } => Box::new(micros.shrink().map(|micros| Self::Advance { micros })),
            Self::Run { millis } => Box::new(millis.shrink().map(|millis| Self::Run { millis })),
            _ => quickcheck::empty_shrinker(),
        }
    }
}
