//! Cookies: a client proves that it receives at its address, and the server keeps no state.

use crate::address::{Address, scope_of};
use crate::crypto::{HandshakeCrypto, Key, Secret};
use crate::rng::Rng;
use crate::time::Instant;

/// A cookie. All zeros mean that there is no cookie.
pub(crate) type Cookie = [u8; 16];

/// The value of a field without a cookie.
pub(crate) const NO_COOKIE: Cookie = [0; 16];

/// Creates and checks cookies. No instance accepts the cookies of another instance. A restart therefore invalidates
/// all cookies, because time then starts from another epoch.
pub(crate) struct Cookies {
    key: Secret,
}

impl Cookies {
    pub(crate) fn new(provider: &dyn HandshakeCrypto, identity_secret: &Key, rng: &mut Rng) -> Self {
        let salt: [u8; 32] = rng.array();
        Self { key: provider.digest(identity_secret, &[b"tickwire cookie", &salt]).into() }
    }

    /// Returns the cookie of `address` for the Noise message with this `digest`. The cookie is valid for 20 to 30
    /// seconds.
    pub(crate) fn make(
        &self,
        provider: &dyn HandshakeCrypto,
        now: Instant,
        address: Address,
        digest: &Key,
    ) -> Cookie {
        self.at(provider, now.as_micros() / BUCKET_US, address, digest)
    }

    /// Returns `true` if `cookie` is a valid cookie of [`Cookies::make`] for the same address and digest.
    pub(crate) fn check(
        &self,
        provider: &dyn HandshakeCrypto,
        now: Instant,
        address: Address,
        digest: &Key,
        cookie: &Cookie,
    ) -> bool {
        if *cookie == NO_COOKIE {
            return false;
        }
        let current = now.as_micros() / BUCKET_US;
        (0..=BUCKETS_BACK).filter_map(|age| current.checked_sub(age)).fold(false, |matches, bucket| {
            matches | same(&self.at(provider, bucket, address, digest), cookie)
        })
    }

    fn at(&self, provider: &dyn HandshakeCrypto, bucket: u64, address: Address, digest: &Key) -> Cookie {
        let (place, port) = place_and_port(address);
        let scope_id = if let Address::Udp(socket) = &address { scope_of(socket) } else { 0 }.to_le_bytes();
        let scope_id = if scope_id == [0; 4] { &[] } else { &scope_id[..] };
        let mac = provider.digest(&self.key, &[&bucket.to_le_bytes(), &place, &port, digest, scope_id]);
        let mut cookie = NO_COOKIE;
        cookie.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        cookie
    }
}

/// Returns the address as 17 bytes (the family, and the IP address or link id), and the port.
fn place_and_port(address: Address) -> ([u8; 17], [u8; 2]) {
    use core::net::IpAddr;
    let mut place = [0; 17];
    let mut fill = |family: u8, bytes: &[u8]| {
        place.iter_mut().zip([family].iter().chain(bytes)).for_each(|(to, from)| *to = *from);
    };
    match address {
        Address::Udp(socket) => {
            match socket.ip().to_canonical() {
                IpAddr::V4(ip) => fill(4, &ip.octets()),
                IpAddr::V6(ip) => fill(6, &ip.octets()),
            }
            (place, socket.port().to_le_bytes())
        }
        Address::Link(link) => {
            fill(1, &link.0.to_le_bytes());
            (place, [0; 2])
        }
    }
}

/// Compares two cookies in constant time.
fn same(left: &Cookie, right: &Cookie) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b));
    core::hint::black_box(difference) == 0
}

/// The length of a period, in µs: ten seconds.
const BUCKET_US: u64 = 10_000_000;
/// The number of earlier periods whose cookies are accepted. A cookie takes an RTT of up to 8 s, and waits for
/// drivers that call every 5 s at both ends.
const BUCKETS_BACK: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::LinkId;
    use crate::crypto::RustCrypto;
    use crate::time::Span;
    use core::net::{Ipv4Addr, SocketAddr};

    fn cookies(seed: u8) -> Cookies {
        Cookies::new(&RustCrypto, &[1; 32], &mut Rng::from_seed([seed; 32]))
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    fn address(host: u8, port: u16) -> Address {
        Address::Udp(SocketAddr::from(([192, 0, 2, host], port)))
    }

    #[test]
    fn a_cookie_is_valid_only_in_its_time_window_and_the_next_two() {
        let cookies = cookies(1);
        let cookie = cookies.make(&RustCrypto, at(17_000), address(1, 1), &[2; 32]);
        let check = |millis| cookies.check(&RustCrypto, at(millis), address(1, 1), &[2; 32], &cookie);
        assert!(check(10_000) && check(19_999) && check(20_000) && check(39_999));
        assert!(!check(40_000) && !check(9_999));
    }

    #[test]
    fn a_cookie_is_valid_only_for_its_address_port_noise_message_and_server_secret() {
        let (address_, digest) = (address(1, 1), [2; 32]);
        let cookie = cookies(1).make(&RustCrypto, at(1), address_, &digest);
        let check =
            |seed, address, digest| cookies(seed).check(&RustCrypto, at(1), address, &digest, &cookie);
        assert!(check(1, address_, digest));
        assert!(!check(1, address(2, 1), digest));
        assert!(!check(1, address(1, 2), digest));
        assert!(!check(1, Address::Link(LinkId(1)), digest));
        assert!(!check(1, address_, [3; 32]));
        assert!(!check(2, address_, digest));
    }

    #[test]
    fn a_cookie_with_a_flipped_bit_or_of_all_zeros_is_invalid() {
        let cookies = cookies(1);
        let cookie = cookies.make(&RustCrypto, at(1), address(1, 1), &[2; 32]);
        let check = |cookie: &Cookie| cookies.check(&RustCrypto, at(1), address(1, 1), &[2; 32], cookie);
        for bit in 0..128 {
            let mut changed = cookie;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!check(&changed), "bit {bit}");
        }
        assert!(check(&cookie) && !check(&NO_COOKIE));
    }

    #[test]
    fn an_ipv4_mapped_ipv6_address_has_the_cookie_of_its_ipv4_address() {
        let mapped = SocketAddr::new(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().into(), 1);
        let cookie = cookies(1).make(&RustCrypto, at(1), address(1, 1), &[2; 32]);
        assert!(cookies(1).check(&RustCrypto, at(1), Address::Udp(mapped), &[2; 32], &cookie));
    }
}
