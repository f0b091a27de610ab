//! A simulated driver: an endpoint, the links that it runs over, and the carriers under them.

use core::net::SocketAddr;
use std::collections::{BTreeMap, VecDeque};

use tickwire_core::address::{Address, Ecn, LinkId};
use tickwire_core::time::Instant;
use tickwire_core::{ConnectionId, Endpoint, Event};

use super::contract::{Carrier, CarrierCounters, CarrierState, Side};
use super::segment::{Segment, SegmentKind};
use crate::host::{Host, Outgoing};
use crate::rng::mix;
use crate::trace::TraceHash;

/// The counters of a simulated driver, for all of its links together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkCounters {
    /// The number of datagrams that the endpoint wrote to open links.
    pub datagrams: u64,
    /// The number of bytes in the datagrams that the endpoint wrote to open links.
    pub bytes: u64,
    /// The size of the largest datagram that the endpoint wrote to an open link, in bytes.
    pub largest: u64,
    /// The number of datagrams that exceeded the remaining credit of their link.
    pub beyond_credit: u64,
    /// The number of transmits that the endpoint marked as ECN-capable, although links carry no ECN bits, plus the
    /// number of datagrams whose link was not open.
    pub unsuitable: u64,
    /// The number of segments from the network that were damaged, or belonged to an unknown connection.
    pub refused: u64,
    /// The number of times that the driver reported a loss to the endpoint. One report may cover several datagrams.
    pub losses_told: u64,
    /// The number of links that the driver reported to the endpoint as open.
    pub opened: u64,
    /// The number of open links that the driver closed.
    pub closed: u64,
}

struct HostedLink<C> {
    carrier: C,
    peer: SocketAddr,
    connection: u64,
    /// `true` if the driver has reported the link to the endpoint.
    is_open: bool,
    credit: Option<u64>,
}

/// A [`Host`] whose endpoint runs over links. A client has one link to its server, and opens a new link when the
/// link breaks. A server accepts links. When a new link of a client opens, the server closes the client's older links.
pub struct LinkHost<C: Carrier> {
    /// The endpoint that runs over the links.
    pub endpoint: Endpoint,
    config: C::Config,
    seed: u64,
    /// The address of the server that the driver dials; `None` for a server.
    server: Option<SocketAddr>,
    links: BTreeMap<LinkId, HostedLink<C>>,
    /// The id of the newest link. Ids are not reused.
    last: u64,
    /// The number of carriers created so far, from which the next connection number is derived.
    made: u64,
    /// Resets that the driver must send to the sources of segments without a connection.
    resets: VecDeque<(SocketAddr, Vec<u8>)>,
    buffer: Vec<u8>,
    counters: LinkCounters,
    /// The counters of removed carriers.
    past: CarrierCounters,
}

impl<C: Carrier> LinkHost<C> {
    /// Creates a driver that accepts links. `seed` must be different for each node.
    #[must_use]
    pub fn accepting(endpoint: Endpoint, config: C::Config, seed: u64) -> Self {
        Self {
            endpoint,
            config,
            seed,
            server: None,
            links: BTreeMap::new(),
            last: 0,
            made: 0,
            resets: VecDeque::new(),
            buffer: vec![0; BUFFER],
            counters: LinkCounters::default(),
            past: CarrierCounters::default(),
        }
    }

    /// Creates a driver that opens a link to `server`, and a new link whenever the link breaks.
    #[must_use]
    pub fn dialling(
        endpoint: Endpoint,
        config: C::Config,
        seed: u64,
        now: Instant,
        server: SocketAddr,
    ) -> Self {
        let mut host = Self { server: Some(server), ..Self::accepting(endpoint, config, seed) };
        host.last = 1;
        host.dial(now, LinkId(1), server);
        host
    }

    /// Returns the id of the newest link, which may be open or not. A client's newest link leads to its server. Before
    /// a server has accepted a link, the id is 0.
    #[must_use]
    pub const fn link(&self) -> LinkId {
        LinkId(self.last)
    }

