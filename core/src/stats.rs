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
    /// The number of datagrams sent, including those of the handshake.
    pub datagrams_sent: u64,
    /// The number of authentic datagrams received.
    pub datagrams_received: u64,
    /// The number of datagrams declared lost.
    pub datagrams_lost: u64,
    /// The number of bytes sent in datagrams, without IP and UDP headers.
    pub bytes_sent: u64,
    /// The number of bytes received in authentic datagrams, without IP and UDP headers.
    pub bytes_received: u64,
    /// The smoothed round-trip time (RFC 9002 section 5.3).
    pub rtt: Duration,
    /// The latest measured round-trip time.
    pub rtt_latest: Duration,
    /// The least round-trip time measured on the current path.
    pub rtt_least: Option<Duration>,
    /// The mean deviation of the round-trip time.
    pub jitter: Duration,
    /// The number of bytes that are in flight now: sent and neither acknowledged nor lost.
    pub bytes_in_flight: u64,
    /// The congestion window, which limits the bytes in flight, in bytes.
    pub congestion_window: u64,
    /// The long-term rate of the path as far as known, in bytes per second. `u64::MAX` if nothing limits the rate.
    pub rate: u64,
    /// The size of the largest datagram that the endpoint sends, in bytes. It is the largest size that the path was
    /// found to carry (RFC 8899).
    pub max_datagram: usize,
    /// `true` if the path was found to report congestion by ECN marks (RFC 3168).
    pub ecn: bool,
    /// The number of bytes in the send queues now, with [`crate::limits::MESSAGE_OVERHEAD`] for each message.
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

    /// Returns the lost datagrams in thousandths of the datagrams sent. Returns 0 if no datagram was sent.
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
    /// The number of messages that wait for their first transmission now.
    pub queued: u64,
    /// The number of bytes of the messages that wait for their first transmission now, with
    /// [`crate::limits::MESSAGE_OVERHEAD`] for each message.
    pub queued_bytes: u64,
    /// The number of reliable messages sent at least in part and not yet acknowledged in full.
    pub in_flight: u64,
    /// The number of messages sent at least in part.
    pub messages: u64,
    /// The number of bytes of MESSAGE frames written, headers and repetitions included.
    pub bytes: u64,
    /// The number of frames that resent lost data.
    pub repeated: u64,
    /// The number of frames that carried part of a message.
    pub fragments: u64,
    /// The number of reliable messages that the peer's core has received.
    pub delivered: u64,
    /// The number of messages whose lifetime passed before they were sent.
    pub expired: u64,
    /// The number of unreliable messages that gave way to newer messages because the path was slower than the game.
    pub dropped: u64,
    /// The number of messages handed back to the caller because the queue was full.
    pub full: u64,
}

/// Counters of the messages received on one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ChannelReceived {
    /// The number of messages passed to the application.
    pub messages: u64,
    /// The number of bytes of the messages passed to the application.
    pub bytes: u64,
    /// The number of received frames whose reliable message had been received before.
    pub duplicates: u64,
    /// The number of received frames whose sequenced message was older than the newest.
    pub stale: u64,
    /// The number of unreliable messages that gave way to newer messages because the application took none.
    pub dropped: u64,
    /// The number of unreliable messages dropped in reassembly, for lack of room or time.
    pub abandoned: u64,
}

/// Counts of client tickets whose expiry shows that the endpoint's wall clock may be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct TicketCounts {
    /// The number of clients refused because their ticket had expired. Repeated attempts with the same ticket count
    /// once.
    pub expired: u64,
    /// The time since the expiry of the latest expired ticket, when it was presented.
    pub expired_by: Duration,
    /// The number of presented resume tickets that are valid for longer than any ticket that this endpoint seals. The
    /// endpoint's wall clock was ahead when it sealed them. Tickets of a lost session count too.
    pub from_the_future: u64,
    /// The least time by which the wall clock was ahead when the latest ticket from the future was sealed.
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
