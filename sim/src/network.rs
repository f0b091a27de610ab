//! The virtual network: the nodes' addresses, the links between them, and the datagrams in transit.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use tickwire_core::address::Ecn;
use tickwire_core::time::Instant;

use crate::clock::micros;
use crate::fault::{Direction, Fault, NodeId};
use crate::link::{Arrival, Departure, Link, Pipe, PipeConfig, Pool, Tally};

/// A link between two nodes. Each direction of the link has its own faults.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// The nodes at the two ends of the link. [`Direction::Up`] leads from the first to the second. [`LinkConfig::new`]
    /// sets the nodes.
    pub between: (NodeId, NodeId),
    /// The one-way delay of a datagram on the link. [`LinkConfig::new`] sets the delay.
    pub delay: Duration,
    /// The bottleneck of the direction [`Direction::Up`], as its index in [`Topology::pipes`].
    ///
    /// Default: none.
    pub up: Option<usize>,
    /// The bottleneck of the direction [`Direction::Down`], as its index in [`Topology::pipes`].
    ///
    /// Default: none.
    pub down: Option<usize>,
    /// The size of the largest datagram that passes, in bytes. The link silently drops larger datagrams. A size that
    /// changes during a run is a fault ([`Kind::Mtu`](crate::fault::Kind::Mtu)).
    ///
    /// Default: 1,472 bytes.
    pub largest: usize,
}

impl LinkConfig {
    /// Creates a link without a bottleneck, which carries IP packets of up to 1500 bytes, as Ethernet does.
    #[must_use]
    pub const fn new(between: (NodeId, NodeId), delay: Duration) -> Self {
        Self { between, delay, up: None, down: None, largest: ETHERNET_DATAGRAM }
    }
}

/// The nodes of a network, and the links between them.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// The number of nodes in the network.
    pub nodes: usize,
    /// The links between the nodes. If several links join the same two nodes, the network uses the link with the
    /// highest index.
    pub links: Vec<LinkConfig>,
    /// The bottlenecks of the network. Links that name the same bottleneck share its capacity.
    pub pipes: Vec<PipeConfig>,
}

impl Topology {
    /// Creates a star network of a server, which is node 0, and `clients` clients. `delay` is the one-way delay, so an
    /// RTT is twice as long. The upward direction of link `i` leads from the client at node `i + 1` to the server.
    #[must_use]
    pub fn star(clients: usize, delay: Duration) -> Self {
        let links = (1..=clients).map(|client| LinkConfig::new((client, 0), delay)).collect();
        Self { nodes: clients + 1, links, pipes: Vec::new() }
    }

    /// Creates a network in which every pair of nodes has a link. `delay` is the one-way delay of each link.
    #[must_use]
    pub fn mesh(nodes: usize, delay: Duration) -> Self {
        let pairs = (0..nodes).flat_map(|from| (from + 1..nodes).map(move |to| (from, to)));
        Self { nodes, links: pairs.map(|pair| LinkConfig::new(pair, delay)).collect(), pipes: Vec::new() }
    }

    /// Sets the size of the largest datagram that passes each link, in bytes, and returns the changed topology.
    #[must_use]
    pub fn largest_datagram(mut self, bytes: usize) -> Self {
        self.links.iter_mut().for_each(|link| link.largest = bytes);
        self
    }

    /// Sets the bottleneck of one direction of the link with the index `link`, and returns the changed topology. The
    /// call has no effect if no link has this index.
    #[must_use]
    pub fn bottleneck(mut self, link: usize, direction: Direction, pipe: PipeConfig) -> Self {
        if let Some(config) = self.links.get_mut(link) {
            let place = match direction {
                Direction::Up => &mut config.up,
                Direction::Down => &mut config.down,
            };
            *place = Some(self.pipes.len());
            self.pipes.push(pipe);
        }
        self
    }
}

/// Returns the address that `node` has before any fault rebinds the node: 10.0.0.1:7777 for node 0, 10.0.0.2:7777 for node 1.
///
/// At most 65,535 nodes get different addresses.
#[must_use]
pub fn home_address(node: NodeId) -> SocketAddr {
    visible_address(node, 0)
}

/// Returns a number that differs between addresses and is the same on every target.
pub(crate) fn address_word(address: SocketAddr) -> u64 {
    let ip = match address.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ ip.to_bits() as u64,
    };
    ip.rotate_left(16) ^ u64::from(address.port())
}

fn visible_address(node: NodeId, bindings: u32) -> SocketAddr {
    let [_, _, high, low] = (node as u32 + 1).to_be_bytes();
    let block = (bindings / PORTS) as u8;
    SocketAddr::new(Ipv4Addr::new(10, block, high, low).into(), FIRST_PORT + (bindings % PORTS) as u16)
}

/// Returns whether `address` is one of the addresses from which [`Kind::Replay`](crate::fault::Kind::Replay) can
/// send copies of datagrams. No node of the topology ever has such an address.
#[must_use]
pub fn is_strangers(address: SocketAddr) -> bool {
    (0..=u8::MAX).any(|number| stranger_address(number) == address)
}

