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
    /// Datagrams sent in all, those of the handshake included.
    pub datagrams_sent: u64,
    /// Authentic datagrams received in all.
    pub datagrams_received: u64,
    /// Datagrams declared lost in all.
    pub datagrams_lost: u64,
    /// Bytes sent in datagrams in all, IP and UDP headers not included.
    pub bytes_sent: u64,
    /// Bytes received in authentic datagrams in all, IP and UDP headers not included.
    pub bytes_received: u64,
    /// The smoothed round-trip time (RFC 9002 section 5.3).
    pub rtt: Duration,
    /// The latest measured round-trip time.
    pub rtt_latest: Duration,
    /// The least round-trip time measured on the current path.
    pub rtt_least: Option<Duration>,
    /// The mean deviation of the round-trip time.
    pub jitter: Duration,
    /// Bytes sent and neither acknowledged nor lost, now.
    pub bytes_in_flight: u64,
    /// The congestion window: bytes that may be in flight, now.
    pub congestion_window: u64,
    /// The long-term rate of the path as far as known, in bytes per second; `u64::MAX` where no rate is limited.
    pub rate: u64,
    /// The largest datagram that the endpoint sends, in bytes: the largest that the path was found to carry (RFC 8899).
    pub max_datagram: usize,
    /// Whether the path was found to report congestion by marks (RFC 3168).
    pub ecn: bool,
    /// Bytes in the send queues, now, with [`crate::limits::MESSAGE_OVERHEAD`] for each message.
    pub queued_bytes: u64,
    /// The time since the connection was made.
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

    /// Lost datagrams in thousandths of the datagrams sent; 0 if none was sent.
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
    /// Counters of the messages that this end sent on the channel.
    pub sent: ChannelSent,
    /// Counters of the messages that the peer sent on the channel.
    pub received: ChannelReceived,
}

/// Counters of the messages sent on one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ChannelSent {
    /// Messages waiting for their first transmission, now.
    pub queued: u64,
    /// Bytes of the messages waiting for their first transmission, with [`crate::limits::MESSAGE_OVERHEAD`] for
    /// each, now.
    pub queued_bytes: u64,
    /// Reliable messages sent at least in part and not yet acknowledged in full, now.
    pub in_flight: u64,
    /// Messages sent at least in part.
    pub messages: u64,
    /// Bytes of MESSAGE frames written, headers and repetitions included.
    pub bytes: u64,
    /// Frames that resent lost data.
    pub repeated: u64,
    /// Frames that carried part of a message.
    pub fragments: u64,
    /// Reliable messages that the peer's core has received.
    pub delivered: u64,
    /// Messages whose lifetime passed before they were sent.
    pub expired: u64,
    /// Unreliable messages that gave way to newer messages because the path was slower than the game.
    pub dropped: u64,
    /// Messages handed back to the caller because the queue was full.
    pub full: u64,
}

/// Counters of the messages received on one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ChannelReceived {
    /// Messages passed to the application.
    pub messages: u64,
    /// Bytes of the messages passed to the application.
    pub bytes: u64,
    /// Frames of reliable messages that were received before.
    pub duplicates: u64,
    /// Frames of sequenced messages that were older than the newest.
    pub stale: u64,
    /// Unreliable messages that gave way to newer messages because the application took none.
    pub dropped: u64,
    /// Unreliable messages dropped in reassembly, for lack of room or time.
    pub abandoned: u64,
}

/// Counts of client tickets whose expiry shows that the endpoint's wall clock may be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct TicketCounts {
    /// Clients refused because their ticket had expired. Repeated attempts with the same ticket count once.
    pub expired: u64,
    /// The time since the expiry of the latest expired ticket, when it was presented.
    pub expired_by: Duration,
    /// Resume tickets that are valid for longer than any that this endpoint seals, so its wall clock was ahead when it
    /// sealed them. Tickets of a lost session count.
    pub from_the_future: u64,
    /// The least amount by which the wall clock was ahead when the latest of the tickets from the future was sealed.
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
