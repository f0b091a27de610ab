//! The bits codec, which writes a value with [`crate::bits`].

use alloc::vec::Vec;

use crate::bits::{BitReader, BitWriter, DecodeError, EncodeError, NetSerialize};
use crate::message::Codec;

/// The codec of [`NetSerialize`] types. The codec writes each value in as few bits as the declared range of the value
/// needs, so use this codec for messages that a game sends often.
#[derive(Debug)]
pub enum Bits {}

impl<T: NetSerialize> Codec<T> for Bits {
    const NAME: &'static str = "bits";

    fn encode(value: &T, out: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        let mut writer = BitWriter::new(out, limit);
        value.encode(&mut writer)?;
        writer.finish()
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        let mut reader = BitReader::new(bytes);
        let value = T::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}
