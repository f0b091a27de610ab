//! Limits on how often the server answers one source: an IPv4 address, an IPv6 /64, or a link; and on how often it
//! answers a /48.

use super::buckets::{BucketPlaces, Buckets};
use crate::crypto::{HandshakeCrypto, Secret};
use crate::limits;
use crate::source::Source;
use crate::time::Instant;

/// The rate of a /48, as a multiple of the rate of one of its 65,536 /64 networks.
const NETWORKS: u32 = 4;

/// The buckets of sources and of IPv6 /48 networks. Without the buckets of /48 networks, the holder of a /48 would
/// count as 65,536 sources.
pub(crate) struct SourceBuckets {
    sources: Buckets,
    networks: Buckets,
}

/// The positions of the buckets of one source.
#[derive(Clone, Copy)]
pub(crate) struct SourcePlaces {
    source: BucketPlaces,
    network: Option<BucketPlaces>,
}

impl SourceBuckets {
    /// Creates buckets of `burst` tokens, of which `per_second` refill each second.
    pub(crate) fn new(per_second: u32, burst: u32, secret: Secret) -> Self {
        let width = limits::SOURCE_BUCKETS;
        let (wide_rate, wide_burst) = (per_second.saturating_mul(NETWORKS), burst.saturating_mul(NETWORKS));
        Self {
            sources: Buckets::per_second(per_second, burst, width, secret.clone()),
            networks: Buckets::per_second(wide_rate, wide_burst, width, secret),
        }
    }

    pub(crate) fn places(&self, provider: &dyn HandshakeCrypto, source: Source) -> SourcePlaces {
        let (source, network) = source.bytes();
        SourcePlaces {
            source: self.sources.places(provider, &source),
            network: network.map(|network| self.networks.places(provider, &network)),
        }
    }

    /// Returns `true` if a source has `tokens`.
    pub(crate) fn has(&self, now: Instant, places: &SourcePlaces, tokens: u32) -> bool {
        self.sources.has(now, &places.source, tokens)
            && places.network.as_ref().is_none_or(|network| self.networks.has(now, network, tokens))
    }

    /// Takes `tokens` of a source, or all of its tokens if fewer are left.
    pub(crate) fn charge(&mut self, now: Instant, places: &SourcePlaces, tokens: u32) {
        self.sources.charge(now, &places.source, tokens);
        if let Some(network) = &places.network {
            self.networks.charge(now, network, tokens);
        }
    }

    /// Takes one token of `source`. Returns `false` if no token is left.
    pub(crate) fn take(&mut self, provider: &dyn HandshakeCrypto, now: Instant, source: Source) -> bool {
        let places = self.places(provider, source);
        let has = self.has(now, &places, 1);
        if has {
            self.charge(now, &places, 1);
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;
    use core::net::IpAddr;

    fn sources(per_second: u32) -> SourceBuckets {
        SourceBuckets::new(per_second, per_second, [1; 32].into())
    }

    fn source(text: &str) -> Source {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn the_source_of_an_ipv6_address_is_its_prefix_of_64_bits() {
        let mut sources = sources(1);
        let mut take = |text| sources.take(&RustCrypto, Instant::ZERO, source(text));
        assert!(take("192.0.2.1"));
        assert!(!take("192.0.2.1"));
        assert!(!take("::ffff:192.0.2.1"));
        assert!(take("192.0.2.2"));
        assert!(take("2001:db8:1:2::1"));
        assert!(!take("2001:db8:1:2:ffff::2"));
        assert!(take("2001:db8:1:3::1"));
    }

    #[test]
    fn all_sources_of_an_ipv6_prefix_of_48_bits_share_the_handshake_budget_of_four_sources() {
        let mut sources = sources(10);
        let places = (0..1000).map(|network| source(&alloc::format!("2001:db8:1:{network:x}::1")));
        assert_eq!(places.filter(|source| sources.take(&RustCrypto, Instant::ZERO, *source)).count(), 40);
        assert!(sources.take(&RustCrypto, Instant::ZERO, source("2001:db8:2::1")));
    }
}
