//! Groups of IP addresses that belong to one network.

use std::net::{IpAddr, Ipv6Addr};

/// Returns whether an address is ambiguous without its interface: an address in fe80::/10 or fec0::/10. The core has
/// the same rule.
pub(crate) const fn is_link_local(ip: Ipv6Addr) -> bool {
    let [first, ..] = ip.segments();
    first & 0xff80 == 0xfe80
}

/// Returns an IPv4 address unchanged. For an IPv6 address, returns the first address of its /64.
pub(crate) fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_maps_to_its_64_bit_network_and_a_mapped_ipv4_address_to_its_ipv4_address() {
        let network = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
