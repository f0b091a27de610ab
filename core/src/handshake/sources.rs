//! How often one source is answered: a token bucket per IPv4 address, IPv6 /64 or link, in a table of fixed size.

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::address::Address;
use crate::crypto::{Provider, Secret};
use crate::limits;
use crate::rng::Rng;
use crate::time::Instant;

/// The buckets. A source's place is a keyed digest of it: nobody outside can aim at another source's bucket.
pub(crate) struct SourceBuckets {
    key: Secret,
    /// Microseconds that one token takes to come back; `None`: there are none.
    interval_us: Option<u64>,
    /// For each bucket, the time in microseconds at which it is full again (GCRA).
    full_at: Vec<u64>,
}

impl SourceBuckets {
    /// Buckets that take `per_second` tokens each second, and hold as many.
    pub(crate) fn new(per_second: u32, rng: &mut Rng) -> Self {
        Self {
            key: rng.array().into(),
            interval_us: SECOND_US.checked_div(per_second.into()).map(|interval| interval.max(1)),
            full_at: alloc::vec![0; limits::SOURCE_BUCKETS],
        }
    }

    /// Takes a token from the bucket of `address`; false if it is empty.
    pub(crate) fn take(&mut self, provider: &dyn Provider, now: Instant, address: Address) -> bool {
        let Some(interval) = self.interval_us else {
            return false;
        };
        let place = self.place(provider, address);
        let Some(full_at) = self.full_at.get_mut(place) else {
            return false;
        };
        let now = now.as_micros();
        let next = (*full_at).max(now).saturating_add(interval);
        let granted = next.saturating_sub(now) <= SECOND_US;
        if granted {
            *full_at = next;
        }
        granted
    }

    fn place(&self, provider: &dyn Provider, address: Address) -> usize {
        let (family, source) = match address {
            Address::Udp(socket) => match socket.ip().to_canonical() {
                IpAddr::V4(ip) => (4, u64::from(ip.to_bits())),
                IpAddr::V6(ip) => (6, (ip.to_bits() >> 64) as u64),
            },
            Address::Link(link) => (1, link.0),
        };
        let [low, high, ..] = provider.digest(&self.key, &[&[family], &source.to_le_bytes()]);
        usize::from(u16::from_le_bytes([low, high])) % limits::SOURCE_BUCKETS
    }
}

const SECOND_US: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;
    use crate::time::Duration;
    use core::net::SocketAddr;

    fn sources(per_second: u32) -> SourceBuckets {
        SourceBuckets::new(per_second, &mut Rng::from_seed([1; 32]))
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn address(text: &str) -> Address {
        Address::Udp(text.parse::<SocketAddr>().unwrap())
    }

    #[test]
    fn a_source_gets_its_rate_after_a_second_of_it_at_once() {
        let mut sources = sources(10);
        let mut take = |millis| sources.take(&RustCrypto, at(millis), address("192.0.2.1:1"));
        assert_eq!((0..20).filter(|_| take(5_000)).count(), 10);
        assert!(!take(5_099));
        assert!(take(5_100));
        assert!(!take(5_100));
        assert_eq!((0..1000).filter(|step| take(5_100 + step * 10)).count(), 99);
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_network_of_64_bits_whatever_the_port() {
        let mut sources = sources(1);
        let mut take = |text| sources.take(&RustCrypto, at(0), address(text));
        assert!(take("192.0.2.1:1"));
        assert!(!take("192.0.2.1:2"));
        assert!(!take("[::ffff:192.0.2.1]:1"));
        assert!(take("192.0.2.2:1"));
        assert!(take("[2001:db8:1:2::1]:1"));
        assert!(!take("[2001:db8:1:2:ffff::2]:1"));
        assert!(take("[2001:db8:1:3::1]:1"));
    }

    #[test]
    fn a_rate_of_zero_grants_nothing() {
        assert!(!sources(0).take(&RustCrypto, at(0), address("192.0.2.1:1")));
    }

    #[test]
    fn places_depend_on_the_key() {
        let place = |seed| {
            SourceBuckets::new(1, &mut Rng::from_seed([seed; 32])).place(&RustCrypto, address("192.0.2.1:1"))
        };
        assert_ne!(place(1), place(2));
        assert!(place(1) < limits::SOURCE_BUCKETS);
    }
}
