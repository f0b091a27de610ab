//! Typed messages: the conversion between values and the bytes that a channel carries.
//!
//! A message is a type with `#[derive(NetMessage)]`. Types inside a message derive [`NetSerialize`], or [`NetShape`] if the
//! message has a codec other than the default codec. A [`Registry`] contains every message type of a game. Both ends
//! register the same types, and the handshake compares the types.
//!
//! ```
//! use tickwire::message::{BoundedString, BoundedVec, NetMessage, NetSerialize, Registry};
//!
//! #[derive(NetMessage, Debug, PartialEq)]
//! #[net(name = "shop/bought", channel = 1)]
//! struct Bought {
//!     by: BoundedString<32>,
//!     items: BoundedVec<Item, 8>,
//! }
//!
//! #[derive(NetSerialize, Debug, PartialEq)]
//! enum Item {
//!     Torch,
//!     Arrows(#[net(range = 1..=99)] u8),
//! }
//!
//! let mut registry = Registry::new();
//! registry.register::<Bought>()?;
//! let bought = Bought {
//!     by: BoundedString::truncated("ann"),
//!     items: vec![Item::Torch, Item::Arrows(20)].try_into().unwrap(),
//! };
//! let message = registry.encode(&bought)?;
//! assert_eq!(message.len(), 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `#[net(crate = path)]` sets the path of this crate for the derive macros, if the path is not `::tickwire`.

#[doc(inline)]
pub use tickwire_core::message::*;
// They take the place of the core's macros, which name the core.
#[doc(inline)]
pub use tickwire_derive::{
    FacadeNetMessage as NetMessage, FacadeNetSerialize as NetSerialize, FacadeNetShape as NetShape,
};