/// Returns an address from which datagrams are replayed, which no node ever has.
fn stranger_address(number: u8) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(203, 0, 113, number).into(), FIRST_PORT)
}

/// The size of the largest UDP payload that fits into an IPv4 packet of 1500 bytes, in bytes.
pub const ETHERNET_DATAGRAM: usize = 1472;
const FIRST_PORT: u16 = 7777;
const PORTS: u32 = 50_000;

/// The counters of datagrams by their outcome in the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NetworkCounters {
    /// The number of datagrams that nodes sent, including datagrams that no link carried.
    pub sent: u64,
    /// The number of bytes in the datagrams that nodes sent, including datagrams that no link carried.
    pub sent_bytes: u64,
    /// The number of datagrams sent to an address that no node has, or to a node to which the sender has no link.
    pub unroutable: u64,
    /// The number of datagrams that were dropped because they were larger than their link carries.
    pub too_large: u64,
    /// The number of datagrams of which every copy was lost, by a fault or because a queue was full. Replayed copies do
    /// not count.
    pub lost: u64,
    /// The number of datagrams that arrived at an address that no node has any more, or at a node that is down.
    pub unreachable: u64,
    /// The number of datagrams dropped because the socket buffer of a paused node was full.
    pub overflowed: u64,
    /// The number of datagrams delivered to a node, including duplicates and replayed datagrams.
    pub delivered: u64,
}

/// A datagram in transit.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
    pub(crate) ecn: Ecn,
}

/// The id of a datagram in transit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParcelId(u32);

pub(crate) struct Network {
    nodes: usize,
    /// The number of times that each node was bound to a new address.
    bindings: Vec<u32>,
    configs: Vec<LinkConfig>,
    /// The two directions of each link, the upward direction first.
    links: Vec<Link>,
    pipes: Vec<Pipe>,
    /// The index in `links` of the direction from each node to each node, by sender and receiver. `None` if no link
    /// joins the two nodes.
    routes: Vec<Option<u32>>,
    pub(crate) pool: Pool,
    pub(crate) tally: Tally,
    pub(crate) counters: NetworkCounters,
    underway: Vec<Option<Parcel>>,
    free: Vec<u32>,
    arrivals: Vec<Arrival>,
}

