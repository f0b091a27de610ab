//! The format of carriers' segments in the datagrams of the virtual network: a checksum, a kind, a number, and a body.

use xxhash_rust::xxh3::xxh3_64;

/// The purpose of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SegmentKind {
    /// Requests a connection, or accepts the request of the other end.
    Open = 1,
    /// Carries data or acknowledgements of an open connection.
    Data = 2,
    /// Ends a connection, or reports that the connection does not exist.
    Reset = 3,
}

/// One segment, without its checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segment<'a> {
    pub(super) kind: SegmentKind,
    /// A number that distinguishes the connections between the same two ends.
    pub(super) connection: u64,
    pub(super) body: &'a [u8],
}

/// The size of a segment without its body, in bytes.
pub(super) const OVERHEAD: usize = 13;

impl<'a> Segment<'a> {
    /// Reads a segment. Returns `None` if the bytes are too few, damaged or of an unknown kind.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (checksum, rest) = bytes.split_first_chunk()?;
        if u32::from_le_bytes(*checksum) != checksum_of(rest) {
            return None;
        }
        let (&kind, rest) = rest.split_first()?;
        let kind = [SegmentKind::Open, SegmentKind::Data, SegmentKind::Reset]
            .into_iter()
            .find(|&known| known as u8 == kind)?;
        let (connection, body) = rest.split_first_chunk()?;
        Some(Self { kind, connection: u64::from_le_bytes(*connection), body })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4];
        bytes.reserve(OVERHEAD + self.body.len());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(&self.connection.to_le_bytes());
        bytes.extend_from_slice(self.body);
        let checksum = checksum_of(&bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

fn checksum_of(bytes: &[u8]) -> u32 {
    xxh3_64(bytes) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_a_written_segment_gives_the_same_segment() {
        let segment = Segment { kind: SegmentKind::Data, connection: 7, body: b"body" };
        let bytes = segment.write();
        assert_eq!(bytes.len(), OVERHEAD + 4);
        assert_eq!(Segment::read(&bytes), Some(segment));
    }

    #[test]
    fn a_stream_segment_with_a_flipped_bit_or_missing_byte_is_refused() {
        let bytes = Segment { kind: SegmentKind::Open, connection: 1 << 40, body: &[0; 20] }.write();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Segment::read(&bytes), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Segment::read(&bytes[..length]), None, "{length} bytes");
        }
    }
}
