//! Typed messages: the conversion between values and the bytes that a channel carries.
//!
//! A [`Registry`] knows every message type of a game by name. Both ends register the same types, in any order; their
//! schema hashes are compared in the handshake, so an index into the list sorted by name is all that the wire needs.
//! Nothing here needs a connection: [`Registry::encode`] gives the bytes for `Endpoint::send`, and the bytes of
//! `Event::Message` go to [`Registry::decode`] or to a [`Dispatcher`].
//!
//! An encoded message is the varint index of its type, then its body in the type's codec.

mod bounded;
mod codec;
mod dispatch;
mod envelope;
mod export;
mod message_type;
mod options;
#[cfg(all(doctest, feature = "derive"))]
mod refused;
mod registry;
mod script;
#[cfg(test)]
mod tests;
mod violation;

use alloc::vec::Vec;

pub use bounded::{BoundedBytes, BoundedString, BoundedVec, Full};
#[cfg(feature = "std")]
pub use codec::MessagePack;
pub use codec::{Bits, Json, Zerocopy};
pub use dispatch::{Dispatcher, HandlerAction, HandlerId, Outcome, Rejection};
pub use envelope::{Decoded, Message};
pub use message_type::MessageType;
pub use options::SendOptions;
pub use registry::{RegisterError, Registry};
pub use script::ScriptValue;
#[cfg(feature = "derive")]
#[doc(inline)]
pub use tickwire_derive::{NetMessage, NetSerialize, NetShape};
pub use violation::{Verdict, ViolationBudget, ViolationLimit};

#[doc(inline)]
pub use crate::bits::{BitReader, BitWriter, DecodeError, EncodeError, NetSerialize, OutOfRange};
pub use crate::config::Route;
pub use crate::shape::{Field, NetShape, Shape, Shapes, Variant};

use crate::event::ChannelId;
use crate::limits;

/// A message type that a game sends or receives.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use tickwire_core::message::{BoundedString, BoundedVec, NetMessage, NetSerialize};
///
/// #[derive(NetMessage)]
/// #[net(codec = "bits", name = "move", delivery = "sequenced", max = 256)]
/// struct Move {
///     #[net(range = 0..=1023)]
///     x: u16,
///     #[net(bits = 12)]
///     y: u16,
///     name: BoundedString<32>,
///     items: BoundedVec<Item, 8>,
/// }
///
/// #[derive(NetSerialize)]
/// enum Item {
///     Nothing,
///     Coins(#[net(range = 1..=100)] u8),
/// }
/// # }
/// ```
pub trait NetMessage: NetShape + Send + Sized {
    /// The name of the message type, which both ends register: ASCII letters, digits, `_`, `-`, `.` and `/`, at most
    /// [`limits::MESSAGE_NAME`] bytes.
    const NAME: &'static str;
    /// The number of the message type in captures and statistics, from [`MessageType::USER`] up. `None` computes the
    /// number from the name.
    const TYPE: Option<MessageType> = None;
    /// The channel of messages of this type. Default: the first channel, which is reliable and ordered unless
    /// configured otherwise.
    const ROUTE: Route = Route::Channel(ChannelId(0));
    /// The size of the largest body of a message of this type, in bytes, at most [`limits::MESSAGE_SIZE_MAX`]. Default:
    /// 1 MiB.
    const MAX_SIZE: usize = limits::MESSAGE_SIZE;
    /// The codec that writes and reads messages of this type.
    type Codec: Codec<Self>;
}

/// A codec, which writes values of type `T` as bytes and reads them back.
///
/// ```
/// use tickwire_core::message::{Codec, DecodeError, EncodeError};
///
/// /// Numbers in two bytes, the low one first.
/// enum LittleEndian {}
///
/// impl Codec<u16> for LittleEndian {
///     const NAME: &'static str = "le";
///
///     fn encode(value: &u16, out: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
///         if limit < 2 {
///             return Err(EncodeError::TooLarge { limit });
///         }
///         out.extend_from_slice(&value.to_le_bytes());
///         Ok(())
///     }
///
///     fn decode(bytes: &[u8]) -> Result<u16, DecodeError> {
///         bytes.try_into().map(u16::from_le_bytes).map_err(|_| DecodeError::Truncated)
///     }
/// }
/// ```
pub trait Codec<T> {
    /// The name of the codec, which is part of the schema hash.
    const NAME: &'static str;

    /// Appends the encoding of `value` to `out`, at most `limit` bytes. After an error, `out` may end with an
    /// incomplete encoding.
    ///
    /// # Errors
    /// [`EncodeError`] if `value` has no encoding, or a receiver would reject its encoding.
    fn encode(value: &T, out: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError>;

    /// Reads a value from all of `bytes`. The bytes come from the network, so they may be arbitrary.
    ///
    /// # Errors
    /// [`DecodeError`] if `bytes` are not the encoding of exactly one value.
    fn decode(bytes: &[u8]) -> Result<T, DecodeError>;
}

#[doc(hidden)]
pub mod derived {
    //! Items that the code of the derive macros refers to.
    pub use super::registry::{is_channel, is_message_size, is_user_type};
    pub use crate::bits::{BitsRange, SteppedBits, bits_for, integer_shape, put_integer, take_integer};
    pub use crate::config::Delivery;
    pub use crate::snapshot::quantize::Steps;
}