impl Network {
    pub(crate) fn new(topology: Topology, faults: usize) -> Self {
        let nodes = topology.nodes;
        let mut routes = vec![None; nodes * nodes];
        let mut links = Vec::with_capacity(topology.links.len() * 2);
        for config in &topology.links {
            let (from, to) = config.between;
            for (from, to) in [(from, to), (to, from)] {
                let id = links.len() as u32;
                if let Some(route) = routes.get_mut(from * nodes + to) {
                    *route = Some(id);
                }
                links.push(Link::new(u64::from(id), micros(config.delay)));
            }
        }
        Self {
            nodes,
            bindings: vec![0; nodes],
            configs: topology.links,
            links,
            pipes: topology.pipes.iter().map(Pipe::new).collect(),
            routes,
            pool: Pool::default(),
            tally: Tally::new(faults),
            counters: NetworkCounters::default(),
            underway: Vec::new(),
            free: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    pub(crate) fn pipe(&self, index: usize) -> Option<&Pipe> {
        self.pipes.get(index)
    }

    pub(crate) fn watch_pipes(&mut self) {
        self.pipes.iter_mut().for_each(Pipe::watch);
    }

    /// Returns the address under which other nodes see `node`.
    pub(crate) fn address(&self, node: NodeId) -> SocketAddr {
        visible_address(node, self.bindings.get(node).copied().unwrap_or(0))
    }

    /// Returns the node that has `address` now.
    pub(crate) fn node_at(&self, address: SocketAddr) -> Option<NodeId> {
        let IpAddr::V4(ip) = address.ip() else { return None };
        let [_, _, high, low] = ip.octets();
        let node = (usize::from(high) << 8 | usize::from(low)).checked_sub(1)?;
        (node < self.nodes && self.address(node) == address).then_some(node)
    }

    pub(crate) fn rebind(&mut self, node: NodeId) {
        if let Some(bindings) = self.bindings.get_mut(node) {
            *bindings += 1;
        }
    }

    pub(crate) fn begin(&mut self, index: usize, fault: &Fault) {
        self.struck_by(fault, |link| link.begin(index, fault));
    }

    pub(crate) fn end(&mut self, index: usize, fault: &Fault) {
        self.struck_by(fault, |link| link.end(index));
    }

    fn struck_by(&mut self, fault: &Fault, act: impl Fn(&mut Link)) {
        for (index, (config, ways)) in self.configs.iter().zip(self.links.chunks_exact_mut(2)).enumerate() {
            let (from, to) = config.between;
            let ends = [(Direction::Up, from, to), (Direction::Down, to, from)];
            for (link, (direction, from, to)) in ways.iter_mut().zip(ends) {
                if fault.target.strikes_link(index, direction, from, to) {
                    act(link);
                }
            }
        }
    }

    /// Sends a datagram of `node`, and plans its arrivals.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        node: NodeId,
        to: SocketAddr,
        datagram: (&[u8], Ecn),
        mut plan: impl FnMut(Instant, ParcelId),
    ) {
        self.counters.sent += 1;
        self.counters.sent_bytes += datagram.0.len() as u64;
        let route =
            self.node_at(to).and_then(|to| self.routes.get(node * self.nodes + to).copied().flatten());
        let Some(route) = route else {
            self.counters.unroutable += 1;
            return;
        };
        if datagram.0.len() > self.configs[route as usize / 2].largest {
            self.counters.too_large += 1;
            return;
        }
        let mut arrivals = core::mem::take(&mut self.arrivals);
        let (link, up) = (route as usize / 2, route % 2 == 0);
        let config = &self.configs[link];
        let pipe = if up { config.up } else { config.down };
        let pipe = pipe.and_then(|pipe| self.pipes.get_mut(pipe));
        let way = &mut self.links[route as usize];
        let departure = Departure { at_us: now.as_micros(), bytes: datagram.0, ecn: datagram.1 };
        way.carry(departure, pipe, &mut self.pool, &mut self.tally, &mut arrivals);
        if arrivals.iter().all(|arrival| arrival.stranger.is_some()) {
            self.counters.lost += 1;
        }
        let home = self.address(node);
        for Arrival { at_us, bytes, ecn, stranger } in arrivals.drain(..) {
            let from = stranger.map_or(home, stranger_address);
            let id = self.keep(Parcel { from, to, bytes, ecn });
            plan(Instant::saturating_from_micros(at_us), id);
        }
        self.arrivals = arrivals;
    }

    /// Stores a datagram in transit, and returns its id.
    pub(crate) fn keep(&mut self, parcel: Parcel) -> ParcelId {
        if let Some(place) = self.free.pop() {
            self.underway[place as usize] = Some(parcel);
            return ParcelId(place);
        }
        self.underway.push(Some(parcel));
        ParcelId(self.underway.len() as u32 - 1)
    }

    /// Removes and returns a datagram that arrives.
    pub(crate) fn take(&mut self, id: ParcelId) -> Option<Parcel> {
        let parcel = self.underway.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        Some(parcel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn star() -> Network {
        Network::new(Topology::star(3, Duration::from_millis(10)), 0)
    }

    fn arrival(network: &mut Network, from: NodeId, to: SocketAddr) -> Option<(Instant, Parcel)> {
        let mut planned = None;
        network.send(Instant::ZERO, from, to, (b"x", Ecn::NotCapable), |at, id| planned = Some((at, id)));
        planned.and_then(|(at, id)| Some((at, network.take(id)?)))
    }

    #[test]
    fn a_datagram_arrives_from_the_visible_address_of_its_sender_after_the_delay_of_the_link() {
        let mut network = star();
        let (at, parcel) = arrival(&mut network, 2, home_address(0)).unwrap();
        assert_eq!(at.as_micros(), 10_000);
        assert_eq!((parcel.from, parcel.to), (home_address(2), home_address(0)));
        assert_eq!(home_address(2).to_string(), "10.0.0.3:7777");
    }

    #[test]
    fn datagrams_to_an_unlinked_address_never_arrive() {
        let mut network = star();
        assert!(arrival(&mut network, 1, home_address(2)).is_none());
        assert!(arrival(&mut network, 1, "192.168.0.1:7777".parse().unwrap()).is_none());
        assert_eq!(network.counters.unroutable, 2);
    }

    #[test]
    fn each_of_60000_rebindings_gives_a_node_a_new_address() {
        let mut network = star();
        let mut seen = vec![network.address(1)];
        for _ in 0..60_000 {
            network.rebind(1);
            seen.push(network.address(1));
        }
        assert_eq!(network.node_at(seen[0]), None);
        assert_eq!(network.node_at(network.address(1)), Some(1));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 60_001);
    }

    #[test]
    fn datagrams_above_the_mtu_of_a_link_are_lost() {
        let mut network = star();
        for (length, arrives) in [(1472, 1), (1473, 0)] {
            let (bytes, mut count) = (vec![0; length], 0);
            let datagram = (&bytes[..], Ecn::NotCapable);
            network.send(Instant::ZERO, 1, home_address(0), datagram, |_, _| count += 1);
            assert_eq!(count, arrives, "{length}");
        }
        assert_eq!((network.counters.too_large, network.counters.lost), (1, 0));
    }

    #[test]
    fn two_links_that_name_the_same_bottleneck_share_its_capacity() {
        let mut topology = Topology::star(2, Duration::ZERO).bottleneck(
            0,
            Direction::Up,
            PipeConfig::Rate { bytes_per_second: 1_000_000, queue_bytes: 10_000 },
        );
        topology.links[1].up = topology.links[0].up;
        let mut network = Network::new(topology, 0);
        let mut times = Vec::new();
        for node in [1, 2] {
            let datagram = (&[0; 1000][..], Ecn::NotCapable);
            network.send(Instant::ZERO, node, home_address(0), datagram, |at, _| times.push(at.as_micros()));
        }
        assert_eq!(times, [1000, 2000]);
    }
}
