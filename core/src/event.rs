//! Events that the core reports to its caller.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::address::Address;
use crate::crypto::PublicKey;
use crate::schema::SchemaDifference;
use crate::text::PeerText;

slotmap::new_key_type! {
    /// A connection of one endpoint. Keys are never reused; an old one finds nothing.
    pub struct ConnectionId;
}

/// A channel, by its place in [`crate::Config::channels`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChannelId(pub u8);

/// A message, counted from 0 per connection and channel in the order of `send`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId(pub u64);

/// The identity of a peer, as the ticket, the authenticator, or the resumed session gives it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeerInfo {
    /// The identity that the ticket carries; zeros for a client without one.
    pub identity: [u8; 16],
    /// The bytes that the backend put into the ticket for the server.
    pub user_data: Bytes,
}

/// The fate of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fate {
    /// Waiting to be sent for the first time.
    Queued,
    /// Sent at least once, not yet acknowledged.
    InFlight,
    /// Taken into the peer core's event queue. No stronger promise is possible, since the peer may die.
    Delivered,
    /// Never sent: the connection ended first, its lifetime passed, or it gave way to newer messages.
    NotSent,
    /// Sent, but the connection ended before an acknowledgement came: it may have arrived.
    Unknown,
}

/// A reliable message whose delivery the peer had not confirmed when its connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Unconfirmed {
    /// Its channel.
    pub channel: ChannelId,
    /// Its number, as `send` returned it.
    pub message: MessageId,
    /// [`Fate::NotSent`], or [`Fate::Unknown`] if it may have arrived.
    pub fate: Fate,
}

/// Why a server does not let a client in.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// All places are taken.
    Full,
    /// The client's address (IPv4, or IPv6 /64) has as many clients already as one address may have.
    TooManyFromAddress,
    /// This identity is not welcome.
    Banned,
    /// The ticket was valid once.
    Expired,
    /// The server ended the session that this client wants to resume, and the notice of it was lost on the way. Another
    /// ticket may let it in.
    SessionEnded,
    /// The two ends were built from different message types.
    Schema(SchemaDifference),
    /// The authenticator's own reason.
    Other {
        /// The game's code.
        code: u16,
        /// Text for a person.
        text: PeerText,
    },
}

/// Why a connection ended, or was never made.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// This end called `close`.
    Local {
        /// The code given to `close`.
        code: u16,
    },
    /// The peer closed it.
    Peer {
        /// The peer's code.
        code: u16,
        /// The peer's text.
        text: PeerText,
    },
    /// Nothing was heard for the idle timeout, and the resume window passed too.
    TimedOut,
    /// No answer within the connect timeout.
    ConnectTimedOut {
        /// The protocol version that the far end hinted at, if it differs from ours. Unauthenticated.
        version_hint: Option<u8>,
        /// Whether small datagrams reach the far end and come back, and none of 1200 bytes does, which a handshake takes: the path
        /// carries less than that, as some tunnels and VPNs do. Another network, or a larger MTU of the tunnel, helps.
        /// Unauthenticated.
        narrow_path: bool,
        /// The key of a server that answers there, if it is another one than the pinned one, or the ticket's. Unauthenticated:
        /// nothing proves whose it is.
        key_hint: Option<PublicKey>,
    },
    /// The path changed, to a tunnel's say, and carries less than it has to: smaller datagrams pass, and none of `least` bytes.
    /// Another network, or a larger MTU of the tunnel, helps.
    PathTooNarrow {
        /// Bytes of the smallest datagram that a path has to carry whole, without the headers of IP and UDP: 700, or 1200 for a
        /// connection that was lost and could not be made again because its handshake takes that (which is not authenticated).
        least: u16,
    },
    /// The server refused.
    Refused(Refusal),
    /// The peer restarted or forgot the session; a new connection takes its place.
    SessionLost,
    /// Another connection took its place: peers that share a pair of keys have one connection, the one that was dialled last;
    /// in a full server, a client whose connection no longer answers gives its place to the next one with its identity.
    Replaced,
    /// The peer broke the protocol.
    Violation(Violation),
    /// The keys are worn out: too many forged packets were seen.
    KeysExhausted,
    /// The link under the connection was closed by the driver.
    LinkClosed,
    /// The driver gave up before the core could: it found no address, or its socket failed. The core itself never says this.
    Driver {
        /// The driver's words, for a person.
        text: String,
    },
}

