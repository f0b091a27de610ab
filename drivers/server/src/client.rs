//! Clients, and the table of connected clients.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

use tickwire_core::{Address, ConnectionId, PeerInfo};

use crate::allowance::Allowance;
use crate::budgets::{BudgetOwner, SpentBudgets};
use crate::network::{is_link_local, network_of};

/// The id of a client, counted from 1 since the start of the server. Ids are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(pub u32);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ClientId {
    type Err = std::num::ParseIntError;

    /// Parses a client's number, with or without `#` before it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('#').unwrap_or(text).parse().map(Self)
    }
}

/// A client of the server: its id, connection, address and identity.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Client {
    /// The id of the client.
    pub id: ClientId,
    /// The id of the connection to the client.
    pub connection: ConnectionId,
    /// The address of the client.
    pub address: Address,
    /// The client's identity and user data, as its ticket states them. Without a ticket, the identity is all zeros.
    pub peer: PeerInfo,
    /// The time at which the client connected.
    pub since: Instant,
    /// `true` if the connection to the client is interrupted, and the server keeps the client's session.
    pub is_interrupted: bool,
    /// The client's limits, and how much of them it has used.
    pub(crate) allowance: Allowance,
}

impl Client {
    /// Returns the identity in the client's ticket. Returns `None` if the client has no ticket.
    #[must_use]
    pub fn identity(&self) -> Option<[u8; 16]> {
        Some(self.peer.identity).filter(|identity| *identity != [0; 16])
    }

    /// Returns the IP address of the client. Returns `None` if the client did not connect over UDP.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self.address {
            Address::Udp(socket) => Some(socket.ip().to_canonical()),
            _ => None,
        }
    }

    /// Returns the owner of the client's budgets. `None` for a client on a link without a ticket.
    pub(crate) fn budget_owner(&self) -> Option<BudgetOwner> {
        let network = || {
            self.ip().map(|ip| match ip {
                // The /64 of link-local addresses is the network that everybody there is in.
                IpAddr::V6(v6) if is_link_local(v6) => BudgetOwner::Network(ip),
                ip => BudgetOwner::Network(network_of(ip)),
            })
        };
        self.identity().map(BudgetOwner::Identity).or_else(network)
    }
}

/// Returns the text of an address for a person.
pub(crate) fn shown_address(address: Address) -> String {
    match address {
        Address::Udp(socket) => tickwire_native::NetworkAddress::from(socket).to_string(),
        other => format!("{other:?}"),
    }
}

/// The table of connected clients.
#[derive(Default)]
pub(crate) struct Clients {
    by_id: BTreeMap<ClientId, Client>,
    by_connection: BTreeMap<ConnectionId, ClientId>,
    last: u32,
    /// The time for which a client's unused limits accumulate.
    savings: Duration,
    /// The budgets that earlier clients had spent when they left.
    spent: SpentBudgets,
}

impl Clients {
    pub(crate) fn new(savings: Duration) -> Self {
        Self { savings, ..Self::default() }
    }

    pub(crate) fn join(
        &mut self,
        now: tickwire_core::Instant,
        connection: ConnectionId,
        address: Address,
        peer: PeerInfo,
    ) -> ClientId {
        self.last = self.last.wrapping_add(1);
        let id = ClientId(self.last);
        let since = Instant::now();
        let allowance = Allowance::new(now, self.savings, None);
        let mut client = Client { id, connection, address, peer, since, is_interrupted: false, allowance };
        let before = self.spent.of(client.budget_owner());
        client.allowance = Allowance::new(now, self.savings, before);
        self.by_id.insert(id, client);
        self.by_connection.insert(connection, id);
        id
    }

    pub(crate) fn leave(&mut self, now: tickwire_core::Instant, connection: ConnectionId) -> Option<Client> {
        let client = self.by_id.remove(&self.by_connection.remove(&connection)?)?;
        let unspent = now + self.savings;
        self.spent.keep(client.budget_owner(), client.allowance.spent(), unspent);
        Some(client)
    }

    pub(crate) fn of_connection(&mut self, connection: ConnectionId) -> Option<&mut Client> {
        self.by_id.get_mut(self.by_connection.get(&connection)?)
    }

    pub(crate) fn get(&self, id: ClientId) -> Option<&Client> {
        self.by_id.get(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.by_id.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_core::{Instant, LinkId};

    #[test]
    fn a_client_id_is_never_reused() {
        let mut keys = slotmap_keys();
        let mut clients = Clients::default();
        let (a, b) = (keys.remove(0), keys.remove(0));
        let address = Address::Link(LinkId(1));
        let first = clients.join(Instant::ZERO, a, address, PeerInfo::default());
        assert_eq!((first, clients.of_connection(a).map(|client| client.id)), (ClientId(1), Some(first)));
        assert_eq!(clients.leave(Instant::ZERO, a).map(|client| client.id), Some(first));
        assert!(clients.get(first).is_none() && clients.of_connection(a).is_none());
        assert_eq!(clients.join(Instant::ZERO, b, address, PeerInfo::default()), ClientId(2));
        assert_eq!(clients.len(), 1);
    }

    #[test]
    fn a_client_that_reconnects_keeps_its_spent_message_budget() {
        use crate::allowance::{Charged, Limits};
        let limits = Limits { messages: std::num::NonZeroU32::new(1), bytes: None };
        let (now, keys) = (Instant::ZERO, slotmap_keys());
        let mut clients = Clients::new(Duration::from_secs(80));
        let at = |ip: [u8; 4]| Address::from(std::net::SocketAddr::from((ip, 7)));
        let mut taken = |address, identity: u8| {
            let peer = PeerInfo { identity: [identity; 16], ..PeerInfo::default() };
            clients.join(now, keys[0], address, peer);
            let client = clients.of_connection(keys[0]).unwrap();
            let taken =
                (0..9).take_while(|_| client.allowance.charge(limits, now, 1) == Charged::Within).count();
            clients.leave(now, keys[0]);
            taken
        };
        let (here, there) = (at([192, 0, 2, 1]), at([192, 0, 2, 2]));
        // By address, and by identity where tickets tell one.
        assert_eq!([taken(here, 0), taken(there, 0), taken(here, 0), taken(there, 0)], [4, 4, 0, 0]);
        assert_eq!([taken(here, 1), taken(there, 1), taken(there, 2)], [4, 0, 4]);
    }

    #[test]
    fn a_client_id_parses_with_or_without_a_number_sign() {
        assert_eq!("7".parse(), Ok(ClientId(7)));
        assert_eq!("#7".parse(), Ok(ClientId(7)));
        assert!("seven".parse::<ClientId>().is_err());
    }

    fn slotmap_keys() -> Vec<ConnectionId> {
        let mut endpoint = tickwire_core::Endpoint::new(
            tickwire_core::Config::new(1),
            tickwire_core::Secrets::new([1; 32]),
            [2; 32],
            Instant::ZERO,
        )
        .unwrap();
        (1..=2)
            .map(|port| {
                let to = std::net::SocketAddr::from(([127, 0, 0, 1], port));
                let options = tickwire_core::ConnectOptions::new([3; 32]);
                endpoint.connect(Instant::ZERO, to, options).unwrap()
            })
            .collect()
    }
}
