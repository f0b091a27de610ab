//! Pairs of endpoints with the null provider and without limits on clients, for fast tests.

use tickwire_core::wire::{DataHeader, Frame, FrameReader};
use tickwire_core::{Config, Duration, Instant};
use tickwire_sim::pair::Pair;

use super::provider;

/// Creates two endpoints with the null provider, unless `change` sets another provider.
pub(crate) fn new(change: impl Fn(&mut Config)) -> Pair {
    let mut config = Config::new(4);
    config.dont_fragment = true;
    config.provider = provider::null();
    config.max_connections = 20_000;
    config.max_connections_per_source = Some(20_000);
    (config.handshake_rate, config.handshake_burst) = (1_000_000, 1_000_000);
    config.cookie_threshold = usize::MAX;
    change(&mut config);
    Pair::new(Instant::ZERO + Duration::from_secs(1), &config)
}

/// Creates two endpoints with `count` idle connections.
pub(crate) fn connected(count: usize, change: impl Fn(&mut Config)) -> Pair {
    let mut pair = new(change);
    pair.connect(count);
    pair.pass(Duration::from_millis(200));
    pair
}

/// Returns the frames of a data packet that the null provider did not encrypt.
pub(crate) fn frames(datagram: &[u8]) -> Vec<Frame<'_>> {
    let header = DataHeader::read(datagram).unwrap();
    FrameReader::new(&datagram[header.header_len()..datagram.len() - 16]).map(Result::unwrap).collect()
}
