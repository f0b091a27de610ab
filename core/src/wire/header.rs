//! The bytes before the ciphertext: the type of the datagram, and the header of data packets.

use super::{Malformed, NoRoom, Reader, Writer};

/// The first byte of a Hello packet.
pub const HELLO: u8 = 4;
/// The first byte of a Retry packet.
pub const RETRY: u8 = 5;
/// The first byte of a Welcome packet.
pub const WELCOME: u8 = 6;
/// The first byte of all other unencrypted datagrams. The second byte is the type of the datagram: see [`Control`].
pub const CONTROL: u8 = 7;
/// The bit that is set in the first byte of data packets, and clear in the first byte of all other datagrams.
pub const DATA: u8 = 8;
/// The key phase in the first byte of a data packet.
pub(crate) const DATA_PHASE: u8 = 1 << 2;
/// The packet number's length minus one in the first byte of a data packet.
pub(crate) const DATA_NUMBER_LENGTH: u8 = 0b11;

/// The kind of a datagram. Its first byte determines the kind, and for control datagrams the second byte too. The first
/// byte of every datagram is in the range 4 to 15, which RFC 7983 section 7 assigns to no other protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PacketKind {
    /// A client's request to connect, which begins with [`HELLO`].
    Hello,
    /// A server's request to resend the Hello with a cookie.
    Retry,
    /// A server's answer to a Hello.
    Welcome,
    /// An unencrypted datagram of any other type. The second byte of the datagram is the type.
    Control(Control),
    /// An encrypted data packet.
    Data,
}

/// The type of a datagram whose first byte is 7. The type is in the second byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Control {
    /// A reply of an endpoint that has no connection with the connection id of a data packet.
    Unknown = 0,
    /// A reply of an endpoint that does not support the protocol version of a Hello.
    Version = 1,
    /// A request for the server's public key.
    KeyQuery = 2,
    /// The answer to a [`Control::KeyQuery`]: the server's public key.
    KeyReply = 3,
}

impl Control {
    /// Returns the type for this second byte, or `None` if the protocol has no such type.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Unknown),
            1 => Some(Self::Version),
            2 => Some(Self::KeyQuery),
            3 => Some(Self::KeyReply),
            _ => None,
        }
    }
}

/// Returns the kind of `datagram`, or `None` if it is not a packet of this protocol.
#[must_use]
pub const fn classify(datagram: &[u8]) -> Option<PacketKind> {
    match *datagram {
        [HELLO, ..] => Some(PacketKind::Hello),
        [RETRY, ..] => Some(PacketKind::Retry),
        [WELCOME, ..] => Some(PacketKind::Welcome),
        [CONTROL, second, ..] => match Control::from_byte(second) {
            Some(control) => Some(PacketKind::Control(control)),
            None => None,
        },
        [8..=15, ..] => Some(PacketKind::Data),
        _ => None,
    }
}

/// The header of a data packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataHeader {
    /// The key phase: the lowest bit of the number of key rotations before this packet.
    pub phase: bool,
    /// The receiver's connection id, which has 24 bits.
    pub id: u32,
    /// The low bits of the packet number, in `pn_len` bytes.
    pub packet_number: u32,
    /// The length of the encoded packet number, 1 to 4 bytes.
    pub pn_len: u8,
}

impl DataHeader {
    /// The length of the longest data packet header, in bytes.
    pub const MAX_LEN: usize = 1 + 3 + 4;

