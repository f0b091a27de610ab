//! The messages of the load test: 100 bytes each, including the number of the type.

use tickwire_core::message::NetMessage;

/// An unreliable message.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "load/loose", type = 0x1000, channel = 3, max = 100)]
pub(super) struct Loose {
    /// The number of the message, counted from 0 by each sender for each receiver.
    pub(super) number: u32,
    /// Filler bytes, which give the message its size.
    pub(super) filler: [u8; FILLER],
}

/// A reliable, ordered message.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "load/sure", type = 0x1001, max = 100)]
pub(super) struct Sure {
    /// The number of the message, counted from 0 by each sender for each receiver.
    pub(super) number: u32,
    /// Filler bytes, which give the message its size.
    pub(super) filler: [u8; FILLER],
}

/// The number of filler bytes. One byte identifies the type, and four bytes hold the number.
const FILLER: usize = 100 - 5;

impl Loose {
    pub(super) const fn new(number: u32) -> Self {
        Self { number, filler: [0x5a; FILLER] }
    }
}

impl Sure {
    pub(super) const fn new(number: u32) -> Self {
        Self { number, filler: [0xa5; FILLER] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_message_has_100_bytes() {
        let registry = tickwire_server::registry::<super::super::LoadGame>().unwrap();
        assert_eq!(registry.encode(&Loose::new(u32::MAX)).unwrap().len(), 100);
        assert_eq!(registry.encode(&Sure::new(0)).unwrap().len(), 100);
    }
}
