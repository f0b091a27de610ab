//! Counters for whoever watches.

/// What one channel of one connection did so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChannelStats {
    /// Our messages on it.
    pub sent: ChannelSent,
    /// The peer's messages on it.
    pub received: ChannelReceived,
}

/// What became of the messages sent on one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ChannelSent {
    /// Messages waiting for their first transmission, now.
    pub queued: u64,
    /// Bytes of those messages, with [`crate::limits::MESSAGE_OVERHEAD`] each, now.
    pub queued_bytes: u64,
    /// Reliable messages begun and not yet acknowledged, now.
    pub in_flight: u64,
    /// Messages begun.
    pub messages: u64,
    /// Bytes of MESSAGE frames written, headers and repetitions included.
    pub bytes: u64,
    /// Frames that repeated what was lost.
    pub repeated: u64,
    /// Frames that carried part of a message.
    pub fragments: u64,
    /// Reliable messages delivered.
    pub delivered: u64,
    /// Messages whose lifetime passed before they were sent.
    pub expired: u64,
    /// Messages handed back because the queue was full.
    pub full: u64,
}

/// What became of the messages received on one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ChannelReceived {
    /// Messages given to the application.
    pub messages: u64,
    /// Bytes of those messages.
    pub bytes: u64,
    /// Frames of reliable messages that were received before.
    pub duplicates: u64,
    /// Frames of sequenced messages older than the newest.
    pub stale: u64,
    /// Unreliable messages that gave way to newer ones because the application took none.
    pub dropped: u64,
    /// Unreliable messages given up in reassembly, for lack of room or time.
    pub abandoned: u64,
}