    /// Returns the length of this header in bytes, which is the offset of the ciphertext.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        1 + 3 + self.pn_len as usize
    }

    /// Writes the header. The method omits bits of `id` and `packet_number` beyond their encoded lengths.
    ///
    /// # Errors
    /// [`NoRoom`] if the header does not fit. The buffer then stays unchanged.
    #[cfg_attr(not(feature = "wire-writers"), doc(hidden))]
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        let length = self.pn_len.clamp(1, 4);
        let first = DATA | if self.phase { DATA_PHASE } else { 0 } | (length - 1);
        let [a, b, c, _] = self.id.to_le_bytes();
        let [d, e, f, g] = self.packet_number.to_le_bytes();
        // One store each, rather than a copy of some bytes.
        match length {
            1 => writer.bytes(&[first, a, b, c, d]),
            2 => writer.bytes(&[first, a, b, c, d, e]),
            3 => writer.bytes(&[first, a, b, c, d, e, f]),
            _ => writer.bytes(&[first, a, b, c, d, e, f, g]),
        }
    }

    /// Reads the header at the start of `datagram`.
    ///
    /// # Errors
    /// [`Malformed`] if `datagram` is not a data packet, or is too short for a header.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(datagram);
        let first = reader.u8()?;
        if !(DATA..16).contains(&first) {
            return Err(Malformed);
        }
        let id = reader.u24()?;
        let pn_len = (first & DATA_NUMBER_LENGTH) + 1;
        let packet_number = match pn_len {
            1 => reader.u8()?.into(),
            2 => reader.u16()?.into(),
            3 => reader.u24()?,
            _ => reader.u32()?,
        };
        Ok(Self { phase: first & DATA_PHASE != 0, id, packet_number, pn_len })
    }
}

/// Returns the shortest encoding of `packet_number`: the low bits of the number, and their length in bytes (RFC 9000
/// appendix A.2). The peer decodes the encoding correctly, regardless of the packets that it has received after
/// `largest_acked`.
///
/// At most 2^31 packets may be unacknowledged. Beyond this number, four bytes are too short.
#[must_use]
pub const fn encode_packet_number(packet_number: u64, largest_acked: Option<u64>) -> (u32, u8) {
    let unacked = match largest_acked {
        Some(largest) => packet_number.saturating_sub(largest),
        None => packet_number.saturating_add(1),
    };
    let length = if unacked < 1 << 7 {
        1
    } else if unacked < 1 << 15 {
        2
    } else if unacked < 1 << 23 {
        3
    } else {
        4
    };
    (packet_number as u32 & low_bits(length), length)
}

/// Decodes a packet number (RFC 9000 appendix A.3). Returns the number that ends in the low `pn_len` bytes of
/// `truncated` and is nearest to `largest_received` + 1. Before the first packet was received, `largest_received` is 0.
#[must_use]
pub const fn decode_packet_number(largest_received: u64, truncated: u32, pn_len: u8) -> u64 {
    let mask = low_bits(pn_len);
    if mask as u64 <= largest_received && largest_received < 1 << 62 {
        return nearest(largest_received + 1, truncated, mask as u64);
    }
    let window = mask as u128 + 1;
    let expected = largest_received as u128 + 1;
    let candidate = (expected & !(mask as u128)) | (truncated & mask) as u128;
    let nearest = if candidate + window / 2 <= expected {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    };
    if nearest > u64::MAX as u128 { (nearest - window) as u64 } else { nearest as u64 }
}

/// Returns the number nearest to `expected` whose low bits are `truncated`. The caller keeps `expected` away from 0
/// and from the largest number.
const fn nearest(expected: u64, truncated: u32, mask: u64) -> u64 {
    let half = mask / 2 + 1;
    let distance = (truncated as u64).wrapping_sub(expected) & mask;
    if distance > half { expected + distance - mask - 1 } else { expected + distance }
}

