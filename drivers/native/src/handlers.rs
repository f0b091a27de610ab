//! Subscriptions: functions that are called with messages, and with connections that come and go.

use std::sync::Arc;

use tickwire_core::message::{
    Dispatcher, EncodeError, HandlerAction, HandlerId as MessageHandlerId, NetMessage, Outcome, Registry,
};
use tickwire_core::{Address, CloseReason, ConnectionId, Event, PeerInfo};

use crate::handle::Handle;

/// A subscription. Ids are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HandlerId(Which);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Which {
    Message(MessageHandlerId),
    Connection(u64),
}

/// What one call of `update` did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Update {
    /// Events taken from the queue.
    pub events: usize,
    /// Valid messages among them, whether somebody listened or not.
    pub messages: usize,
    /// Messages that were refused as invalid.
    pub rejected: usize,
}

/// All subscriptions of a server, client or peer. They live on the game's side: handlers run where `update` is called.
pub(crate) struct Handlers {
    dispatcher: Dispatcher,
    next_serial: u64,
    connected: Vec<(u64, OnConnected)>,
    disconnected: Vec<(u64, OnDisconnected)>,
    events: Vec<(u64, OnEvent)>,
}

type OnConnected = Box<dyn FnMut(ConnectionId, Address, &PeerInfo) + Send>;
type OnDisconnected = Box<dyn FnMut(ConnectionId, &CloseReason) + Send>;
type OnEvent = Box<dyn FnMut(&Event) + Send>;

impl Handlers {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self {
            dispatcher: Dispatcher::new(registry),
            next_serial: 0,
            connected: Vec::new(),
            disconnected: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn on<T: NetMessage, R: Into<HandlerAction>>(
        &mut self,
        handler: impl FnMut(ConnectionId, &T) -> R + Send + 'static,
    ) -> Result<HandlerId, EncodeError> {
        self.dispatcher.on(handler).map(|id| HandlerId(Which::Message(id)))
    }

    pub(crate) fn validate<T: NetMessage>(
        &mut self,
        valid: impl Fn(&T) -> bool + Send + 'static,
    ) -> Result<(), EncodeError> {
        self.dispatcher.validate(valid)
    }

    pub(crate) fn on_connected(
        &mut self,
        handler: impl FnMut(ConnectionId, Address, &PeerInfo) + Send + 'static,
    ) -> HandlerId {
        let serial = self.serial();
        self.connected.push((serial, Box::new(handler)));
        HandlerId(Which::Connection(serial))
    }

    pub(crate) fn on_disconnected(
        &mut self,
        handler: impl FnMut(ConnectionId, &CloseReason) + Send + 'static,
    ) -> HandlerId {
        let serial = self.serial();
        self.disconnected.push((serial, Box::new(handler)));
        HandlerId(Which::Connection(serial))
    }

    pub(crate) fn on_event(&mut self, handler: impl FnMut(&Event) + Send + 'static) -> HandlerId {
        let serial = self.serial();
        self.events.push((serial, Box::new(handler)));
        HandlerId(Which::Connection(serial))
    }

    pub(crate) fn off(&mut self, handler: HandlerId) -> bool {
        match handler.0 {
            Which::Message(id) => self.dispatcher.off(id),
            Which::Connection(serial) => {
                let count = |handlers: &Self| {
                    handlers.connected.len() + handlers.disconnected.len() + handlers.events.len()
                };
                let before = count(self);
                self.connected.retain(|(id, _)| *id != serial);
                self.disconnected.retain(|(id, _)| *id != serial);
                self.events.retain(|(id, _)| *id != serial);
                count(self) < before
            }
        }
    }

    /// Calls whoever subscribed to this event.
    pub(crate) fn handle(&mut self, network: &Handle, event: Event, update: &mut Update) {
        update.events += 1;
        self.events.iter_mut().for_each(|(_, call)| call(&event));
        match event {
            Event::Message { connection, data, .. } => self.dispatch(network, connection, &data, update),
            Event::Connected { connection, address, peer, .. } => {
                self.connected.iter_mut().for_each(|(_, call)| call(connection, address, &peer));
            }
            // An attempt to connect that failed, or the driver's end: no connection.
            Event::Closed { connection, .. } if connection == ConnectionId::default() => {}
            Event::Closed { connection, reason, .. } => {
                self.dispatcher.forget(connection);
                self.disconnected.iter_mut().for_each(|(_, call)| call(connection, &reason));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, network: &Handle, connection: ConnectionId, data: &[u8], update: &mut Update) {
        // Without message types, whoever drains events decodes by himself.
        if self.dispatcher.registry().is_empty() {
            return;
        }
        match self.dispatcher.dispatch(network.now(), connection, data) {
            Outcome::Handled { .. } => update.messages += 1,
            Outcome::Rejected { verdict, .. } => {
                update.rejected += 1;
                network.reject(connection, verdict);
            }
        }
    }

    const fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }
}
