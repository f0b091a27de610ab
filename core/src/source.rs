//! Sources: the hosts for which the endpoint counts connections, tokens and abandoned handshakes.

use core::net::IpAddr;

use crate::address::{Address, LinkId, scope_of};

/// The host or link that a datagram comes from: an IPv4 address, an IPv6 /64 (for link-local addresses, on one
/// interface), or a link whose remote address is unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
    Link(u64),
}

/// A source as bytes, of which the first is its kind.
pub(crate) type SourceBytes = [u8; 9];

impl Source {
    /// Returns the source of `address`. `far_end` is the IP address of the host behind a link, if it is known.
    pub(crate) fn of(address: Address, far_end: Option<IpAddr>) -> Self {
        match (address, far_end) {
            (Address::Udp(socket), _) => match Self::from(socket.ip()) {
                Self::V6(mut network) => {
                    // Link-local addresses of all interfaces share one network, whose bytes 4 to 7 are zero.
                    let interface = scope_of(&socket).to_be_bytes();
                    network.iter_mut().skip(4).zip(interface).for_each(|(byte, of)| *byte ^= of);
                    Self::V6(network)
                }
                source => source,
            },
            (Address::Link(_), Some(ip)) => ip.into(),
            (Address::Link(LinkId(id)), None) => Self::Link(id),
        }
    }

    /// Returns the source as bytes and, for an IPv6 address, its /48 as bytes.
    pub(crate) fn bytes(self) -> (SourceBytes, Option<SourceBytes>) {
        let tagged = |kind: u8, value: &[u8]| {
            let mut bytes = [0; 9];
            bytes.iter_mut().zip([kind].iter().chain(value)).for_each(|(to, from)| *to = *from);
            bytes
        };
        match self {
            Self::V4(ip) => (tagged(4, &ip), None),
            Self::V6(network @ [a, b, c, d, e, f, ..]) => {
                (tagged(6, &network), Some(tagged(48, &[a, b, c, d, e, f])))
            }
            Self::Link(id) => (tagged(1, &id.to_le_bytes()), None),
        }
    }
}

impl From<IpAddr> for Source {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => Self::V6(ip.octets().first_chunk().copied().unwrap_or_default()),
        }
    }
}
