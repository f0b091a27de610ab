//! The configuration of a channel.

use alloc::borrow::Cow;
use core::fmt;
use core::time::Duration;

/// The delivery guarantee of a channel's messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Delivery {
    /// The sender sends each message once. The message may be lost or arrive out of order, but arrives at most once.
    Unreliable,
    /// The sender sends each message once. The receiver drops a message that is older than the newest message received.
    Sequenced,
    /// Each message arrives exactly once, in any order.
    ReliableUnordered,
    /// Each message arrives exactly once, in the order of sending.
    #[default]
    ReliableOrdered,
}

impl Delivery {
    /// Returns the name of the delivery guarantee in attributes and reports: lower case, words joined by hyphens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreliable => "unreliable",
            Self::Sequenced => "sequenced",
            Self::ReliableUnordered => "reliable-unordered",
            Self::ReliableOrdered => "reliable-ordered",
        }
    }

    /// Returns `true` if each message arrives, provided that the session survives.
    pub(crate) const fn is_reliable(self) -> bool {
        matches!(self, Self::ReliableUnordered | Self::ReliableOrdered)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The rule for unreliable and sequenced messages when a game sends more messages than the path carries. Reliable
/// messages always wait in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Overflow {
    /// The channel drops its oldest messages. Of the messages that the path delays, an unreliable channel keeps the
    /// messages queued within the most recent [`crate::limits::STALE_AFTER`] (100 ms), and a sequenced channel keeps
    /// the newest message. Both kinds of channel keep their newest message regardless of its age. A full queue drops
    /// its oldest messages and accepts the new message.
    ///
    /// Each dropped message counts in [`crate::stats::ChannelSent::dropped`], and its status is [`crate::Fate::NotSent`].
    /// Before the first acknowledgement of the connection, the channel drops no message unless the bandwidth of the
    /// connection is limited. The channel finishes sending a message of which a part was sent, unless the path holds
    /// back the rest for more than [`crate::limits::UNRELIABLE_PATIENCE`] (5 s).
    #[default]
    DropOldest,
    /// All messages wait in the order of sending, and a full queue returns the new message as
    /// [`crate::error::SendError::Full`]. On a path that is slower than the game, the age of delivered messages grows
    /// without limit, unless [`ChannelConfig::lifetime`] bounds their wait.
    Queue,
}

/// The configuration of one channel that every connection of an endpoint has. Both ends must configure the same
/// delivery and compression. Each end chooses the other settings for itself.
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
    /// The name that message types and calls may use instead of the channel's number ([`crate::Route::Named`]). Each
    /// channel of an endpoint needs a different name. The handshake neither sends nor compares the names, so each end
    /// chooses its own names.
    ///
    /// Default: none.
    pub name: Option<Cow<'static, str>>,
    /// The delivery guarantee of the channel's messages, as passed to [`ChannelConfig::new`].
    pub delivery: Delivery,
    /// The priority of the channel. Channels that compete for bandwidth share the bandwidth in proportion to the weight
    /// 2^priority.
    ///
    /// Default: 3. Range: 0 to 7.
    pub priority: u8,
    /// The largest number of bytes that may wait in the channel's queue. Each message counts its size plus 64 bytes of
    /// overhead. An empty queue accepts one message of any size.
    ///
    /// Default: 4 MiB. Range: any.
    pub queue_bytes: u64,
    /// The largest number of messages that may wait in the channel's queue. With [`Self::receipts`], a delivered message
    /// counts until the application has taken its [`crate::Event::Delivered`].
    ///
    /// Default: 4,096. Range: 1 to 2^32 - 1.
    pub queue_messages: usize,
    /// The rule for unreliable and sequenced messages that the path does not carry in time.
    ///
    /// Default: [`Overflow::DropOldest`].
    pub overflow: Overflow,
    /// The longest time that a message may wait for its first transmission. After this time the channel drops the message, whose
    /// status is then [`crate::Fate::NotSent`].
    ///
    /// Default: none, which sets no limit. Range: any.
    pub lifetime: Option<Duration>,
    /// `true` if the endpoint reports an [`crate::Event::Delivered`] for each delivered reliable message.
    ///
    /// Default: no.
    pub receipts: bool,
    /// `true` if the channel compresses messages with LZ4. The channel sends a message uncompressed if it has less than
    /// 64 bytes or more than [`crate::limits::COMPRESS_MAX`] bytes, or if compression does not make it smaller.
    ///
    /// Default: no.
    pub compress: bool,
}

impl ChannelConfig {
    /// Creates a channel with the guarantee `delivery` and the default of every other field.
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

    /// Sets the channel's name, and returns the changed configuration.
    #[must_use]
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}
