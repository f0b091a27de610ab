//! The messages between the built-in world and its clients.

use tickwire_core::message::{BoundedString, BoundedVec, NetMessage, NetSerialize};

/// To a client that has joined: its identity in the world, reliably.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/joined", type = 0x1000, max = 16)]
pub struct Joined {
    /// The client's number, as chat lines name it.
    pub client: u32,
    /// Its agent.
    pub agent: u32,
}

/// Where agents are. Of these the newest counts: sequenced.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/positions", type = 0x1001, delivery = "sequenced", max = 1150)]
pub struct Positions {
    /// The server's step.
    pub tick: u32,
    /// The agents, in the order of their ids. A crowd takes several messages.
    pub agents: BoundedVec<AgentAt, AGENTS_PER_MESSAGE>,
}

/// Where one agent is.
#[derive(NetSerialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgentAt {
    /// Its id.
    pub id: u32,
    /// Millimetres from the left wall.
    #[net(range = 0..=65_535)]
    pub x: u32,
    /// Millimetres from the lower wall.
    #[net(range = 0..=65_535)]
    pub y: u32,
}

/// From a client: where its agent is to go. Of these the newest counts: sequenced.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/steer", type = 0x1002, delivery = "sequenced", max = 8)]
pub struct Steer {
    /// Towards the right wall, in thousandths of full speed.
    #[net(range = -1000..=1000)]
    pub x: i16,
    /// Towards the upper wall.
    #[net(range = -1000..=1000)]
    pub y: i16,
}

/// From a client: something for everybody to hear, reliably and in order.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/say", type = 0x1003, max = 256)]
pub struct Say {
    /// The words.
    pub text: BoundedString<CHAT_BYTES>,
}

/// To all clients, the author included: a chat line, reliably and in order.
#[derive(NetMessage, Clone, PartialEq, Eq, Debug)]
#[net(codec = "bits", name = "world/heard", type = 0x1004, max = 256)]
pub struct Heard {
    /// The client's number, or [`FROM_SERVER`].
    pub from: u32,
    /// The words.
    pub text: BoundedString<CHAT_BYTES>,
}

/// Agents in one [`Positions`] message, so that it fits one datagram.
pub const AGENTS_PER_MESSAGE: usize = 128;
/// The most bytes of a chat line.
pub const CHAT_BYTES: usize = 200;
/// [`Heard::from`] for what the server itself says.
pub const FROM_SERVER: u32 = 0;
