//! Links that the driver opened: what they promise, and how much they take right now.

use alloc::collections::BTreeMap;

use crate::address::{Address, LinkId, LinkProperties};

#[derive(Clone, Copy, Debug)]
struct Link {
    properties: LinkProperties,
    /// Bytes that the link takes before it would queue; `None` is no limit.
    credit: Option<u64>,
}

/// The open links of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<LinkId, Link>);

impl Links {
    pub(super) fn open(&mut self, id: LinkId, properties: LinkProperties) {
        self.0.insert(id, Link { properties, credit: None });
    }

    pub(super) fn close(&mut self, id: LinkId) -> bool {
        self.0.remove(&id).is_some()
    }

    pub(super) fn set_credit(&mut self, id: LinkId, bytes: u64) {
        if let Some(link) = self.0.get_mut(&id) {
            link.credit = Some(bytes);
        }
    }

    /// What the link under `address` promises; `None` for UDP and for links that are not open.
    pub(super) fn properties(&self, address: Address) -> Option<LinkProperties> {
        let Address::Link(id) = address else { return None };
        self.0.get(&id).map(|link| link.properties)
    }

    /// Whether a datagram of any size may be built for `address` now.
    pub(super) fn has_credit(&self, address: Address) -> bool {
        match address {
            Address::Udp(_) => true,
            Address::Link(id) => self.0.get(&id).is_some_and(|link| {
                link.credit.is_none_or(|credit| credit >= u64::from(link.properties.max_datagram))
            }),
        }
    }

    /// Notes that `bytes` were written to `address`.
    pub(super) fn spend(&mut self, address: Address, bytes: u64) {
        if let Address::Link(id) = address
            && let Some(credit) = self.0.get_mut(&id).and_then(|link| link.credit.as_mut())
        {
            *credit = credit.saturating_sub(bytes);
        }
    }
}
