//! The messages between the built-in world and its clients.

use tickwire_core::message::{BoundedString, NetMessage};

/// A message that the server sends reliably to a client that has joined, once the client's agent is in the replicated
/// world. The message contains the client's number and agent.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/joined", type = 0x1000, max = 16)]
pub struct Joined {
    /// The number by which chat lines name the client.
    pub client: u32,
    /// The id of the client's agent in the replicated world.
    pub agent: u32,
}

/// A message with the velocity that a client wants for its agent, sent on a sequenced channel, because only the
/// newest message counts.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/steer", type = 0x1002, delivery = "sequenced", max = 8)]
pub struct Steer {
    /// The speed towards the right wall, from -1000 to 1000, in thousandths of full speed (5 m/s). A negative speed is
    /// towards the left wall.
    #[net(range = -1000..=1000)]
    pub x: i16,
    /// The speed towards the upper wall, from -1000 to 1000, in thousandths of full speed (5 m/s). A negative speed is
    /// towards the lower wall.
    #[net(range = -1000..=1000)]
    pub y: i16,
}

/// A message with a chat line for all clients, which a client sends reliably and in order.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/say", type = 0x1003, max = 256)]
pub struct Say {
    /// The text of the chat line.
    pub text: BoundedString<CHAT_BYTES>,
}

/// A message with a chat line, which the server sends reliably and in order to all clients, including the author.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/heard", type = 0x1004, max = 256)]
pub struct Heard {
    /// The number of the client that wrote the line, or [`FROM_SERVER`].
    pub from: u32,
    /// The text of the chat line.
    pub text: BoundedString<CHAT_BYTES>,
}

/// The longest chat line, in bytes.
pub const CHAT_BYTES: usize = 200;
/// The value of [`Heard::from`] for a chat line that the server itself wrote.
pub const FROM_SERVER: u32 = 0;
