//! Cookies: a client shows that it hears what is sent to its address, and the server keeps nothing.

use crate::address::Address;
use crate::crypto::{Key, Provider};
use crate::rng::Rng;
use crate::time::Instant;

/// A cookie; zeros stand for none.
pub(crate) type Cookie = [u8; 16];

/// No cookie.
pub(crate) const NO_COOKIE: Cookie = [0; 16];

/// Makes and checks cookies. What one instance made, no other accepts, so a restart voids them all: time counts
/// from another epoch then.
pub(crate) struct Cookies {
    key: Key,
}

impl Cookies {
    pub(crate) fn new(provider: &dyn Provider, identity_secret: &Key, rng: &mut Rng) -> Self {
        let salt: [u8; 32] = rng.array();
        Self { key: provider.digest(identity_secret, &[b"tickwire cookie", &salt]) }
    }

    /// The cookie of `address` for the Noise message with this `digest`: valid for 4 to 8 seconds.
    pub(crate) fn make(
        &self,
        provider: &dyn Provider,
        now: Instant,
        address: Address,
        digest: &Key,
    ) -> Cookie {
        self.at(provider, now.as_micros() / BUCKET_US, address, digest)
    }

    /// Whether `cookie` is one that [`Cookies::make`] made for the same address and digest not long ago.
    pub(crate) fn check(
        &self,
        provider: &dyn Provider,
        now: Instant,
        address: Address,
        digest: &Key,
        cookie: &Cookie,
    ) -> bool {
        if *cookie == NO_COOKIE {
            return false;
        }
        let current = now.as_micros() / BUCKET_US;
        let current_matches = same(&self.at(provider, current, address, digest), cookie);
        let previous_matches = current
            .checked_sub(1)
            .is_some_and(|bucket| same(&self.at(provider, bucket, address, digest), cookie));
        current_matches | previous_matches
    }

    fn at(&self, provider: &dyn Provider, bucket: u64, address: Address, digest: &Key) -> Cookie {
        let (place, port) = place_and_port(address);
        let mac = provider.digest(&self.key, &[&bucket.to_le_bytes(), &place, &port, digest]);
        let mut cookie = NO_COOKIE;
        cookie.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        cookie
    }
}

/// The address as 17 bytes (family and IP address or link id), and the port.
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

/// Compares without telling by its duration where the difference lies.
fn same(left: &Cookie, right: &Cookie) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b));
    core::hint::black_box(difference) == 0
}

const BUCKET_US: u64 = 4_000_000;