const fn low_bits(pn_len: u8) -> u32 {
    match pn_len {
        0 | 1 => 0xff,
        2 => 0xffff,
        3 => 0x00ff_ffff,
        _ => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use quickcheck::{TestResult, quickcheck};

    use super::*;

    #[test]
    fn a_datagram_whose_first_byte_is_outside_4_to_15_is_not_a_tickwire_datagram() {
        for first in 0..=u8::MAX {
            let known = classify(&[first, 0]).is_some();
            assert_eq!(known, (4..16).contains(&first), "{first}");
        }
        assert_eq!(classify(&[]), None);
    }

    #[test]
    fn the_second_byte_of_a_control_datagram_determines_its_kind() {
        let kinds = [Control::Unknown, Control::Version, Control::KeyQuery, Control::KeyReply];
        for kind in kinds {
            assert_eq!(classify(&[CONTROL, kind as u8]), Some(PacketKind::Control(kind)));
        }
        assert_eq!(classify(&[CONTROL, 4]), None);
        assert_eq!(classify(&[CONTROL]), None);
    }

    #[test]
    fn a_data_header_is_read_as_it_was_written() {
        fn the_header_read_is_the_one_written(phase: bool, id: u32, packet_number: u32, pn_len: u8) -> bool {
            let pn_len = pn_len % 4 + 1;
            let header =
                DataHeader { phase, id: id >> 8, packet_number: packet_number & low_bits(pn_len), pn_len };
            let mut buffer = [0xaa; DataHeader::MAX_LEN];
            let mut writer = Writer::new(&mut buffer);
            header.write(&mut writer).unwrap();
            let written = writer.written();
            written == header.header_len()
                && classify(&buffer) == Some(PacketKind::Data)
                && DataHeader::read(&buffer) == Ok(header)
                && (0..written).all(|short| DataHeader::read(&buffer[..short]) == Err(Malformed))
        }
        quickcheck(the_header_read_is_the_one_written as fn(bool, u32, u32, u8) -> bool);
    }

    #[test]
    fn a_data_header_is_read_only_from_data_packets() {
        for first in 0..=u8::MAX {
            let read = DataHeader::read(&[first, 0, 0, 0, 0, 0, 0, 0]);
            assert_eq!(read.is_ok(), (8..16).contains(&first), "{first}");
        }
    }

    #[test]
    fn packet_numbers_encode_and_decode_as_in_the_examples_of_rfc_9000_appendix_a() {
        assert_eq!(encode_packet_number(0xac_5c02, Some(0xab_e8b3)), (0x5c02, 2));
        assert_eq!(encode_packet_number(0xac_e8fe, Some(0xab_e8b3)), (0xac_e8fe, 3));
        assert_eq!(decode_packet_number(0xa82f_30ea, 0x9b32, 2), 0xa82f_9b32);
    }

    #[test]
    fn a_packet_number_decodes_for_every_largest_received_number_not_below_the_acked_number() {
        fn the_number_decoded_is_the_one_sent(
            acked: u64,
            ahead: u32,
            received: u32,
            top: bool,
        ) -> TestResult {
            let acked = if top { u64::MAX - acked % (1 << 32) } else { acked };
            let ahead = u64::from(ahead >> 1).max(1) >> (ahead % 31);
            let Some(packet_number) = acked.checked_add(ahead) else { return TestResult::discard() };
            // The receiver has anything from what it acknowledged to all that was sent before this packet.
            let largest = acked + u64::from(received) % ahead.max(1);
            let (truncated, length) = encode_packet_number(packet_number, Some(acked));
            TestResult::from_bool(decode_packet_number(largest, truncated, length) == packet_number)
        }
        quickcheck(the_number_decoded_is_the_one_sent as fn(u64, u32, u32, bool) -> TestResult);
    }

    #[test]
    fn a_packet_number_near_zero_or_the_maximum_decodes_to_the_nearest_number_for_every_length() {
        fn nearest(largest: u64, truncated: u32, length: u8) -> u64 {
            let expected = i128::from(largest) + 1;
            let window = 1i128 << (8 * length);
            let base = (expected / window) * window + i128::from(truncated);
            [base - window, base, base + window, base - 2 * window]
                .into_iter()
                .filter(|&candidate| u64::try_from(candidate).is_ok())
                // Of two equally near ones, RFC 9000 takes the higher.
                .min_by_key(|candidate| ((candidate - expected).abs(), -candidate))
                .map_or(0, |candidate| candidate as u64)
        }
        fn the_number_decoded_is_the_nearest(largest: u64, truncated: u32, length: u8) -> bool {
            let length = length % 4 + 1;
            let truncated = truncated & low_bits(length);
            [largest, largest % 70_000, u64::MAX - largest % 70_000, 0, u64::MAX].iter().all(|&largest| {
                decode_packet_number(largest, truncated, length) == nearest(largest, truncated, length)
            })
        }
        quickcheck(the_number_decoded_is_the_nearest as fn(u64, u32, u8) -> bool);
    }

    #[test]
    fn the_first_128_packet_numbers_decode_before_any_packet_was_received() {
        for packet_number in 0..128 {
            let (truncated, length) = encode_packet_number(packet_number, None);
            assert_eq!(decode_packet_number(0, truncated, length), packet_number);
        }
    }
}
