//! The entities that each connection predicts.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::ids::NetworkId;
use crate::event::ConnectionId;

/// Pairs of an entity and a connection that predicts it.
#[derive(Clone, Debug, Default)]
pub(super) struct Predictions {
    by_entity: BTreeMap<NetworkId, Vec<ConnectionId>>,
    counts: BTreeMap<ConnectionId, usize>,
}

impl Predictions {
    pub(super) const fn new() -> Self {
        Self { by_entity: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// Returns the number of entities that a connection predicts.
    pub(super) fn count(&self, connection: ConnectionId) -> usize {
        self.counts.get(&connection).copied().unwrap_or(0)
    }

    /// Returns `true` if any connection predicts the entity.
    pub(super) fn is_predicted(&self, id: NetworkId) -> bool {
        self.by_entity.contains_key(&id)
    }

    /// Returns `true` if the connection predicts the entity.
    pub(super) fn contains(&self, connection: ConnectionId, id: NetworkId) -> bool {
        self.by_entity.get(&id).is_some_and(|connections| connections.contains(&connection))
    }

    /// Returns the connections that predict an entity.
    pub(super) fn of_entity(&self, id: NetworkId) -> &[ConnectionId] {
        self.by_entity.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Adds a pair. Returns `true` if the pair is new.
    pub(super) fn insert(&mut self, connection: ConnectionId, id: NetworkId) -> bool {
        if self.contains(connection, id) {
            return false;
        }
        self.by_entity.entry(id).or_default().push(connection);
        *self.counts.entry(connection).or_default() += 1;
        true
    }

    /// Removes a pair. Returns `true` if the pair existed.
    pub(super) fn remove(&mut self, connection: ConnectionId, id: NetworkId) -> bool {
        let Some(connections) = self.by_entity.get_mut(&id) else { return false };
        let Some(place) = connections.iter().position(|other| *other == connection) else { return false };
        connections.swap_remove(place);
        if connections.is_empty() {
            self.by_entity.remove(&id);
        }
        self.uncount(connection);
        true
    }

    /// Removes all pairs of an entity.
    pub(super) fn remove_entity(&mut self, id: NetworkId) {
        for connection in self.by_entity.remove(&id).into_iter().flatten() {
            self.uncount(connection);
        }
    }

    /// Removes all pairs of a connection, and returns their entities. The work grows with the number of pairs of all connections.
    pub(super) fn remove_connection(&mut self, connection: ConnectionId) -> Vec<NetworkId> {
        if self.count(connection) == 0 {
            return Vec::new();
        }
        let of_connection = self.by_entity.iter().filter(|(_, others)| others.contains(&connection));
        let ids: Vec<NetworkId> = of_connection.map(|(id, _)| *id).collect();
        for id in &ids {
            self.remove(connection, *id);
        }
        ids
    }

    fn uncount(&mut self, connection: ConnectionId) {
        if let Some(count) = self.counts.get_mut(&connection) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&connection);
            }
        }
    }

    /// Returns the heap memory of the pairs, in bytes. The method counts the nodes of the tree as half full.
    pub(super) fn memory(&self) -> usize {
        let entity = 2 * size_of::<(NetworkId, Vec<ConnectionId>)>();
        let connections: usize = self.by_entity.values().map(Vec::capacity).sum();
        self.by_entity.len() * entity
            + connections * size_of::<ConnectionId>()
            + self.counts.len() * 2 * size_of::<(ConnectionId, usize)>()
    }
}
