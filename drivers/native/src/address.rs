//! Addresses as people write them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The machine that an address names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Host {
    /// A name that has to be resolved, in lower case.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

/// A host and a port: `play.example:7777`, `192.0.2.1:7777`, `[2001:db8::1]:7777`.
///
/// Equality is that of the text: a name and the address that it resolves to differ.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NetworkAddress {
    host: Host,
    port: u16,
}

/// Why a text is no address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseAddressError {
    text: String,
    what: &'static str,
}

impl NetworkAddress {
    /// The port of a server that names none.
    pub const DEFAULT_PORT: u16 = 7777;

    /// The address of `host` (a name, an IPv4 address, or an IPv6 address with or without brackets) and `port`.
    ///
    /// # Errors
    /// [`ParseAddressError`] if `host` is none of them.
    pub fn new(host: &str, port: u16) -> Result<Self, ParseAddressError> {
        match parse_host(host) {
            Ok(host) => Ok(Self { host, port }),
            Err(what) => Err(ParseAddressError { text: host.into(), what }),
        }
    }

    /// Its host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is an IPv6 address; of a name that is not known.
    #[must_use]
    pub const fn is_ipv6(&self) -> bool {
        matches!(self.host, Host::V6(_))
    }

    /// The socket address, unless the host is a name.
    #[must_use]
    pub const fn socket_address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Name(_) => None,
            Host::V4(ip) => Some(SocketAddr::new(IpAddr::V4(ip), self.port)),
            Host::V6(ip) => Some(SocketAddr::new(IpAddr::V6(ip), self.port)),
        }
    }
}

impl From<SocketAddr> for NetworkAddress {
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip().to_canonical() {
            IpAddr::V4(ip) => Host::V4(ip),
            IpAddr::V6(ip) => Host::V6(ip),
        };
        Self { host, port: address.port() }
    }
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::V4(ip) => write!(f, "{ip}:{}", self.port),
            Host::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

impl FromStr for NetworkAddress {
    type Err = ParseAddressError;

    /// Reads `host:port`. The port may be left out: then it is [`NetworkAddress::DEFAULT_PORT`].
    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let text = text.trim();
        parse(text).map_err(|what| ParseAddressError { text: text.into(), what })
    }
}

impl fmt::Display for ParseAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no address: {}; write host:port or [IPv6]:port",
            self.text.escape_debug(),
            self.what
        )
    }
}

impl std::error::Error for ParseAddressError {}

fn parse(text: &str) -> Result<NetworkAddress, &'static str> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a bracket is not closed")?;
        let ip = host.parse().map_err(|_| "what is in brackets is no IPv6 address")?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err("something follows the bracket that is no port"),
        };
        (Host::V6(ip), port)
    } else if let Ok(ip) = text.parse() {
        (Host::V6(ip), None)
    } else {
        match text.split_once(':') {
            Some((host, port)) => (parse_host(host)?, Some(port)),
            None => (parse_host(text)?, None),
        }
    };
    let port = match port {
        None => NetworkAddress::DEFAULT_PORT,
        // `u16` would take a sign.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            port.parse().map_err(|_| "the port is not a number from 0 to 65535")?
        }
        Some(_) => return Err("the port is not a number from 0 to 65535"),
    };
    Ok(NetworkAddress { host, port })
}

fn parse_host(text: &str) -> Result<Host, &'static str> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(ip) = bare.parse() {
        return Ok(Host::V6(ip));
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
        Err("there is no host")
    } else if name.len() > 253 || !name.split('.').all(is_label) {
        Err("the host is neither a name nor an IP address")
    } else if name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        Err("the host looks like an IPv4 address, but is none")
    } else {
        Ok(Host::Name(name.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for text in ["play.example:7777", "192.0.2.1:1", "[2001:db8::1]:65535", "localhost:0"] {
            assert_eq!(text.parse::<NetworkAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_port_may_be_left_out_and_case_and_brackets_do_not_matter() {
        let read = |text: &str| text.parse::<NetworkAddress>().unwrap().to_string();
        assert_eq!(read("Play.Example"), "play.example:7777");
        assert_eq!(read("::1"), "[::1]:7777");
        assert_eq!(read("[::1]"), "[::1]:7777");
        assert_eq!(NetworkAddress::new("::1", 5).unwrap(), "[::1]:5".parse().unwrap());
        assert_eq!(NetworkAddress::new("[::1]", 5).unwrap(), "[::1]:5".parse().unwrap());
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, what) in [
            ("", "there is no host"),
            (":80", "there is no host"),
            ("a b:80", "neither a name nor"),
            ("host:port", "the port"),
            ("host:70000", "the port"),
            ("host:+1", "the port"),
            ("host:", "the port"),
            ("300.1.1.1:80", "looks like an IPv4"),
            ("[::1", "not closed"),
            ("[name]:1", "no IPv6"),
            ("[::1]x", "follows the bracket"),
            ("a..b:1", "neither a name nor"),
        ] {
            let error = text.parse::<NetworkAddress>().unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn addresses_are_equal_when_host_and_port_are() {
        let v4: NetworkAddress = "192.0.2.1:1".parse().unwrap();
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:1".parse().unwrap();
        assert_eq!(NetworkAddress::from(mapped), v4);
        assert_ne!("192.0.2.1:2".parse(), Ok(v4.clone()));
        assert!(!v4.is_ipv6());
        assert_eq!(v4.socket_address(), Some("192.0.2.1:1".parse().unwrap()));
        assert_eq!("a:1".parse::<NetworkAddress>().unwrap().socket_address(), None);
    }
}
