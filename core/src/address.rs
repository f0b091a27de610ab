//! Where datagrams come from and go to.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

/// The id of a link that the driver opened (TCP, WebSocket, data channel, memory).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

/// An address: a UDP socket address, or a link that the driver opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A UDP socket address. Nothing is known of who is behind it until it answered a challenge or a cookie.
    Udp(SocketAddr),
    /// A link opened by the driver; its far end is reachable by construction.
    Link(LinkId),
}

impl Address {
    /// The link, if it is one.
    #[must_use]
    pub const fn link(self) -> Option<LinkId> {
        match self {
            Self::Udp(_) => None,
            Self::Link(link) => Some(link),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(f, "{address}"),
            Self::Link(LinkId(id)) => write!(f, "link-{id}"),
        }
    }
}

impl From<SocketAddr> for Address {
    /// An IPv4 address in IPv6 clothing becomes plain IPv4, so that one peer has one address.
    fn from(address: SocketAddr) -> Self {
        Self::Udp(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

impl From<LinkId> for Address {
    fn from(link: LinkId) -> Self {
        Self::Link(link)
    }
}

/// Both ends of a path: the peer's address, and, on hosts with several, the local address it was reached by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Path {
    /// The peer's address.
    pub remote: Address,
    /// The local address that the peer talks to, if the driver knows it; replies leave from it.
    pub local: Option<IpAddr>,
}

impl<A: Into<Address>> From<A> for Path {
    fn from(remote: A) -> Self {
        Self { remote: remote.into(), local: None }
    }
}

/// The explicit congestion notification bits of an IP header (RFC 3168), as far as the driver knows them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ecn {
    /// Not ECN-capable, or unknown.
    #[default]
    NotCapable,
    /// ECT(0).
    Capable0,
    /// ECT(1).
    Capable1,
    /// Congestion experienced.
    CongestionExperienced,
}

/// What a link promises. A driver declares it once, when it opens the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkProperties {
    /// What is written arrives unless the link breaks: nothing is retransmitted on it.
    pub reliable: bool,
    /// What is written arrives in the order written. The core does not rely on it; it orders by itself.
    pub ordered: bool,
    /// The link does its own congestion control: the core adds none.
    pub congestion_controlled: bool,
    /// The largest datagram that the link takes, in bytes.
    pub max_datagram: u16,
}
