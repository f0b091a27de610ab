//! The configuration of a channel.

use alloc::borrow::Cow;
use core::fmt;
use core::time::Duration;

/// The delivery guarantee of a channel's messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Delivery {
    /// Each message is sent once. It may be lost or arrive in any order, but never twice.
    Unreliable,
    /// Each message is sent once. The receiver drops a message that is older than the newest received.
    Sequenced,
    /// Each message arrives exactly once, in any order.
    ReliableUnordered,
    /// Each message arrives exactly once, in the order of sending.
    #[default]
    ReliableOrdered,
}

impl Delivery {
    /// Returns the delivery's name in attributes and reports: lower case, words joined by hyphens.
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
    /// The oldest message gives way. Of the messages that the path delays, an unreliable channel keeps those of the
    /// last [`crate::limits::STALE_AFTER`] (100 ms), and a sequenced channel keeps the newest. Both keep their newest
    /// message, whatever its age. A full queue drops its oldest messages and accepts the new message.
    ///
    /// Each message that gives way counts in [`crate::stats::ChannelSent::dropped`], and its fate is
    /// [`crate::Fate::NotSent`]. No message gives way before the first acknowledgement of the connection, unless its
    /// bandwidth is limited. A message of which a part was sent is finished, unless that takes more than
    /// [`crate::limits::UNRELIABLE_PATIENCE`] (5 s).
    #[default]
    DropOldest,
    /// All messages wait in the order of sending, and a full queue returns the new message as
    /// [`crate::error::SendError::Full`]. A path that is slower than the game delivers ever older messages, unless
    /// [`ChannelConfig::lifetime`] bounds their wait.
    Queue,
}

/// One channel of every connection of an endpoint. Both ends need the same delivery and compression. Each end chooses
/// the other settings for itself.
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
    /// The name that message types and calls may use instead of the channel's number ([`crate::Route::Named`]). No two
    /// channels have the same name. The name is not sent and not compared in the handshake, so each end chooses its own
    /// names.
    ///
    /// Default: none.
    pub name: Option<Cow<'static, str>>,
    /// The delivery guarantee of the channel's messages. [`ChannelConfig::new`] takes it.
    pub delivery: Delivery,
    /// The channel's share of the bandwidth when channels compete: weight 2^priority.
    ///
    /// Default: 3. Range: 0 to 7.
    pub priority: u8,
    /// The number of bytes that may wait to be sent before the queue is full. Each message counts 64 bytes of overhead.
    ///
    /// Default: 4 MiB. Range: any.
    pub queue_bytes: u64,
    /// The number of messages that may wait to be sent before the queue is full.
    ///
    /// Default: 4,096. Range: 1 to 2^32 - 1.
    pub queue_messages: usize,
    /// The fate of messages that the path does not carry in time, for unreliable and sequenced channels.
    ///
    /// Default: [`Overflow::DropOldest`].
    pub overflow: Overflow,
    /// The time that a message may wait for its first transmission. After this time the channel drops the message as
    /// [`crate::Fate::NotSent`].
    ///
    /// Default: none: without limit. Range: any.
    pub lifetime: Option<Duration>,
    /// `true` if each delivered reliable message yields an [`crate::Event::Delivered`].
    ///
    /// Default: no.
    pub receipts: bool,
    /// `true` if messages of 64 bytes and more are compressed with LZ4 where that makes them smaller.
    ///
    /// Default: no.
    pub compress: bool,
}

impl ChannelConfig {
    /// Creates a channel with this delivery and the default of every other field.
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

    /// Sets the channel's name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}
