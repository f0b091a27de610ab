//! The connections of an endpoint, each with data that only the endpoint needs: the lists that contain the connection, and
//! the account to which it counts.

use alloc::boxed::Box;

use slotmap::SlotMap;

use crate::address::LinkId;
use crate::connection::Connection;
use crate::event::ConnectionId;
use crate::handshake::Owner;
use crate::source::Source;

/// A connection, and the lists of the endpoint that contain it.
pub(super) struct Member {
    /// Boxed, because the list has unused places.
    pub(super) connection: Box<Connection>,
    /// The links under which the endpoint lists the connection.
    pub(super) links: [Option<LinkId>; 2],
    /// The source to which an accepted connection counts, or `None` until its address is validated.
    pub(super) source: Option<Source>,
    /// The owner of the connection, while the connection holds a place.
    pub(super) owner: Option<Box<Owner>>,
    /// `true` if the connection has released its place.
    pub(super) has_left: bool,
    /// `true` if the list of connections with data to send contains the connection.
    pub(super) is_queued_to_send: bool,
    /// `true` if the list of connections with events to report contains the connection.
    pub(super) is_queued_to_tell: bool,
    /// `true` if the list of connections whose indexes are out of date contains the connection.
    pub(super) is_unsettled: bool,
}

impl Member {
    /// Returns the owner of the connection, while the connection holds a place.
    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner.as_deref().copied()
    }
}

/// The connections of an endpoint.
#[derive(Default)]
pub(super) struct Members {
    slots: SlotMap<ConnectionId, Member>,
}

impl Members {
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.slots.get(id).map(|member| &*member.connection)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots.get_mut(id).map(|member| &mut *member.connection)
    }

    pub(super) fn member(&self, id: ConnectionId) -> Option<&Member> {
        self.slots.get(id)
    }

    pub(super) fn member_mut(&mut self, id: ConnectionId) -> Option<&mut Member> {
        self.slots.get_mut(id)
    }

    pub(super) fn insert(&mut self, make: impl FnOnce(ConnectionId) -> Connection) -> ConnectionId {
        self.slots.insert_with_key(|id| Member {
            connection: Box::new(make(id)),
            links: [None; 2],
            source: None,
            owner: None,
            has_left: false,
            is_queued_to_send: false,
            is_queued_to_tell: false,
            is_unsettled: false,
        })
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Member> {
        self.slots.remove(id)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots.values().map(|member| &*member.connection)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.slots.values_mut().map(|member| &mut *member.connection)
    }
}
