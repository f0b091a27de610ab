//! The zerocopy codec: a value's memory is its encoding.

use alloc::vec::Vec;

use zerocopy::{Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

use crate::message::{Codec, DecodeError, EncodeError};

/// The codec of types with a fixed layout. The body of a message is the `size_of::<T>()` bytes of the value in memory.
///
/// Integers of more than one byte must have a fixed byte order: use the types of [`zerocopy::little_endian`], because
/// the rest of the protocol is little-endian. The compiler rejects `u16`, `i32` and the other native integers of more
/// than one byte, because they are not [`Unaligned`]:
///
/// ```compile_fail,E0277
/// use tickwire_core::message::{Codec, Zerocopy};
/// use zerocopy::{Immutable, IntoBytes, KnownLayout, TryFromBytes};
///
/// #[derive(TryFromBytes, IntoBytes, KnownLayout, Immutable)]
/// #[repr(C)]
/// struct Native(u32);
///
/// let _ = <Zerocopy as Codec<Native>>::decode(&[0; 4]);
/// ```
///
/// The codec preserves the bits of a NaN, unlike the bits codec.
#[derive(Debug)]
pub enum Zerocopy {}

impl<T: IntoBytes + TryFromBytes + KnownLayout + Immutable + Unaligned> Codec<T> for Zerocopy {
    const NAME: &'static str = "zerocopy";

    fn encode(value: &T, out: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        let bytes = value.as_bytes();
        if bytes.len() > limit {
            return Err(EncodeError::TooLarge { limit });
        }
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        if bytes.len() < size_of::<T>() {
            return Err(DecodeError::Truncated);
        }
        if bytes.len() > size_of::<T>() {
            return Err(DecodeError::Trailing);
        }
        T::try_read_from_bytes(bytes).map_err(|_| DecodeError::Invalid)
    }
}
