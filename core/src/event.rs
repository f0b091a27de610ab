//! Events that the core reports to its caller.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::address::Address;
use crate::crypto::PublicKey;
use crate::schema::SchemaDifference;
use crate::snapshot::Changes;
use crate::text::PeerText;

slotmap::new_key_type! {
    /// The id of a connection of one endpoint. Ids are never reused, so the id of an ended connection never refers to
    /// another connection.
    pub struct ConnectionId;
}

/// The number of a channel: the index of the channel in [`crate::Config::channels`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChannelId(pub u8);

/// The number of a message: 0 for the first message that `send` accepted on a channel of a connection, 1 for the
/// second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId(pub u64);

/// The identity of a peer, from its ticket, the authenticator, or the resumed session.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeerInfo {
    /// The identity from the peer's ticket, or from the authenticator's [`crate::Admission::AcceptAs`]. The identity of an
    /// expected peer ([`crate::Endpoint::expect_peer`]) that dialled this endpoint is the first 16 bytes of its public
    /// key. Every other identity is all zeros.
    pub identity: [u8; 16],
    /// The bytes that the backend put into the ticket for the server, or that the authenticator set.
    pub user_data: Bytes,
}

/// The delivery status of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fate {
    /// The message waits for its first transmission.
    Queued,
    /// At least a part of the reliable message was sent, and the peer has not acknowledged the whole message. On an
    /// ordered channel, an acknowledged message keeps this status until all earlier messages are acknowledged.
    InFlight,
    /// The peer's core has received the whole reliable message and, on an ordered channel, all earlier messages. The
    /// peer's application may not have processed the message yet.
    Delivered,
    /// The message was never sent, because the connection ended, the message's lifetime ended, or newer messages replaced
    /// the message.
    NotSent,
    /// The message was sent, and the peer may have received it. Unreliable and sequenced messages have this status from
    /// their first transmission on, because the endpoint does not track their acknowledgements. A reliable message has
    /// this status if the connection ended before an acknowledgement arrived.
    Unknown,
}

/// A reliable message whose delivery the peer had not confirmed when its connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Unconfirmed {
    /// The channel of the message.
    pub channel: ChannelId,
    /// The number of the message, as `send` returned it.
    pub message: MessageId,
    /// The status of the message: [`Fate::NotSent`], or [`Fate::Unknown`] if the message may have arrived.
    pub fate: Fate,
}

/// The reason why a server refuses a client.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The server already has its maximum number of connections.
    Full,
    /// The client's address (IPv4, or IPv6 /64) already has the largest number of clients that one address may have.
    TooManyFromAddress,
    /// The server's authenticator has banned the client, for example its identity or its address.
    Banned,
    /// The ticket has expired.
    Expired,
    /// The server ended the session that this client wants to resume, and the CLOSE frame was lost; or the server no
    /// longer knows whether it ended the session ([`crate::limits::ENDED_SESSIONS`]). The server may accept the client
    /// with a different ticket.
    SessionEnded,
    /// The two ends have different message types, components or channels.
    Schema(SchemaDifference),
    /// The authenticator refused the client for a reason that the game defines.
    Other {
        /// The reason code, which the game defines.
        code: u16,
        /// The reason as text for a person.
        text: PeerText,
    },
}

/// The reason why a session could not be moved to another path.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ResumeOverFailure {
    /// The server did not answer over the path within the timeout of the connection's attempts.
    TimedOut,
    /// The server refused the attempt.
    Refused(Refusal),
    /// The server that answered does not have the session, for example because the server was restarted.
    SessionLost,
}