    /// Returns the driver's counters so far.
    #[must_use]
    pub const fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// Returns the counters of all carriers of the driver, including closed carriers. The counts are sums, and
    /// `held_most` is the maximum.
    #[must_use]
    pub fn carriers(&self) -> CarrierCounters {
        self.links.values().fold(self.past, |sum, link| add(sum, link.carrier.counters()))
    }

    fn dial(&mut self, now: Instant, id: LinkId, server: SocketAddr) {
        self.made += 1;
        let connection = mix(self.seed, self.made);
        let carrier = C::new(&self.config, Side::Dialler, connection, now);
        self.links.insert(id, HostedLink { carrier, peer: server, connection, is_open: false, credit: None });
    }

    fn accept(&mut self, now: Instant, from: SocketAddr, connection: u64) -> LinkId {
        self.last += 1;
        let carrier = C::new(&self.config, Side::Listener, connection, now);
        let link = HostedLink { carrier, peer: from, connection, is_open: false, credit: None };
        self.links.insert(LinkId(self.last), link);
        LinkId(self.last)
    }

    /// Closes the other links of `peer`, because a client that opens a new link has left its old links. A repeated
    /// request does not reach this method.
    fn leave_others(&mut self, now: Instant, id: LinkId, peer: SocketAddr) {
        let others = self.links.iter().filter(|(other, link)| **other != id && link.peer == peer);
        let others: Vec<LinkId> = others.map(|(other, _)| *other).collect();
        for other in others {
            self.close(now, other);
        }
    }

    /// Returns the link to which a segment belongs, which may be new.
    fn find(&mut self, now: Instant, from: SocketAddr, segment: &Segment<'_>) -> Option<LinkId> {
        let mut known = self.links.iter().filter(|(_, link)| link.peer == from);
        if let Some((id, _)) = known.find(|(_, link)| link.connection == segment.connection) {
            return Some(*id);
        }
        if self.server.is_none() && segment.kind == SegmentKind::Open && self.links.len() < LINKS {
            return Some(self.accept(now, from, segment.connection));
        }
        if segment.kind != SegmentKind::Reset && self.resets.len() < RESETS {
            let reset = Segment { kind: SegmentKind::Reset, connection: segment.connection, body: &[] };
            self.resets.push_back((from, reset.write()));
        }
        None
    }

