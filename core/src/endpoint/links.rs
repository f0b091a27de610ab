//! Links that the driver opened: their properties, and their current credit.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::IpAddr;

use slotmap::KeyData;

use crate::address::{Address, LinkId, LinkProperties};
use crate::event::ConnectionId;
use crate::source::Source;

#[derive(Clone, Copy, Debug)]
struct Link {
    properties: LinkProperties,
    /// The number of bytes that the link accepts before it queues. `None` means no limit.
    credit: Option<u64>,
    /// The IP address of the peer's host, if the driver knows it.
    far_end: Option<IpAddr>,
}

/// The open links of an endpoint, and the connections that use links, open or not.
#[derive(Debug, Default)]
pub(super) struct Links {
    open: BTreeMap<LinkId, Link>,
    connections: BTreeSet<(LinkId, ConnectionId)>,
}

impl Links {
    pub(super) fn open(&mut self, id: LinkId, properties: LinkProperties, far_end: Option<IpAddr>) {
        self.open.insert(id, Link { properties, credit: None, far_end });
    }

    /// Returns the IP address of the host at `address`, if it is known.
    pub(super) fn far_end(&self, address: Address) -> Option<IpAddr> {
        match address {
            Address::Udp(socket) => Some(socket.ip()),
            Address::Link(id) => self.open.get(&id).and_then(|link| link.far_end),
        }
    }

    /// Returns the source of datagrams from `address`. A link whose remote address is unknown is a separate source.
    pub(super) fn source(&self, address: Address) -> Source {
        Source::of(address, self.far_end(address))
    }

    pub(super) fn close(&mut self, id: LinkId) -> bool {
        self.open.remove(&id).is_some()
    }

    pub(super) fn set_credit(&mut self, id: LinkId, bytes: u64) {
        if let Some(link) = self.open.get_mut(&id) {
            link.credit = Some(bytes);
        }
    }

    /// Returns the properties of the link at `address`, or `None` for UDP and for a link that is not open.
    pub(super) fn properties(&self, address: Address) -> Option<LinkProperties> {
        let Address::Link(id) = address else { return None };
        self.open.get(&id).map(|link| link.properties)
    }

    /// Returns `true` if datagrams from `address` may be processed. Datagrams from a link may be processed only
    /// while the link is open.
    pub(super) fn may_receive(&self, address: Address) -> bool {
        match address {
            Address::Udp(_) => true,
            Address::Link(id) => self.open.contains_key(&id),
        }
    }

    /// Records that `connection` has changed its links.
    pub(super) fn move_connection(
        &mut self,
        connection: ConnectionId,
        from: [Option<LinkId>; 2],
        to: [Option<LinkId>; 2],
    ) {
        for link in from.into_iter().flatten() {
            self.connections.remove(&(link, connection));
        }
        for link in to.into_iter().flatten() {
            self.connections.insert((link, connection));
        }
    }

    /// Returns the connections whose transport or dial uses a link.
    pub(super) fn connections(&self, link: LinkId) -> Vec<ConnectionId> {
        let least = ConnectionId::from(KeyData::from_ffi(0));
        let range = self.connections.range((link, least)..).take_while(|(other, _)| *other == link);
        range.map(|(_, connection)| *connection).collect()
    }

    /// Returns `true` if a datagram of any size may be built for `address` now.
    pub(super) fn has_credit(&self, address: Address) -> bool {
        match address {
            Address::Udp(_) => true,
            Address::Link(id) => self.open.get(&id).is_some_and(|link| {
                link.credit.is_none_or(|credit| credit >= u64::from(link.properties.max_datagram))
            }),
        }
    }

    /// Records that `bytes` were written to `address`.
    pub(super) fn spend(&mut self, address: Address, bytes: u64) {
        if let Address::Link(id) = address
            && let Some(credit) = self.open.get_mut(&id).and_then(|link| link.credit.as_mut())
        {
            *credit = credit.saturating_sub(bytes);
        }
    }
}
