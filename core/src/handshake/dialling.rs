//! Types that pass between a dialer and its owner.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::parameters::Parameters;
use super::ticket::Ticket;
use super::welcome::SessionOutcome;
use crate::crypto::{Key, Secret, SessionKeys};
use crate::drop::DropReason;
use crate::event::Refusal;
use crate::schema::Schema;
use crate::time::Span;

/// The servers that an attempt trusts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ServerKey {
    /// This public key. Only the server that holds the matching secret can accept the attempt.
    Pinned(Key),
    /// The key of the server that answers first. An attacker on the path can be that server.
    Any,
}

/// The credential with which a client asks to be accepted.
#[derive(Clone)]
pub(crate) enum Credential {
    /// No credential.
    Open,
    /// A ticket. The ticket names the server's key, so [`ServerKey::Any`] needs no query.
    Ticket(Ticket),
    /// A resume ticket from a TICKET frame, and the key derived for it.
    Resume { sealed: Vec<u8>, psk: Secret, expiry: u64 },
    /// A key from the signalling server, with the public keys of both ends. The peer's key is the trusted key.
    Peer { psk: Secret, local_key: Key, peer_key: Key },
}

/// The settings of an attempt to connect.
pub(crate) struct DialSetup {
    pub(crate) application: u64,
    /// The connection id to which the server must send.
    pub(crate) local_id: u32,
    pub(crate) server_key: ServerKey,
    pub(crate) credential: Credential,
    pub(crate) parameters: Parameters,
    pub(crate) schema: Schema,
    /// `true` if Hellos are padded to 1200 bytes, as on UDP.
    pub(crate) padded: bool,
    /// `true` if every message arrives. Messages are then repeated only every 2 s.
    pub(crate) reliable: bool,
    pub(crate) timeout: Span,
}

/// The effect of a datagram on an attempt.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The datagram had no effect.
    Ignored(DropReason),
    /// The datagram changes only the hints that `CloseReason::ConnectTimedOut` contains if the attempt times out.
    Noted,
    /// The attempt continues, and a message may be due.
    Progress,
    /// The server accepts this end, and waits for the first data packet.
    Accepted(Box<Accepted>),
    /// The server refuses this end.
    Refused(Refusal),
}

/// A handshake that succeeded.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The connection id that the server chose for packets to itself.
    pub(crate) remote_id: u32,
    pub(crate) keys: SessionKeys,
    /// The parameters of the server.
    pub(crate) parameters: Parameters,
    pub(crate) session: SessionOutcome,
    /// The key whose possession the server proved.
    pub(crate) server_key: Key,
}
