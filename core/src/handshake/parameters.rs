//! The parameters that each end sends the other, inside the encryption.

use crate::time::Span;

use crate::limits;
use crate::wire::{Malformed, NoRoom, Reader, Writer};

/// The parameters that one end sends to the other end. The fields of decoded parameters are in range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Parameters {
    /// The hash of this end's schema.
    pub(crate) schema: u64,
    /// The number of bytes of reliable data that the other end may send at first, at most 2^62.
    pub(crate) credit: u64,
    /// The size of the largest message that this end accepts, in bytes, at most [`limits::MESSAGE_SIZE_MAX`].
    pub(crate) max_message: u32,
    /// The longest time by which this end delays an acknowledgement, in microseconds, at most [`ACK_DELAY_US_MAX`].
    pub(crate) ack_delay_us: u32,
    /// The time without a packet from the other end after which this end gives the other end up, in milliseconds.
    pub(crate) idle_timeout_ms: u32,
    /// The size of the largest datagram that this end accepts, in bytes, at least [`limits::LEAST_DATAGRAM`].
    pub(crate) max_datagram: u16,
}

impl Parameters {
    /// The largest size of encoded parameters, in bytes.
    pub(crate) const SIZE_MAX: usize = 8 + 9 + 5 + 5 + 5 + 2;

    /// Returns the longest time by which this end delays an acknowledgement.
    pub(crate) fn ack_delay(&self) -> Span {
        Span::from_micros(self.ack_delay_us.into())
    }

    /// Returns the time without a packet from the other end after which this end gives the other end up, at least
    /// 100 ms.
    pub(crate) fn idle_timeout(&self) -> Span {
        Span::from_millis(self.idle_timeout_ms.max(100).into())
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        writer.u64(self.schema)?;
        writer.varint(self.credit)?;
        writer.varint(self.max_message.into())?;
        writer.varint(self.ack_delay_us.into())?;
        writer.varint(self.idle_timeout_ms.into())?;
        writer.u16(self.max_datagram)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let parameters = Self {
            schema: reader.u64()?,
            credit: reader.varint()?,
            max_message: small(reader)?,
            ack_delay_us: small(reader)?,
            idle_timeout_ms: small(reader)?,
            max_datagram: reader.u16()?,
        };
        let in_range = parameters.credit <= CREDIT_MAX
            && parameters.max_message as usize <= limits::MESSAGE_SIZE_MAX
            && parameters.ack_delay_us <= ACK_DELAY_US_MAX
            && parameters.max_datagram >= limits::LEAST_DATAGRAM;
        if in_range { Ok(parameters) } else { Err(Malformed) }
    }
}

fn small(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    u32::try_from(reader.varint()?).map_err(|_| Malformed)
}

/// The largest credit, in bytes. Sums of credit then cannot overflow.
const CREDIT_MAX: u64 = 1 << 62;
/// The longest acknowledgement delay that a peer may declare, in microseconds: 10 s.
const ACK_DELAY_US_MAX: u32 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: Parameters = Parameters {
        schema: 0x1122_3344_5566_7788,
        credit: limits::RECEIVE_WINDOW,
        max_message: 1 << 20,
        ack_delay_us: 50_000,
        idle_timeout_ms: 20_000,
        max_datagram: 1452,
    };

    fn round_trip(parameters: Parameters) -> Result<Parameters, Malformed> {
        let mut buffer = [0; Parameters::SIZE_MAX];
        let mut writer = Writer::new(&mut buffer);
        parameters.write(&mut writer).unwrap();
        let length = writer.written();
        let mut reader = Reader::new(&buffer[..length]);
        let read = Parameters::read(&mut reader)?;
        reader.finish().map(|()| read)
    }

    #[test]
    fn handshake_parameters_in_range_decode_as_encoded() {
        assert_eq!(round_trip(SAMPLE), Ok(SAMPLE));
        let extreme = Parameters {
            schema: u64::MAX,
            credit: CREDIT_MAX,
            max_message: limits::MESSAGE_SIZE_MAX as u32,
            ack_delay_us: ACK_DELAY_US_MAX,
            idle_timeout_ms: u32::MAX,
            max_datagram: u16::MAX,
        };
        assert_eq!(round_trip(extreme), Ok(extreme));
    }

    #[test]
    fn handshake_parameters_out_of_range_are_malformed() {
        for wrong in [
            Parameters { credit: CREDIT_MAX + 1, ..SAMPLE },
            Parameters { max_message: limits::MESSAGE_SIZE_MAX as u32 + 1, ..SAMPLE },
            Parameters { ack_delay_us: ACK_DELAY_US_MAX + 1, ..SAMPLE },
            Parameters { max_datagram: limits::LEAST_DATAGRAM - 1, ..SAMPLE },
        ] {
            assert_eq!(round_trip(wrong), Err(Malformed), "{wrong:?}");
        }
    }
}