/// A breach of the protocol by a peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// A frame inside an authentic packet does not parse.
    MalformedFrame,
    /// An acknowledgement of a packet that was never sent.
    AcknowledgedUnsent,
    /// A channel that is not configured, or a frame that its mode does not allow.
    BadChannel,
    /// A message larger than agreed.
    MessageTooLarge,
    /// More data than granted.
    CreditExceeded,
    /// A fragment outside its message, or one that contradicts an earlier one.
    BadFragment,
    /// Resume state that contradicts what was sent.
    BadResume,
    /// A compressed message that does not unpack to what it claims.
    InvalidMessages,
}

/// An event that an endpoint reports. Of a connection, `Connected` comes before all else, `Closed` last and once.
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
///                 println!("over: {reason:?}; {not_sent} messages were not sent");
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
    /// A connection is usable: one that this end dialled, or one that it accepted.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// Where its peer is.
        address: Address,
        /// The identity of its peer.
        peer: PeerInfo,
        /// The connection that this one takes the place of, if the server lost its session.
        replaces: Option<ConnectionId>,
    },
    /// A message arrived.
    Message {
        /// Its connection.
        connection: ConnectionId,
        /// Its channel.
        channel: ChannelId,
        /// Its bytes.
        data: Bytes,
    },
    /// A reliable message was delivered (only on channels that ask for receipts).
    Delivered {
        /// Its connection.
        connection: ConnectionId,
        /// Its channel.
        channel: ChannelId,
        /// Its number.
        message: MessageId,
    },
    /// A channel whose queue was full takes messages again.
    SendReady {
        /// Its connection.
        connection: ConnectionId,
        /// The channel.
        channel: ChannelId,
    },
    /// The peer fell silent; its session waits for it to come back.
    Interrupted {
        /// The connection.
        connection: ConnectionId,
    },
    /// The session continues, on fresh keys.
    Resumed {
        /// The connection.
        connection: ConnectionId,
        /// Where its peer is now.
        address: Address,
    },
    /// The peer was found at another address, and proved that it is there.
    Moved {
        /// The connection.
        connection: ConnectionId,
        /// Where its peer is now.
        address: Address,
    },
    /// The rate that the path carries changed by a quarter or more since this event was last reported, or since the
    /// first acknowledgement, and a quarter of the rate is in use. A game may adapt how much it sends; for each tick,
    /// `Endpoint::grant` is more exact.
    RateChanged {
        /// The connection.
        connection: ConnectionId,
        /// The rate that the path carries now, in bytes per second.
        bytes_per_second: u64,
    },
    /// The connection is over, and this is its last event. Its statistics can be asked for until the peer has heard of
    /// it too, for some seconds at most; after that its id finds nothing.
    Closed {
        /// The connection. A driver that reports an attempt to connect that failed, or its own end, uses the null id,
        /// `ConnectionId::default()`: there never was a connection that the game knew.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
        /// The reliable messages that are not known to be delivered, in order of channel and number. Each end's CLOSE confirms
        /// what it received.
        unconfirmed: Vec<Unconfirmed>,
    },
}

impl Event {
    /// The connection that it is about.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        match self {
            Self::Connected { connection, .. }
            | Self::Message { connection, .. }
            | Self::Delivered { connection, .. }
            | Self::SendReady { connection, .. }
            | Self::Interrupted { connection }
            | Self::Resumed { connection, .. }
            | Self::Moved { connection, .. }
            | Self::RateChanged { connection, .. }
            | Self::Closed { connection, .. } => *connection,
        }
    }
}
