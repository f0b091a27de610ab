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

/// Which server to trust.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ServerKey {
    /// The one that holds the secret of this public key.
    Pinned(Key),
    /// The key of the server that answers first. An attacker on the path can be that server.
    Any,
}

/// By what to be let in.
#[derive(Clone)]
pub(crate) enum Credential {
    /// Nothing.
    Open,
    /// A ticket; it names the server's key, so [`ServerKey::Any`] asks nobody.
    Ticket(Ticket),
    /// The ticket that a TICKET frame brought, and the key derived for it.
    Resume { sealed: Vec<u8>, psk: Secret, expiry: u64 },
    /// A key from signalling, with the public keys of both ends. The peer's key is the one to trust.
    Peer { psk: Secret, local_key: Key, peer_key: Key },
}

/// The settings of an attempt to connect.
pub(crate) struct DialSetup {
    pub(crate) application: u64,
    /// The connection id that the server shall send to.
    pub(crate) local_id: u32,
    pub(crate) server_key: ServerKey,
    pub(crate) credential: Credential,
    pub(crate) parameters: Parameters,
    pub(crate) schema: Schema,
    /// Whether to pad to 1200 bytes: on UDP.
    pub(crate) padded: bool,
    /// Whether what is sent arrives: then nothing is repeated.
    pub(crate) reliable: bool,
    pub(crate) timeout: Span,
}

/// The effect of a datagram on an attempt.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing.
    Ignored(DropReason),
    /// Something that only words the error should time run out.
    Noted,
    /// The attempt continues; there may be something to send.
    Progress,
    /// The server lets us in. It waits for the first Data.
    Accepted(Box<Accepted>),
    /// The server does not let us in.
    Refused(Refusal),
}

/// A handshake that succeeded.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The connection id that the server chose for itself.
    pub(crate) remote_id: u32,
    pub(crate) keys: SessionKeys,
    /// The parameters of the server.
    pub(crate) parameters: Parameters,
    pub(crate) session: SessionOutcome,
    /// The key that the server proved to hold.
    pub(crate) server_key: Key,
}
