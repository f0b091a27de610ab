//! Addresses of hosts and ports, in the form in which people write them.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

use tickwire_core::Address;

/// The host in a network address: a name or an IP address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Host {
    /// A host name in lower case, whose IP addresses a resolver must look up.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6 {
        /// The IPv6 address, without its interface.
        ip: Ipv6Addr,
        /// The index of the interface that a link-local address belongs to. The index is 0 if the text names no interface,
        /// or the address is not link-local.
        scope_id: u32,
    },
}

/// A host and a port: `play.example:7777`, `192.0.2.1:7777`, `[2001:db8::1]:7777`, `[fe80::1%2]:7777`.
///
/// Two addresses are equal if their printed texts are equal, so a host name never equals an IP address to which the
/// name resolves. Every address has only one form: `[::ffff:192.0.2.1]` becomes `192.0.2.1`, both when parsed and when
/// converted from a [`SocketAddr`]. Parsing a printed address gives an equal address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NetworkAddress {
    host: Host,
    port: u16,
}

/// The reason why a string is not a valid network address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseAddressError {
    text: String,
    fault: Fault,
}

/// The fault in a text, and the text that the user should write instead.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fault {
    what: String,
    write: String,
}

impl NetworkAddress {
    /// The UDP port of a server whose address does not name a port.
    pub const DEFAULT_PORT: u16 = 7777;

    /// Creates the address of `host` (a name, an IPv4 address, or an IPv6 address with or without brackets) and `port`.
    /// The method takes all of `host` as the host: `::1:2` is an IPv6 address here, although it looks like an address
    /// that ends in a port.
    ///
    /// # Errors
    /// [`ParseAddressError`] if `host` is neither a name nor an IP address.
    pub fn new(host: &str, port: u16) -> Result<Self, ParseAddressError> {
        let text = host.trim();
        match parse_host(text, &interface_index) {
            Ok(host) => Ok(Self { host, port }),
            Err(fault) => Err(ParseAddressError { text: text.into(), fault }),
        }
    }

    /// Returns the host of the address: a name or an IP address.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the UDP port of the address.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether the host is an IPv6 address. Returns `false` for a name, which may have addresses of both
    /// families.
    #[must_use]
    pub const fn is_ipv6(&self) -> bool {
        matches!(self.host, Host::V6 { .. })
    }

    /// Returns a text that names the kind of the address if it is a multicast or broadcast address, to which no socket
    /// can be bound. Returns `None` for every other address, and for a name.
    #[must_use]
    pub fn why_not_unicast(&self) -> Option<&'static str> {
        why_not_unicast(self.socket_address()?.ip())
    }

    /// Returns the socket address. Returns `None` if the host is a name.
    #[must_use]
    pub const fn socket_address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Name(_) => None,
            Host::V4(ip) => Some(SocketAddr::new(IpAddr::V4(ip), self.port)),
            Host::V6 { ip, scope_id } => Some(SocketAddr::V6(SocketAddrV6::new(ip, self.port, 0, scope_id))),
        }
    }
}

impl From<SocketAddr> for NetworkAddress {
    fn from(address: SocketAddr) -> Self {
        let host = match canonical(address) {
            SocketAddr::V4(address) => Host::V4(*address.ip()),
            SocketAddr::V6(address) => Host::V6 { ip: *address.ip(), scope_id: address.scope_id() },
        };
        Self { host, port: address.port() }
    }
}

/// Returns the form of `address` that the core uses: an IPv4 address instead of an IPv4-mapped IPv6 address.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match Address::from(address) {
        Address::Udp(address) => address,
        Address::Link(_) => address,
    }
}

/// Returns a text that names the kind of `ip` if it is a multicast or broadcast address, and `None` for every other
/// address. A connection needs the address of a single host at both ends.
pub(crate) fn why_not_unicast(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        ip if ip.is_multicast() => Some("a multicast address, which stands for a group of machines"),
        IpAddr::V4(ip) if is_broadcast(ip) => {
            Some("a broadcast address, which stands for all machines of a network")
        }
        _ => None,
    }
}

/// Returns whether `ip` is a broadcast address, at which every host of a network receives a datagram.
fn is_broadcast(ip: Ipv4Addr) -> bool {
    // Every machine has the loopback network, but not every system lists it (RFC 6890 section 2.2.2).
    let is_of_loopback = ip == Ipv4Addr::new(127, 255, 255, 255);
    // Of a network with room for hosts, the last address has at least two host bits set.
    is_of_loopback
        || ip.is_broadcast()
        || ip.to_bits() & 3 == 3
            && if_addrs::get_if_addrs().unwrap_or_default().iter().any(|interface| {
                matches!(&interface.addr, if_addrs::IfAddr::V4(at) if is_last_of(ip, at.ip, at.netmask))
            })
}

fn is_last_of(ip: Ipv4Addr, of: Ipv4Addr, netmask: Ipv4Addr) -> bool {
    let hosts = !netmask.to_bits();
    hosts >= 3 && ip.to_bits() == of.to_bits() | hosts
}

