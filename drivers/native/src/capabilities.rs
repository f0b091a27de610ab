//! The kinds of sockets that this platform has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// The kinds of sockets that the platform supports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// `true` if the platform supports TCP sockets.
    pub tcp: bool,
    /// `true` if UDP sockets can be opened on this host now.
    pub udp: bool,
    /// `true` if IPv6 sockets can be opened on this host now.
    pub ipv6: bool,
    /// `true` if the driver supports WebRTC data channels. Always `false` in this driver.
    pub webrtc: bool,
    /// `true` if the platform supports sockets to which other hosts can connect.
    pub server_sockets: bool,
    /// `true` if a socket that carries both IPv4 and IPv6 can be opened on this host now.
    pub dual_stack: bool,
}

/// Determines the capabilities of the system, by opening UDP sockets and closing them again.
#[must_use]
pub fn capabilities() -> Capabilities {
    let ipv4 = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_ok();
    let ipv6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let dual_stack = crate::udp_socket::open_dual_stack(0).is_ok();
    Capabilities { tcp: true, udp: ipv4 || ipv6, ipv6, webrtc: false, server_sockets: true, dual_stack }
}

/// Returns the IP addresses of this machine's interfaces. Addresses that other hosts may reach come first, and
/// loopback addresses last. The list omits link-local addresses, because they are ambiguous without their
/// interface. The list is empty if the system does not report addresses.
#[must_use]
pub fn local_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    addresses.retain(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    });
    addresses.sort_by_key(IpAddr::is_loopback);
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_native_platform_supports_tcp_udp_and_server_sockets() {
        let capabilities = capabilities();
        assert!(capabilities.udp && capabilities.tcp && capabilities.server_sockets);
        assert!(capabilities.ipv6 || !capabilities.dual_stack);
    }

    #[test]
    fn loopback_addresses_are_listed_last_among_the_local_addresses() {
        let addresses = local_addresses();
        assert!(addresses.iter().any(IpAddr::is_loopback), "{addresses:?}");
        assert!(addresses.is_sorted_by_key(IpAddr::is_loopback));
    }
}