/// The reason why a connection ended, or why an attempt to connect failed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// This end called `close`.
    Local {
        /// The code that this end passed to `close`.
        code: u16,
    },
    /// The peer closed the connection.
    Peer {
        /// The code that the peer passed to `close`.
        code: u16,
        /// The text that the peer passed to `close`.
        text: PeerText,
    },
    /// No packet from the peer arrived within the idle timeout, and the connection was not resumed within the resume
    /// window, or within `reconnect_for` at the dialling end. Also reported if the address of a new client was not
    /// validated within [`crate::limits::UNVALIDATED_FOR`] (5 s).
    TimedOut,
    /// The server neither accepted nor refused the attempt to connect within the connect timeout.
    ConnectTimedOut {
        /// The protocol version that an answer of the peer indicated, if the version differs from this end's version.
        /// The answer is not authenticated.
        version_hint: Option<u8>,
        /// `true` if the peer answers small datagrams, but no datagram of 1200 bytes, which a handshake needs. The path
        /// MTU is too small, as in some tunnels and VPNs. To fix this, use a different network or raise the tunnel's MTU.
        /// The answers are not authenticated.
        narrow_path: bool,
        /// The public key of the server that answers at this address, if it differs from the pinned key or the ticket's
        /// key. The hint is not authenticated, because the answer does not prove possession of the key.
        key_hint: Option<PublicKey>,
    },
    /// The path changed (for example, to a path through a tunnel), and its MTU is now too small for a datagram of
    /// `least` bytes. To fix this, use a different network or raise the tunnel's MTU.
    PathTooNarrow {
        /// The size of the smallest datagram that a path must carry unfragmented, in bytes without IP and UDP headers:
        /// 700, or 1200 for an interrupted connection that could not reconnect, because a handshake needs 1200. In the
        /// second case, the answers that showed the small MTU are not authenticated.
        least: u16,
    },
    /// The server refused the client.
    Refused(Refusal),
    /// The server restarted, or no longer has the session. A new connection replaces this connection, unless the game
    /// had already asked to close it.
    SessionLost,
    /// A newer connection replaced this connection. Two peers that share a pair of keys have one connection: the
    /// connection that was dialled most recently. In a full server, a new client replaces a connection of the same identity
    /// whose client no longer answers.
    Replaced,
    /// The peer broke the protocol.
    Violation(Violation),
    /// Under the connection's keys, [`crate::limits::FAILED_OPENS`] packets have failed authentication (RFC 9001 section 6.6).
    KeysExhausted,
    /// The driver closed the link that carried the connection, and the session cannot be resumed over another link.
    LinkClosed,
    /// The driver ended the attempt or the connection, because the driver found no address, or its socket failed. The
    /// core itself never reports this reason.
    Driver {
        /// The driver's reason as text for a person.
        text: String,
    },
}

/// A breach of the protocol by a peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// A frame inside an authentic packet does not parse.
    MalformedFrame,
    /// An ACK frame acknowledges a packet that was never sent.
    AcknowledgedUnsent,
    /// A frame has the number of a channel that is not configured, or a form that its channel's delivery does not allow.
    BadChannel,
    /// A message is larger than both ends agreed to.
    MessageTooLarge,
    /// The peer sent more reliable data than its flow-control credit allows.
    CreditExceeded,
    /// A fragment extends beyond the end of its message, or contradicts an earlier fragment.
    BadFragment,
    /// A RESUME frame arrived although the session was not resumed, or contradicts the messages that this end sent.
    BadResume,
    /// A message on a compressed channel has an unknown format, declares an impossible length, or does not decompress
    /// to its declared length.
    InvalidMessages,
    /// The peer sent eight invalid snapshot frames, or sent a snapshot frame although it may not send snapshots.
    BadSnapshot,
}

