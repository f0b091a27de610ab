//! The core sends no UDP datagram above 1200 bytes unless the driver forbids IP fragmentation.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::{Net, Pass};
use tickwire_core::{Access, Config, Duration, Secrets};

/// Returns the sizes of the largest datagrams of server and client, which send each other 1 MB, and the sizes in their
/// statistics.
fn largest(change: impl Fn(usize, &mut Config)) -> ([usize; 2], [usize; 2]) {
    let mut configs = [0, 1].map(|node| {
        let mut config = Config::new(common::APPLICATION);
        config.access = if node == 0 { Access::Open } else { Access::Closed };
        change(node, &mut config);
        config
    });
    let nodes = ["10.0.0.1:7777", "10.0.0.2:4000"].iter().enumerate().map(|(index, address)| {
        let seed = index as u8 + 1;
        let config = std::mem::replace(&mut configs[index], Config::new(0));
        common::Node::new(config, Secrets::new([seed; 32]), seed, address, tickwire_core::Instant::ZERO)
    });
    let mut net = Net::new(nodes.collect(), Duration::from_millis(10));
    let sizes = Rc::new(Cell::new([0; 2]));
    let seen = Rc::clone(&sizes);
    net.filter = Box::new(move |_, node, bytes| {
        let mut sizes = seen.get();
        sizes[node] = sizes[node].max(bytes.len());
        seen.set(sizes);
        Pass::Deliver
    });
    let client = net.connect();
    net.run_until(Duration::from_secs(1), |net| net.nodes[0].connected().is_some());
    let connections = [net.nodes[0].connected().unwrap(), client];
    for (node, connection) in connections.into_iter().enumerate() {
        for _ in 0..4 {
            net.send(node, connection, 0, vec![0; 250_000]);
        }
    }
    net.run_until(Duration::from_secs(20), |net| net.nodes.iter().all(|node| node.messages().len() == 4));
    let told = [0, 1].map(|node| net.nodes[node].endpoint.stats(connections[node]).unwrap().max_datagram);
    (sizes.get(), told)
}

#[test]
fn an_endpoint_without_dont_fragment_never_sends_a_datagram_above_1200_bytes() {
    assert_eq!(largest(|_, _| {}), ([1200; 2], [1200; 2]));
    // A larger `max_datagram` says what the end takes, not that what it sends stays whole.
    assert_eq!(largest(|_, config| config.max_datagram = 4000), ([1200; 2], [1200; 2]));
}

#[test]
fn an_end_with_dont_fragment_searches_the_path_mtu_even_if_its_peer_lacks_dont_fragment() {
    let forbids = |who: usize| move |node: usize, config: &mut Config| config.dont_fragment = node == who;
    for who in [0, 1] {
        let (sizes, told) = largest(forbids(who));
        assert!(sizes[who] > 1400 && told[who] > 1400, "{sizes:?}, {told:?}");
        assert_eq!((sizes[1 - who], told[1 - who]), (1200, 1200));
    }
}
