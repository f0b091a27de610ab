//! The options of an attempt to connect.

use alloc::boxed::Box;
use core::time::Duration;

use crate::crypto::{Key, PublicKey, Secret};
use crate::handshake::{ServerKey, Ticket};

/// The target and the credentials of an attempt to connect.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::ConnectOptions;
///
/// # let server_key = [1; 32];
/// let options = ConnectOptions::new(server_key).timeout(Duration::from_secs(5)).reconnect(false);
/// assert_eq!(options.chosen_timeout(), Some(Duration::from_secs(5)));
/// ```
#[derive(Clone)]
pub struct ConnectOptions {
    pub(super) server_key: ServerKey,
    pub(super) ticket: Option<Ticket>,
    /// The pre-shared key and the static key of a peer.
    pub(super) peer: Option<Box<(Secret, Key)>>,
    pub(super) timeout: Option<Duration>,
    pub(super) reconnect: Option<bool>,
    pub(super) bandwidth: Option<u64>,
}

impl ConnectOptions {
    /// Creates options to connect only to the server that holds the secret of `server_key`. `text.parse::<PublicKey>()`
    /// parses a key from text.
    #[must_use]
    pub fn new(server_key: impl Into<PublicKey>) -> Self {
        Self::trusting(ServerKey::Pinned(server_key.into().to_bytes()))
    }

    const fn trusting(server_key: ServerKey) -> Self {
        Self { server_key, ticket: None, peer: None, timeout: None, reconnect: None, bandwidth: None }
    }

    /// Creates options to connect to any server that answers, with any key. **Anybody on the path can impersonate the
    /// server**: use these options only for development, and on local networks that you trust. The handshake takes one
    /// more round trip. With a ticket, the endpoint instead connects only to the server that the ticket names.
    #[must_use]
    pub fn danger_any_key() -> Self {
        Self::trusting(ServerKey::Any)
    }

    /// Creates options to connect to the peer whose public key is `peer_key`. A signalling server must give both peers the
    /// public keys and the secret `psk`, which only these two peers share.
    #[must_use]
    pub fn peer(psk: impl Into<Secret>, peer_key: impl Into<PublicKey>) -> Self {
        let peer_key = peer_key.into();
        Self { peer: Some(Box::new((psk.into(), peer_key.to_bytes()))), ..Self::new(peer_key) }
    }

    /// Adds a ticket, which gives the client an identity, and returns the changed options. The ticket also saves a round
    /// trip, unless the server has [`crate::Access::Open`] or is under load ([`crate::Config::cookie_threshold`]).
    #[must_use]
    pub fn ticket(mut self, ticket: Ticket) -> Self {
        self.ticket = Some(ticket);
        self
    }

    /// Sets the time after which the attempt to connect fails. Default: the configuration's `connect_timeout`. A timeout
    /// above the default also applies to attempts to reconnect.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Returns the timeout that [`ConnectOptions::timeout`] set, or `None` for the default.
    #[must_use]
    pub const fn chosen_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Limits the send rate of this connection to `bytes_per_second`. A value below 1000 bytes/s is raised to 1000
    /// bytes/s. Default: the configuration's `connection_bandwidth`.
    #[must_use]
    pub const fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bandwidth = Some(bytes_per_second);
        self
    }

    /// Sets whether the endpoint dials again when the connection is interrupted. Default: the configuration's
    /// `reconnect`.
    #[must_use]
    pub const fn reconnect(mut self, reconnect: bool) -> Self {
        self.reconnect = Some(reconnect);
        self
    }
}