/// An event that an endpoint reports. The first event of an established connection is `Connected`. The final event of
/// every connection is `Closed`, which is reported once.
///
/// ```
/// use tickwire_core::{Endpoint, Event, Fate};
///
/// fn take_events(endpoint: &mut Endpoint) {
///     while let Some(event) = endpoint.poll_event() {
///         match event {
///             Event::Connected { connection, address, .. } => println!("{connection:?} from {address}"),
///             Event::Message { channel, data, .. } => println!("{} bytes on channel {}", data.len(), channel.0),
///             Event::Closed { reason, unconfirmed, .. } => {
///                 let not_sent = unconfirmed.iter().filter(|message| message.fate == Fate::NotSent).count();
///                 println!("closed: {reason:?}; {not_sent} messages were not sent");
///             }
///             // Interrupted, Resumed, SendReady, Delivered, Moved, RateChanged, and events of later versions.
///             _ => {}
///         }
///     }
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection that this end dialled or accepted is ready to carry messages.
    Connected {
        /// The connection that is ready.
        connection: ConnectionId,
        /// The address of the connection's peer.
        address: Address,
        /// The identity of the connection's peer.
        peer: PeerInfo,
        /// The earlier connection that this connection replaces, if the server lost the session.
        replaces: Option<ConnectionId>,
    },
    /// A message arrived from the peer.
    Message {
        /// The connection that the message arrived on.
        connection: ConnectionId,
        /// The channel that the message arrived on.
        channel: ChannelId,
        /// The bytes of the message.
        data: Bytes,
    },
    /// The peer's core has received a reliable message. Only channels with [`crate::ChannelConfig::receipts`] report this
    /// event.
    Delivered {
        /// The connection of the delivered message.
        connection: ConnectionId,
        /// The channel of the delivered message.
        channel: ChannelId,
        /// The number of the delivered message, as `send` returned it.
        message: MessageId,
    },
    /// A channel whose queue was full accepts messages again.
    SendReady {
        /// The connection of the channel.
        connection: ConnectionId,
        /// The channel that accepts messages again.
        channel: ChannelId,
    },
    /// No packet from the peer arrived within the idle timeout, or the link of the connection closed. The endpoint keeps
    /// the session, so the session can be resumed.
    Interrupted {
        /// The connection that was interrupted.
        connection: ConnectionId,
    },
    /// A session continues with new keys, over the same path or over another one: after an interruption, or because the
    /// dialling end moved the session ([`Endpoint::resume_over`](crate::Endpoint::resume_over)).
    Resumed {
        /// The connection that continues.
        connection: ConnectionId,
        /// The peer's address from now on.
        address: Address,
    },
    /// An attempt to move a session to another path failed ([`Endpoint::resume_over`](crate::Endpoint::resume_over)).
    /// The session continues over its present path.
    ResumeOverFailed {
        /// The connection that continues.
        connection: ConnectionId,
        /// The address that the attempt dialled.
        address: Address,
        /// The reason of the failure.
        failure: ResumeOverFailure,
    },
    /// The peer migrated to a new address, and has proved that it receives datagrams there (RFC 9000 section 9).
    Moved {
        /// The connection whose peer migrated.
        connection: ConnectionId,
        /// The peer's new address.
        address: Address,
    },
    /// A replicated world changed. If the application polls its events late, one event contains the changes of several
    /// ticks, with the newest value of each component that changed.
    Snapshot {
        /// The connection that the changes arrived on.
        connection: ConnectionId,
        /// The changes. Pass them to [`Endpoint::recycle`](crate::Endpoint::recycle) to reuse their memory.
        changes: Box<Changes>,
    },
    /// All entities that were in the connection's view of a world when the view began have arrived, and
    /// [`Self::Snapshot`] events have reported them. A client that has just joined can show the world now.
    ViewComplete {
        /// The connection on which the world arrives.
        connection: ConnectionId,
    },
    /// The estimated rate that the path carries differs by more than a quarter from the rate in the previous event of
    /// this kind, or, before the first such event, from the first estimate. The endpoint reports the event only while
    /// the connection uses at least a quarter of the lower of the two rates, at most once per RTT and per 100 ms. A game
    /// may adapt its sending rate to this event. `Endpoint::grant` returns a more exact budget for each tick.
    RateChanged {
        /// The connection whose path changed its rate.
        connection: ConnectionId,
        /// The present estimate of the rate that the path carries, in bytes per second.
        bytes_per_second: u64,
    },
    /// The connection has ended, and no further event for the connection follows. If this end sends a CLOSE frame, the
    /// statistics of the connection stay available until the peer has acknowledged the frame, for at most 10 s. Later
    /// calls with the id of the connection behave like calls with an unknown id.
    Closed {
        /// The connection that ended. A driver that reports a failed attempt to connect, or its own end, uses the null
        /// id, `ConnectionId::default()`, because the game has no id for the connection.
        connection: ConnectionId,
        /// The reason why the connection ended.
        reason: CloseReason,
        /// The reliable messages whose delivery is not confirmed, in order of channel and number. Each end's CLOSE
        /// frame confirms the messages that it received.
        unconfirmed: Vec<Unconfirmed>,
    },
}

impl Event {
    /// Returns the connection that the event is about.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        match self {
            Self::Connected { connection, .. }
            | Self::Message { connection, .. }
            | Self::Delivered { connection, .. }
            | Self::Snapshot { connection, .. }
            | Self::ViewComplete { connection }
            | Self::SendReady { connection, .. }
            | Self::Interrupted { connection }
            | Self::Resumed { connection, .. }
            | Self::ResumeOverFailed { connection, .. }
            | Self::Moved { connection, .. }
            | Self::RateChanged { connection, .. }
            | Self::Closed { connection, .. } => *connection,
        }
    }
}
