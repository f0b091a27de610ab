//! Budgets outlive connections: whoever leaves and comes back at once finds spent what was spent. They are kept by who
//! somebody is, or by where he comes from, until they have come back whole.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use crate::client::Client;
use crate::token_bucket::TokenBucket;

/// Who shares a budget with whoever comes after.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Source {
    /// Whoever holds tickets of this identity.
    Identity([u8; 16]),
    /// Whoever comes from this IPv4 address, from the /64 around this IPv6 address, or from this link-local one.
    Network(IpAddr),
}

impl Source {
    /// None: nothing is known of it.
    pub(crate) fn of(client: &Client) -> Option<Self> {
        let network = || {
            client.ip().map(|ip| match ip {
                // The /64 of link-local addresses is the network that everybody there is in.
                IpAddr::V6(v6) if is_link_local(v6) => Self::Network(ip),
                ip => Self::Network(network_of(ip)),
            })
        };
        client.identity().map(Self::Identity).or_else(network)
    }
}

/// Whether an address means nothing without its interface, as the core tells it: those of fe80::/10 and fec0::/10.
pub(crate) const fn is_link_local(ip: Ipv6Addr) -> bool {
    let [first, ..] = ip.segments();
    first & 0xff80 == 0xfe80
}

/// The IPv4 address, or the first address of the /64 that an IPv6 address lies in.
pub(crate) fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        ip => ip,
    }
}

/// Two limits of one client, as far as they are used.
pub(crate) type Buckets = [TokenBucket; 2];

/// What sources have spent, after their connections.
#[derive(Debug, Default)]
pub(crate) struct SpentBudgets {
    of: BTreeMap<Source, Buckets>,
}

impl SpentBudgets {
    /// What clients of this source have spent before.
    pub(crate) fn of(&self, source: Option<Source>) -> Option<Buckets> {
        self.of.get(&source?).copied()
    }

    /// Remembers what a client has spent that leaves. Buckets that are full at `unspent` are as good as new. Of several
    /// clients of a source the one counts that spent the most: nobody pays for many others who were modest.
    pub(crate) fn keep(&mut self, source: Option<Source>, spent: Buckets, unspent: Instant) {
        let Some(source) = source.filter(|_| full_at(&spent) > Some(unspent)) else { return };
        if self.of.len() >= SOURCES_MOST && !self.of.contains_key(&source) {
            self.of.retain(|_, buckets| full_at(buckets) > Some(unspent));
            let first = self.of.iter().min_by_key(|(_, buckets)| full_at(buckets)).map(|(source, _)| *source);
            if let Some(first) = first.filter(|_| self.of.len() >= SOURCES_MOST) {
                self.of.remove(&first);
            }
        }
        for (kept, spent) in self.of.entry(source).or_default().iter_mut().zip(spent) {
            if let Some(at) = spent.full_at() {
                kept.owes_until(at);
            }
        }
    }
}

/// When the last of them is full.
fn full_at(buckets: &Buckets) -> Option<Instant> {
    buckets.iter().filter_map(|bucket| bucket.full_at()).max()
}

/// Sources that are remembered at most; those go first that have the least to come back.
const SOURCES_MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn source(number: u32) -> Option<Source> {
        Some(Source::Network(IpAddr::V4(number.into())))
    }

    fn spent(at: Instant) -> Buckets {
        let mut buckets = Buckets::default();
        buckets[0].owes_until(at);
        buckets
    }

    #[test]
    fn the_largest_debt_of_a_source_is_remembered_and_full_buckets_are_not() {
        let (now, mut kept) = (Instant::now(), SpentBudgets::default());
        let later = |seconds| now + Duration::from_secs(seconds);
        for seconds in [0, 3, 4, 2] {
            kept.keep(source(1), spent(later(seconds)), now);
        }
        assert_eq!(full_at(&kept.of(source(1)).unwrap()), Some(later(4)));
        kept.keep(source(2), spent(now), now);
        kept.keep(None, spent(later(9)), now);
        assert!(kept.of(source(2)).is_none() && kept.of(None).is_none());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_largest_debts() {
        let (now, mut kept) = (Instant::now(), SpentBudgets::default());
        let later = |millis| now + Duration::from_millis(millis);
        kept.keep(source(0), spent(later(1_000_000)), now);
        for number in 1..3 * SOURCES_MOST as u32 {
            kept.keep(source(number), spent(later(u64::from(number))), now);
            assert!(kept.of.len() <= SOURCES_MOST);
        }
        assert!(kept.of(source(0)).is_some());
        kept.keep(source(1), spent(later(2_000_000)), later(999_999));
        assert_eq!(kept.of.len(), 2, "what has come back makes room");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let network = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
