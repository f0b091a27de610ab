//! The messages of the load test: 100 bytes each, including the number of the type.

use tickwire_core::message::NetMessage;

/// Sent once.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "load/loose", type = 0x1000, channel = 3, max = 100)]
pub(super) struct Loose {
    /// Counted from 0 by each sender for each receiver.
    pub(super) number: u32,
    /// So that it has its size.
    pub(super) filler: [u8; FILLER],
}

/// Sent until it arrives, in order.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "load/sure", type = 0x1001, max = 100)]
pub(super) struct Sure {
    /// Counted from 0 by each sender for each receiver.
    pub(super) number: u32,
    /// So that it has its size.
    pub(super) filler: [u8; FILLER],
}

/// One byte says which type it is, four are the number.
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
