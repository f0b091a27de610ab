//! Counters of connections and channels.

use core::time::Duration;

use crate::handshake::RESUME_TICKET_LIFE;

/// Datagrams and bytes of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Traffic {
    datagrams_sent: u64,
    datagrams_received: u64,
    bytes_sent: u64,
    bytes_received: u64,
    pub(crate) datagrams_lost: u64,
}

impl Traffic {
    pub(crate) const fn on_sent(&mut self, bytes: u64) {
        self.datagrams_sent += 1;
        self.bytes_sent += bytes;
    }

    pub(crate) const fn on_received(&mut self, bytes: u64) {
        self.datagrams_received += 1;
        self.bytes_received += bytes;
    }
}

/// Counters and measurements of one connection, since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// Datagrams sent, handshake included.
    pub datagrams_sent: u64,
    /// Authentic datagrams received.
    pub datagrams_received: u64,
    /// Datagrams declared lost.
    pub datagrams_lost: u64,
    /// Bytes sent in datagrams, IP and UDP headers not included.
    pub bytes_sent: u64,
    /// Bytes received in authentic datagrams.
    pub bytes_received: u64,
    /// The smoothed round-trip time.
    pub rtt: Duration,
    /// The last round-trip time measured.
    pub rtt_latest: Duration,
    /// The least round-trip time measured on this path.
    pub rtt_least: Option<Duration>,
    /// The mean deviation of the round-trip time.
    pub jitter: Duration,
    /// Bytes sent and neither acknowledged nor lost.
    pub bytes_in_flight: u64,
    /// Bytes that may be in flight.
    pub congestion_window: u64,
    /// Bytes per second that the path carries for long, as far as known; `u64::MAX` where nothing limits them.
    pub rate: u64,
    /// The largest datagram that is sent, in bytes: the largest that the path was found to carry (RFC 8899).
    pub max_datagram: usize,
    /// Whether the path was found to report congestion by marks (RFC 3168).
    pub ecn: bool,
    /// Bytes in the send queues, overhead included.
    pub queued_bytes: u64,
    /// Time since the connection was made.
    pub uptime: Duration,
}

impl ConnectionStats {
    pub(crate) fn new(traffic: &Traffic, uptime: Option<Duration>) -> Self {
        Self {
            datagrams_sent: traffic.datagrams_sent,
            datagrams_received: traffic.datagrams_received,
            datagrams_lost: traffic.datagrams_lost,
            bytes_sent: traffic.bytes_sent,
            bytes_received: traffic.bytes_received,
            uptime: uptime.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Datagrams lost, in thousandths of those sent; 0 if none was sent.
    #[must_use]
    pub const fn loss_permille(&self) -> u64 {
        match self.datagrams_lost.saturating_mul(1000).checked_div(self.datagrams_sent) {
            Some(permille) => permille,
            None => 0,
        }
    }
}

/// Counters of one channel of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChannelStats {
    /// Our messages on it.
    pub sent: ChannelSent,
    /// The peer's messages on it.
    pub received: ChannelReceived,
}

/// Counters of the messages sent on one channel.
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
    /// Frames that repeated lost data.
    pub repeated: u64,
    /// Frames that carried part of a message.
    pub fragments: u64,
    /// Reliable messages delivered.
    pub delivered: u64,
    /// Messages whose lifetime passed before they were sent.
    pub expired: u64,
    /// Unreliable messages that gave way to newer ones because the path took less than was sent.
    pub dropped: u64,
    /// Messages handed back because the queue was full.
    pub full: u64,
}

/// Counters of the messages received on one channel.
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

/// How the tickets that clients showed looked to this endpoint's wall clock. A clock that is wrong shows here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct TicketCounts {
    /// Clients refused because their ticket had expired, repetitions not counted.
    pub expired: u64,
    /// How long ago the last of those tickets had expired.
    pub expired_by: Duration,
    /// Resume tickets that are good for longer than any that this endpoint seals: its wall clock showed a later time when it
    /// sealed them. Counted when the session is lost.
    pub from_the_future: u64,
    /// How much later the clock showed when the last of them was sealed, at least.
    pub ahead_by: Duration,
}

impl TicketCounts {
    /// Takes note of a resume ticket that is good for `left_us` microseconds more.
    pub(crate) fn note_life(&mut self, left_us: u64) {
        let ahead = Duration::from_micros(left_us).saturating_sub(RESUME_TICKET_LIFE);
        // Small corrections of the clock are not worth a word.
        if ahead >= Duration::from_secs(60) {
            self.from_the_future = self.from_the_future.saturating_add(1);
            self.ahead_by = ahead;
        }
    }
}
