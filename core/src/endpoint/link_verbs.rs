//! Calls by which a driver reports on the links that it opened.

use core::net::IpAddr;

use super::Endpoint;
use crate::address::{LinkId, LinkProperties};
use crate::error::ConnectError;
use crate::limits::LEAST_DATAGRAM;
use crate::time::Instant;

impl Endpoint {
    /// Declares a link that the driver opened. Call this method before the link's first datagram. A second call for the
    /// same link replaces the link's properties and its `far_end`, and removes its credit limit.
    ///
    /// `far_end` is the IP address of the peer's host. Traffic on the link counts towards the limits of this address
    /// (connections, handshakes, bans), as UDP traffic from this address does. A link without `far_end` counts as a
    /// separate source, so limits per source do not restrict a host that opens many such links.
    ///
    /// # Errors
    /// [`ConnectError::LinkTooSmall`] if the link cannot carry a datagram of [`crate::limits::LEAST_DATAGRAM`] bytes.
    pub fn open_link(
        &mut self,
        now: Instant,
        link: LinkId,
        properties: LinkProperties,
        far_end: Option<IpAddr>,
    ) -> Result<(), ConnectError> {
        self.advance(now);
        let (max_datagram, least) = (properties.max_datagram, LEAST_DATAGRAM);
        if max_datagram < least {
            return Err(ConnectError::LinkTooSmall { max_datagram, least });
        }
        self.links.open(link, properties, far_end);
        for connection in self.links.connections(link) {
            if let Some(state) = self.connections.get_mut(connection) {
                state.on_link_opened(link, properties.reliable);
            }
        }
        self.on_link_writable(link);
        Ok(())
    }

    /// Sets the number of bytes that the link can accept now. The endpoint subtracts the bytes that it then sends. While
    /// the number is below the link's largest datagram, the endpoint builds no datagram for the link. Before the first
    /// call for a link, its credit is unlimited.
    pub fn set_link_credit(&mut self, now: Instant, link: LinkId, bytes: u64) {
        self.advance(now);
        self.links.set_credit(link, bytes);
        self.on_link_writable(link);
    }

    /// Reports that a link has ended. The endpoint interrupts the connections that use the link, or closes them if they
    /// cannot be resumed.
    pub fn close_link(&mut self, now: Instant, link: LinkId) {
        let now = self.advance(now);
        if !self.links.close(link) {
            return;
        }
        self.replies.forget(link);
        for connection in self.links.connections(link) {
            if let Some(state) = self.connections.get_mut(connection) {
                state.on_link_closed(now, link, &mut self.rng, &self.settings);
            }
            self.refresh(connection);
        }
    }

    /// Reports that an unreliable link dropped datagrams after it accepted them, for example because a buffer below the
    /// link was full. The endpoint then detects the loss after one RTT instead of one PTO. A reliable link that loses
    /// bytes is broken, so the driver must close it.
    pub fn report_link_loss(&mut self, now: Instant, link: LinkId) {
        self.advance(now);
        for connection in self.links.connections(link) {
            if let Some(state) = self.connections.get_mut(connection) {
                state.on_link_loss(link);
            }
            self.refresh(connection);
        }
    }

    /// Allows the replies and connections that wait for `link` to send, if the link has credit.
    fn on_link_writable(&mut self, link: LinkId) {
        if !self.links.has_credit(link.into()) {
            return;
        }
        self.replies.unblock(link);
        for connection in self.links.connections(link) {
            self.refresh(connection);
        }
    }
}
