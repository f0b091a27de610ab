//! How a channel is set up.

use alloc::borrow::Cow;
use core::fmt;
use core::time::Duration;

/// How a channel treats its messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Delivery {
    /// Sent once; may be lost, may arrive in any order, never twice.
    Unreliable,
    /// Sent once; a message older than the newest received is dropped.
    Sequenced,
    /// Arrives exactly once, in any order.
    ReliableUnordered,
    /// Arrives exactly once, in the order of sending.
    #[default]
    ReliableOrdered,
}

impl Delivery {
    /// Its name, as attributes and reports have it: lower case, words joined by hyphens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreliable => "unreliable",
            Self::Sequenced => "sequenced",
            Self::ReliableUnordered => "reliable-unordered",
            Self::ReliableOrdered => "reliable-ordered",
        }
    }

    /// Whether each message arrives, if the session lives.
    pub(crate) const fn is_reliable(self) -> bool {
        matches!(self, Self::ReliableUnordered | Self::ReliableOrdered)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The fate of unreliable and sequenced messages when a game sends more of them than the path carries. Reliable
/// messages always wait.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Overflow {
    /// The oldest gives way. Of the messages that the path holds back, an unreliable channel keeps those of the last
    /// [`crate::limits::STALE_AFTER`] (100 ms), and a sequenced one the newest message; either keeps its newest message, whatever
    /// its age. A full queue drops its oldest messages instead of handing back the new one.
    ///
    /// Each message that gives way counts in [`crate::stats::ChannelSent::dropped`], and its fate is
    /// [`crate::Fate::NotSent`]. None does before the first acknowledgement of the connection, unless its bandwidth is
    /// limited. A message of which a part was sent is finished, unless that takes more than
    /// [`crate::limits::UNRELIABLE_PATIENCE`] (5 s).
    #[default]
    DropOldest,
    /// All messages wait in the order of sending, and a full queue hands the new one back as
    /// [`crate::error::SendError::Full`]. A path that is slower than the game delivers ever older messages, unless
    /// [`ChannelConfig::lifetime`] bounds their wait.
    Queue,
}

/// One channel of every connection of an endpoint. Both ends need the same delivery and compression; the rest is each end's own.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::{ChannelConfig, Delivery};
///
/// let mut state = ChannelConfig::new(Delivery::Unreliable).named("state");
/// state.priority = 5;
/// state.lifetime = Some(Duration::from_millis(100));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ChannelConfig {
    /// The name that message types and calls may use instead of its number ([`crate::Route::Named`]). No two channels have the same
    /// name. Names are not sent, and not compared in the handshake: each end has its own.
    ///
    /// Default: none.
    pub name: Option<Cow<'static, str>>,
    /// How its messages are treated. [`ChannelConfig::new`] takes it.
    pub delivery: Delivery,
    /// Its share of the bandwidth when channels compete: weight 2^priority.
    ///
    /// Default: 3. Range: 0 to 7.
    pub priority: u8,
    /// Bytes that may wait to be sent before the queue is full, with 64 bytes of overhead a message.
    ///
    /// Default: 4 MiB. Range: any.
    pub queue_bytes: u64,
    /// Messages that may wait to be sent before the queue is full.
    ///
    /// Default: 4,096. Range: 1 to 2^32 - 1.
    pub queue_messages: usize,
    /// The fate of messages that the path does not carry in time, on unreliable and sequenced channels.
    ///
    /// Default: [`Overflow::DropOldest`].
    pub overflow: Overflow,
    /// How long a message may wait for its first transmission before it is dropped as [`crate::Fate::NotSent`].
    ///
    /// Default: none: for ever. Range: any.
    pub lifetime: Option<Duration>,
    /// Whether each delivered reliable message yields an [`crate::Event::Delivered`].
    ///
    /// Default: no.
    pub receipts: bool,
    /// Whether messages of 64 bytes and more are compressed with LZ4 where that makes them smaller.
    ///
    /// Default: no.
    pub compress: bool,
}

impl ChannelConfig {
    /// A channel with the defaults of its fields.
    #[must_use]
    pub const fn new(delivery: Delivery) -> Self {
        Self {
            name: None,
            delivery,
            priority: 3,
            queue_bytes: 4 << 20,
            queue_messages: 4096,
            overflow: Overflow::DropOldest,
            lifetime: None,
            receipts: false,
            compress: false,
        }
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}
