//! Counters of connections and channels.

use core::time::Duration;

use crate::handshake::RESUME_TICKET_LIFE;

/// The numbers of datagrams and bytes of one connection.
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

/// Counters and measurements of one connection, from the start of the connection. While the connection is not
/// established, the measurements of the path are 0, `None` or `false`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// The number of datagrams sent. At the end that dialled, the number includes the datagrams of the handshake.
    pub datagrams_sent: u64,
    /// The number of authentic datagrams received, without the datagrams of the handshake.
    pub datagrams_received: u64,
    /// The number of datagrams declared lost (RFC 9002 section 6), without lost probes of the path MTU.
    pub datagrams_lost: u64,
    /// The number of bytes sent in datagrams, without IP and UDP headers.
    pub bytes_sent: u64,
    /// The number of bytes received in the datagrams that [`Self::datagrams_received`] counts, without IP and UDP headers.
    pub bytes_received: u64,
    /// The smoothed round-trip time (RFC 9002 section 5.3), or 333 ms before the first measurement.
    pub rtt: Duration,
    /// The latest measured round-trip time, including the time by which the peer delayed the acknowledgement,
    /// or 333 ms before the first measurement.
    pub rtt_latest: Duration,
    /// The smallest round-trip time measured on the current path, or `None` before the first measurement.
    pub rtt_least: Option<Duration>,
    /// The mean deviation of the round-trip time (`rttvar` of RFC 9002 section 5.3), or 166.5 ms before the first
    /// measurement.
    pub jitter: Duration,
    /// The number of bytes in flight: bytes of ack-eliciting datagrams that were sent, and neither acknowledged nor
    /// declared lost.
    pub bytes_in_flight: u64,
    /// The congestion window, which limits the bytes in flight, in bytes.
    pub congestion_window: u64,
    /// The estimated send rate that the path can sustain, in bytes per second, or `u64::MAX` if no limit is known.
    pub rate: u64,
    /// The size of the largest datagram that the endpoint sends, in bytes. Path MTU discovery (RFC 8899 section
    /// 5.3) determines the size.
    pub max_datagram: usize,
    /// `true` if ECN validation has shown that the path delivers ECN marks (RFC 9000 section 13.4.2).
    pub ecn: bool,
    /// The number of bytes in the send queues, with [`crate::limits::MESSAGE_OVERHEAD`] for each message.
    pub queued_bytes: u64,
    /// The time since [`crate::Event::Connected`], or zero before this event.
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

    /// Returns the number of lost datagrams per thousand datagrams sent. Returns 0 if no datagram was sent.
    #[must_use]
    pub const fn loss_permille(&self) -> u64 {
        match self.datagrams_lost.saturating_mul(1000).checked_div(self.datagrams_sent) {
            Some(permille) => permille,
            None => 0,
        }
    }
}

/// The counters of one channel of one connection.
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
    /// The number of messages that are queued for their first transmission now.
    pub queued: u64,
    /// The number of bytes of the messages that are queued for their first transmission now, with
    /// [`crate::limits::MESSAGE_OVERHEAD`] for each message.
    pub queued_bytes: u64,
    /// The number of reliable messages of which a part was sent, from the oldest message that is not yet acknowledged in
    /// full. Later messages count even if they are acknowledged.
    pub in_flight: u64,
    /// The number of messages of which at least a part was sent.
    pub messages: u64,
    /// The number of bytes of the MESSAGE frames that were written, including headers and resent frames.
    pub bytes: u64,
    /// The number of MESSAGE frames that resent lost data.
    pub repeated: u64,
    /// The number of MESSAGE frames that carried a fragment of a message.
    pub fragments: u64,
    /// The number of reliable messages that the peer's endpoint has acknowledged in full. Its application may not have
    /// taken these messages yet.
    pub delivered: u64,
    /// The number of messages that were dropped because their lifetime ended before any part of them was sent.
    pub expired: u64,
    /// The number of unreliable or sequenced messages that were dropped because the path was slower than the game:
    /// messages that newer messages displaced, and messages whose remaining fragments the path held back for more than
    /// [`crate::limits::UNRELIABLE_PATIENCE`].
    pub dropped: u64,
    /// The number of messages that were returned to the caller because the queue was full.
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
    /// The number of frames received for a reliable message that had already been received in full.
    pub duplicates: u64,
    /// The number of frames received for a sequenced message that was older than the newest message received.
    pub stale: u64,
    /// The number of unreliable or sequenced messages that were dropped in favour of newer messages, because the
    /// application did not poll its messages in time.
    pub dropped: u64,
    /// The number of unreliable or sequenced messages that were dropped in reassembly, because a limit on reassembly was
    /// reached, fragments were missing after 5 s, a newer sequenced message arrived first, or the session was resumed.
    pub abandoned: u64,
}

/// Counters of presented tickets whose expiry suggests that the endpoint's wall clock is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct TicketCounts {
    /// The number of attempts to connect that were refused because the ticket had expired. Copies of the same Hello count
    /// as one attempt.
    pub expired: u64,
    /// The time from the expiry of the most recently presented expired ticket to its presentation.
    pub expired_by: Duration,
    /// The number of presented resume tickets whose remaining validity exceeds that of any ticket that this endpoint
    /// seals now by 60 s or more. The endpoint's wall clock was ahead when it sealed these tickets. Tickets of a lost
    /// session count too.
    pub from_the_future: u64,
    /// The minimum time by which the wall clock was ahead when the endpoint sealed the latest such resume ticket.
    pub ahead_by: Duration,
}

impl TicketCounts {
    /// Records a resume ticket that is valid for `left_us` more microseconds.
    pub(crate) fn note_life(&mut self, left_us: u64) {
        let ahead = Duration::from_micros(left_us).saturating_sub(RESUME_TICKET_LIFE);
        // Small corrections of the clock are not worth a word.
        if ahead >= Duration::from_secs(60) {
            self.from_the_future = self.from_the_future.saturating_add(1);
            self.ahead_by = ahead;
        }
    }
}
