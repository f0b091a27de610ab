//! The bits codec: a value as [`crate::bits`] writes it.

use alloc::vec::Vec;

use crate::bits::{BitReader, BitWriter, DecodeError, EncodeError, NetSerialize};
use crate::message::Codec;

/// The codec of [`NetSerialize`] types: for whatever is sent often.
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
