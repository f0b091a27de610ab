//! The product's [`Endpoint`] as a [`Host`], which runs on the nodes of most worlds.

use core::net::SocketAddr;

use slotmap::Key as _;
use tickwire_core::address::Ecn;
use tickwire_core::time::Instant;
use tickwire_core::{Endpoint, Event};

use crate::host::{Host, Outgoing};
use crate::trace::TraceHash;

impl Host for Endpoint {
    type Event = Event;

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, ecn: Ecn, bytes: &mut [u8]) {
        Self::handle_datagram(self, now, from, ecn, bytes);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Outgoing> {
        let transmit = Self::poll_transmit(self, now, buffer)?;
        Some(Outgoing {
            to: transmit.path.remote,
            size: transmit.size,
            segment_size: transmit.segment_size,
            ecn: transmit.ecn,
        })
    }

    fn poll_event(&mut self) -> Option<Event> {
        Self::poll_event(self)
    }

    fn poll_timeout(&self) -> Instant {
        Self::poll_timeout(self).0
    }

    fn digest(event: &Event, hash: &mut TraceHash) {
        match event {
            // The bytes themselves: their debug text would be four times as long.
            Event::Message { connection, channel, data } => {
                hash.word(connection.data().as_ffi());
                hash.word(u64::from(channel.0));
                hash.bytes(data);
            }
            Event::Delivered { connection, channel, message } => {
                hash.word(connection.data().as_ffi());
                hash.word(u64::from(channel.0));
                hash.word(message.0);
            }
            other => hash.debug(other),
        }
    }
}
