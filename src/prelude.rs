//! The names that most programs need: `use tickwire::prelude::*`.
//!
//! The prelude contains the types of each crate that a first program uses. It omits names that would hide names of the standard
//! library, such as the core's `Instant`.

#[cfg(feature = "native")]
#[doc(no_inline)]
pub use tickwire_native::{Client, Handle, Handlers, NetworkAddress, Options, Peer, Server};
#[cfg(feature = "server")]
#[doc(no_inline)]
pub use tickwire_server::{ClientId, Commands, Context, Game, GameError, Messages, NoSettings};

#[doc(no_inline)]
pub use crate::message::{
    BoundedBytes, BoundedString, BoundedVec, HandlerAction, NetMessage, NetSerialize, NetShape, Registry,
};
#[doc(no_inline)]
pub use crate::{
    Access, ChannelConfig, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, Delivery, Event,
    PublicKey, Secret, Secrets,
};