    /// Reports the new states of the carriers to the endpoint.
    fn settle(&mut self, now: Instant) {
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            self.settle_link(now, id);
        }
    }

    fn settle_link(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let state = link.carrier.state();
        if state == CarrierState::Open && !link.is_open {
            link.is_open =
                self.endpoint.open_link(now, id, link.carrier.properties(), Some(link.peer.ip())).is_ok();
            self.counters.opened += 1;
            let peer = link.peer;
            self.leave_others(now, id, peer);
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        while let Some(mut datagram) = link.carrier.poll_datagram() {
            self.endpoint.handle_datagram(now, id, Ecn::NotCapable, &mut datagram);
        }
        if link.is_open && link.carrier.take_loss() {
            self.counters.losses_told += 1;
            self.endpoint.report_link_loss(now, id);
        }
        let credit = link.carrier.credit();
        if link.is_open && credit != link.credit {
            link.credit = credit;
            self.endpoint.set_link_credit(now, id, credit.unwrap_or(u64::MAX));
        }
        if state == CarrierState::Broken {
            self.replace(now, id);
        }
    }

    /// Replaces the broken carrier of a client, and redirects the connection to the new link. A link that the driver never
    /// reported to the endpoint keeps its id.
    fn replace(&mut self, now: Instant, id: LinkId) {
        let address = Address::Link(id);
        let ours = |endpoint: &Endpoint, other: &ConnectionId| endpoint.address(*other) == Some(address);
        let connections: Vec<ConnectionId> =
            self.endpoint.connections().filter(|other| ours(&self.endpoint, other)).collect();
        let was_open = self.close(now, id);
        let Some(server) = self.server else { return };
        if was_open {
            self.last += 1;
        }
        let link = self.link();
        self.dial(now, link, server);
        for connection in connections {
            self.endpoint.redirect(now, connection, link);
        }
    }

    fn close(&mut self, now: Instant, id: LinkId) -> bool {
        let Some(mut link) = self.links.remove(&id) else { return false };
        while let Some(segment) = link.carrier.poll_segment(now).filter(|_| self.resets.len() < RESETS) {
            self.resets.push_back((link.peer, segment));
        }
        self.past = add(self.past, link.carrier.counters());
        if link.is_open {
            self.counters.closed += 1;
            self.endpoint.close_link(now, id);
        }
        link.is_open
    }

    /// Passes the endpoint's datagrams to the carriers.
    fn pump(&mut self, now: Instant) {
        let mut buffer = core::mem::take(&mut self.buffer);
        while let Some(transmit) = self.endpoint.poll_transmit(now, &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                self.write(transmit.path.remote, datagram);
            }
            self.counters.unsuitable += u64::from(transmit.ecn != Ecn::NotCapable);
            if let Some(id) = transmit.path.remote.link() {
                self.settle_link(now, id);
            }
        }
        self.buffer = buffer;
    }

    fn write(&mut self, to: Address, datagram: &[u8]) {
        let link = to.link().and_then(|id| self.links.get_mut(&id)).filter(|link| link.is_open);
        let Some(link) = link else {
            self.counters.unsuitable += 1;
            return;
        };
        let length = datagram.len() as u64;
        self.counters.datagrams += 1;
        self.counters.bytes += length;
        self.counters.largest = self.counters.largest.max(length);
        self.counters.beyond_credit += u64::from(link.credit.is_some_and(|credit| credit < length));
        link.credit = link.credit.map(|credit| credit.saturating_sub(length));
        link.carrier.send(datagram);
    }

    fn poll_segment(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        let mut links = self.links.iter_mut();
        let polled = links.find_map(|(id, link)| Some((*id, link.peer, link.carrier.poll_segment(now)?)));
        match polled {
            Some((id, peer, segment)) => {
                self.settle_link(now, id);
                Some((peer, segment))
            }
            None => self.resets.pop_front(),
        }
    }
}

impl<C: Carrier> Host for LinkHost<C> {
    type Event = Event;

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, _ecn: Ecn, bytes: &mut [u8]) {
        let id = Segment::read(bytes).and_then(|segment| self.find(now, from, &segment));
        let Some(link) = id.and_then(|id| self.links.get_mut(&id)) else {
            self.counters.refused += 1;
            return;
        };
        link.carrier.handle_segment(now, bytes);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.links.values_mut().for_each(|link| link.carrier.handle_timeout(now));
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Outgoing> {
        self.pump(now);
        let polled = self.poll_segment(now).or_else(|| {
            // A carrier that dropped what waited has room again, and the endpoint may have more.
            self.settle(now);
            self.pump(now);
            self.poll_segment(now)
        });
        let (to, segment) = polled?;
        let room = buffer.get_mut(..segment.len())?;
        room.copy_from_slice(&segment);
        let size = segment.len();
        Some(Outgoing { to: Address::Udp(to), size, segment_size: size, ecn: Ecn::NotCapable })
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.endpoint.poll_event()
    }

    fn poll_timeout(&self) -> Instant {
        let carriers = self.links.values().map(|link| link.carrier.poll_timeout());
        carriers.fold(self.endpoint.poll_timeout().0, Instant::min)
    }

    fn digest(event: &Event, hash: &mut TraceHash) {
        <Endpoint as Host>::digest(event, hash);
    }
}

fn add(sum: CarrierCounters, one: CarrierCounters) -> CarrierCounters {
    CarrierCounters {
        resent: sum.resent + one.resent,
        dropped: sum.dropped + one.dropped,
        held_most: sum.held_most.max(one.held_most),
    }
}

/// The size of the buffer for several datagrams of the largest size, in bytes.
const BUFFER: usize = 256 << 10;
const RESETS: usize = 64;
const LINKS: usize = 4096;