impl fmt::Display for Host {
    /// Writes the address. An IPv6 address is enclosed in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6 { ip, scope_id: 0 } => write!(f, "[{ip}]"),
            Self::V6 { ip, scope_id } => write!(f, "[{ip}%{scope_id}]"),
        }
    }
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for NetworkAddress {
    type Err = ParseAddressError;

    /// Parses `host:port`. Without a port, the port is [`NetworkAddress::DEFAULT_PORT`]. The interface of a link-local
    /// address is a number or the name of an interface of this machine: `[fe80::1%2]`, `[fe80::1%eth0]`.
    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let text = text.trim();
        parse(text, &interface_index).map_err(|fault| ParseAddressError { text: text.into(), fault })
    }
}

impl ParseAddressError {
    /// Returns a description of the error, without the whole invalid text and without advice.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.fault.what
    }
}

impl fmt::Display for ParseAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { what, write } = &self.fault;
        write!(f, "`{}` is not an address: {what}; write {write}", self.text.escape_debug())
    }
}

impl std::error::Error for ParseAddressError {}

impl From<&str> for Fault {
    fn from(what: &str) -> Self {
        Self { what: what.into(), write: "host:port or [IPv6]:port".into() }
    }
}

/// A function that returns the index of this machine's interface with the given name, or `None` if there is no such
/// interface.
type Interfaces<'a> = &'a dyn Fn(&str) -> Option<u32>;

fn interface_index(name: &str) -> Option<u32> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces.iter().find(|interface| interface.name == name)?.index
}

fn parse(text: &str, interfaces: Interfaces<'_>) -> Result<NetworkAddress, Fault> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a bracket is not closed")?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err("the text that follows the bracket is not a port".into()),
        };
        (parse_v6(host, interfaces)?, port)
    } else if text.matches(':').count() > 1 {
        (parse_bare_v6(text, interfaces)?, None)
    } else {
        match text.split_once(':') {
            Some((host, port)) => (parse_host(host, interfaces)?, Some(port)),
            None => (parse_host(text, interfaces)?, None),
        }
    };
    let port = port.map_or(Some(NetworkAddress::DEFAULT_PORT), parse_port);
    let port = port.ok_or("the port is not a number from 0 to 65535")?;
    Ok(NetworkAddress { host, port })
}

fn parse_port(text: &str) -> Option<u16> {
    // `u16` would take a sign.
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Parses an IPv6 address without brackets. An address whose end may be a port is a fault.
fn parse_bare_v6(text: &str, interfaces: Interfaces<'_>) -> Result<Host, Fault> {
    let whole = parse_v6(text, interfaces);
    let halves = text.rsplit_once(':').and_then(|(host, port)| {
        let host = parse_v6(host, interfaces).ok()?;
        Some(NetworkAddress { host, port: parse_port(port)? })
    });
    match (whole, halves) {
        (whole, None) => whole,
        (Ok(host), Some(address)) => Err(Fault {
            what: "the end of the text may be a port or a part of the IPv6 address".into(),
            write: format!(
                "{address} if it is a port, else {}",
                NetworkAddress { host, port: NetworkAddress::DEFAULT_PORT }
            ),
        }),
        (Err(_), Some(address)) => Err(Fault {
            what: "an IPv6 address with a port needs brackets".into(),
            write: address.to_string(),
        }),
    }
}

/// Parses an IPv6 address, which may end in `%` and an interface.
fn parse_v6(text: &str, interfaces: Interfaces<'_>) -> Result<Host, Fault> {
    let (ip, interface) = match text.split_once('%') {
        Some((ip, interface)) => (ip, Some(interface)),
        None => (text, None),
    };
    let ip: Ipv6Addr = ip.parse().map_err(|_| "the host is not an IPv6 address")?;
    let scope_id = match interface {
        None => 0,
        Some(name) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) => name
            .parse()
            .ok()
            .filter(|index| *index > 0)
            .ok_or("the interface is not a number from 1 to 4294967295")?,
        Some(name) => interfaces(name).ok_or_else(|| Fault {
            what: format!("this machine has no interface `{}`", name.escape_debug()),
            write: format!("[{ip}%NUMBER]:port with the interface's number"),
        })?,
    };
    match canonical(SocketAddr::V6(SocketAddrV6::new(ip, 0, 0, scope_id))) {
        SocketAddr::V6(at) if at.scope_id() == scope_id => Ok(Host::V6 { ip, scope_id }),
        SocketAddr::V4(at) if scope_id == 0 => Ok(Host::V4(*at.ip())),
        _ => Err(Fault {
            what: "only a link-local address (fe80::) can name an interface".into(),
            write: format!("[{ip}]:port"),
        }),
    }
}

fn parse_host(text: &str, interfaces: Interfaces<'_>) -> Result<Host, Fault> {
    if let Some(bare) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return parse_v6(bare, interfaces);
    }
    if text.matches(':').count() > 1 {
        // What is no address as a whole may be told better with a port.
        return parse_v6(text, interfaces).or_else(|_| parse_bare_v6(text, interfaces));
    }
    if let Ok(ip) = text.parse() {
        return Ok(Host::V4(ip));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        Err("the host is missing".into())
    } else if name.len() > 253 || !name.split('.').all(is_label) {
        Err("the host is neither a name nor an IP address".into())
    } else if name.rsplit('.').next().is_some_and(is_number) {
        Err("the host looks like an IPv4 address, but is not valid".into())
    } else {
        Ok(Host::Name(text.to_ascii_lowercase()))
    }
}

/// Returns whether resolvers read a name that ends in this label as an IPv4 address. Examples are 1, 017 and 0x7f.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
