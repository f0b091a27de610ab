//! Addresses of peers: a UDP socket address, or a link that the driver opened.

use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The id of a link that the driver opened, such as a TCP, WebSocket or WebRTC connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

/// A peer's address: a UDP socket address, or a link that the driver opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A UDP socket address. The endpoint does not trust the address until the peer has answered a challenge or
    /// returned a cookie from that address.
    Udp(SocketAddr),
    /// A link that the driver opened. A link has exactly one peer, so the endpoint does not validate its address.
    Link(LinkId),
}

impl Address {
    /// Returns the link's id if this address is a link, else `None`.
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
    /// Converts a socket address to one canonical form, so that one peer has one address. An IPv4-mapped IPv6 address
    /// becomes an IPv4 address. A link-local or site-local IPv6 address keeps its scope id (the interface), because the
    /// same address on another interface belongs to another peer. In any other IPv6 address, the scope id becomes 0. The
    /// flow label of an IPv6 address always becomes 0.
    fn from(address: SocketAddr) -> Self {
        let SocketAddr::V6(v6) = address else { return Self::Udp(address) };
        Self::Udp(match address.ip().to_canonical() {
            IpAddr::V4(ip) => SocketAddr::new(ip.into(), v6.port()),
            IpAddr::V6(ip) => {
                let scope_id = if has_scope(ip) { v6.scope_id() } else { 0 };
                SocketAddr::V6(SocketAddrV6::new(ip, v6.port(), 0, scope_id))
            }
        })
    }
}

/// Returns `true` if an address is ambiguous without its interface: link-local (fe80::/10, RFC 4291 section 2.5.6) or
/// site-local (fec0::/10, section 2.5.7, which some systems still assign).
pub(crate) fn has_scope(ip: Ipv6Addr) -> bool {
    let [first, ..] = ip.segments();
    first & 0xff80 == 0xfe80
}

/// Returns the scope id (the interface) of a UDP address, or 0 if the address has none.
pub(crate) const fn scope_of(address: &SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

impl From<LinkId> for Address {
    fn from(link: LinkId) -> Self {
        Self::Link(link)
    }
}

/// Both ends of a path: the peer's address, and the local address that the peer sends to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Path {
    /// The address of the peer.
    pub remote: Address,
    /// The local address that the peer sends to, or `None` if the driver does not know this address. The driver sends replies
    /// from this address.
    pub local: Option<IpAddr>,
}

impl<A: Into<Address>> From<A> for Path {
    fn from(remote: A) -> Self {
        Self { remote: remote.into(), local: None }
    }
}

/// The ECN bits (explicit congestion notification, RFC 3168 section 5) of an IP header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ecn {
    /// The sender does not support ECN (Not-ECT), or the driver cannot read the bits.
    #[default]
    NotCapable,
    /// The packet is marked ECT(0): ECN-capable.
    Capable0,
    /// The packet is marked ECT(1): ECN-capable.
    Capable1,
    /// A router marked the packet with CE (congestion experienced), because its queue was congested.
    CongestionExperienced,
}

/// The properties of a link. A driver declares the properties when it opens the link ([`crate::Endpoint::open_link`]).
///
/// ```
/// use tickwire_core::LinkProperties;
///
/// // A TCP stream with a length before each datagram.
/// let stream =
///     LinkProperties { reliable: true, ordered: true, congestion_controlled: true, max_datagram: 16_384 };
/// // A WebRTC data channel without retransmissions.
/// let channel =
///     LinkProperties { reliable: false, ordered: false, congestion_controlled: true, max_datagram: 1140 };
/// # let _ = (stream, channel);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkProperties {
    /// `true` if the link delivers every byte until the link closes. The core retransmits nothing on a reliable link.
    pub reliable: bool,
    /// `true` if the link delivers bytes in the order in which they were written. The core orders messages itself and
    /// does not depend on the order of the link.
    pub ordered: bool,
    /// `true` if the link itself controls congestion, as TCP does. The core then adds no congestion control.
    pub congestion_controlled: bool,
    /// The largest datagram that the link carries, in bytes.
    ///
    /// Range: 700 bytes or more.
    pub max_datagram: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Address {
        Address::from(text.parse::<SocketAddr>().unwrap())
    }

    #[test]
    fn address_equality_ignores_the_scope_id_except_for_link_local_addresses() {
        assert_ne!(at("[fe80::1%2]:7777"), at("[fe80::1%3]:7777"));
        assert_eq!(alloc::format!("{}", at("[fe80::1%2]:7777")), "[fe80::1%2]:7777");
        assert_eq!(at("[2001:db8::1%2]:7777"), at("[2001:db8::1]:7777"));
        assert_eq!(at("[::ffff:192.0.2.1]:7777"), at("192.0.2.1:7777"));
    }

    #[test]
    fn address_equality_ignores_the_ipv6_flow_label() {
        let labelled = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 7, 0);
        assert_eq!(Address::from(SocketAddr::V6(labelled)), at("[::1]:1"));
    }
}
