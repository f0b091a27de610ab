//! The subject of a ban, and its text form.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use tickwire_core::Address;
use tickwire_native::NetworkAddress;

use crate::client::Client;
use crate::network::{is_link_local, network_of};

/// The clients to which a ban applies: the ban names an identity if the banned client has a ticket, otherwise an
/// address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Banned {
    /// All clients whose ticket has this identity.
    Identity([u8; 16]),
    /// All clients with this IPv4 address, or in the /64 network of this IPv6 address.
    Address(IpAddr),
    /// All clients with this link-local address at `interface`. The ban does not cover the /64 network, because all hosts
    /// of a local network share the network fe80::/64.
    LinkLocal {
        /// The banned link-local address.
        ip: Ipv6Addr,
        /// The index of the interface through which the address is reached, or 0 for all interfaces.
        interface: u32,
    },
}

impl Banned {
    /// Returns the ban that excludes this client: by its identity, or by its address if it has no identity. Returns
    /// `None` if the client has neither an identity nor an IP address.
    #[must_use]
    pub fn of(client: &Client) -> Option<Self> {
        client.identity().map(Self::Identity).or_else(|| Self::at(client.address))
    }

    /// Returns whether this ban applies to `client`.
    #[must_use]
    pub fn is(&self, client: &Client) -> bool {
        match self {
            Self::Identity(identity) => client.peer.identity == *identity,
            _ => Self::at(client.address).is_some_and(|at| at.and_wider().contains(&Some(*self))),
        }
    }

    /// Returns the narrowest ban that includes a UDP address. Returns `None` for other addresses.
    pub(crate) fn at(address: Address) -> Option<Self> {
        match address {
            Address::Udp(SocketAddr::V6(socket)) => {
                Some(Self::address(IpAddr::V6(*socket.ip()), socket.scope_id()))
            }
            Address::Udp(socket) => Some(Self::address(socket.ip(), 0)),
            _ => None,
        }
    }

    pub(crate) fn address(ip: IpAddr, interface: u32) -> Self {
        match ip {
            IpAddr::V6(ip) if is_link_local(ip) => Self::LinkLocal { ip, interface },
            ip => Self::Address(network_of(ip)),
        }
    }

    /// Returns this ban, and the broader bans that include its subject.
    pub(crate) fn and_wider(self) -> [Option<Self>; 3] {
        match self {
            Self::LinkLocal { ip, .. } => {
                let network = Self::Address(network_of(ip.into()));
                [Some(self), Some(Self::LinkLocal { ip, interface: 0 }), Some(network)]
            }
            _ => [Some(self), None, None],
        }
    }

    /// Parses an identity of 32 hexadecimal digits, or a printed address. The address may have a port, brackets, the
    /// interface of a link-local address, or the `/64` of an IPv6 network. Returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(network) = text.strip_suffix("/64") {
            return network.parse::<Ipv6Addr>().ok().map(|ip| Self::Address(network_of(ip.into())));
        }
        if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return u128::from_str_radix(text, 16)
                .ok()
                .map(|identity| Self::Identity(identity.to_be_bytes()));
        }
        let address = NetworkAddress::new(text, 0).or_else(|_| text.parse()).ok()?;
        Self::at(address.socket_address()?.into())
    }
}

impl fmt::Display for Banned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(identity) => identity.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Address(IpAddr::V6(ip)) => write!(f, "{ip}/64"),
            Self::Address(ip) => ip.fmt(f),
            Self::LinkLocal { ip, interface: 0 } => ip.fmt(f),
            Self::LinkLocal { ip, interface } => write!(f, "{ip}%{interface}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_any_printed_form_parses_to_the_address_or_network_to_ban() {
        for (text, banned) in [
            ("192.0.2.7:51234", "192.0.2.7"),
            ("[2001:db8:1:2::3]:51234", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::3]", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::3:4", "2001:db8:1:2::/64"),
            ("[::ffff:192.0.2.7]:1", "192.0.2.7"),
            ("[fe80::99%4]:51234", "fe80::99%4"),
            ("[fe80::99%4]", "fe80::99%4"),
            ("fe80::99", "fe80::99"),
        ] {
            let read = Banned::parse(text).unwrap();
            assert_eq!((read.to_string().as_str(), Banned::parse(&read.to_string())), (banned, Some(read)));
        }
        for text in ["1", "#1", "play.example:7777", "", "192.0.2.7/64", "fe80::1%0"] {
            assert_eq!(Banned::parse(text), None, "{text}");
        }
    }
}
