//! One client.

use std::sync::Arc;

use tickwire_core::message::{NetMessage, Registry};
use tickwire_core::{Config, ConnectOptions, Event};
use tickwire_native::{Attempt, Client, NetworkAddress, Options, SendError, StartError};
use tickwire_server::Game as _;

use super::Load;
use super::messages::{Loose, Sure};
use super::tally::{Sender, Tally};

/// A client and its account.
pub(super) struct LoadClient {
    client: Client,
    attempt: Option<Attempt>,
    pub(super) is_in: bool,
    /// Why it is not, or no longer, there.
    pub(super) trouble: Option<String>,
    pub(super) tally: Tally,
}

struct ToServer<'a>(&'a Client);

impl Sender for ToServer<'_> {
    type Error = SendError;

    fn send<T: NetMessage>(&self, message: &T) -> Result<(), SendError> {
        self.0.send_to_server(message)
    }
}

impl LoadClient {
    pub(super) fn start(registry: &Arc<Registry>) -> Result<Self, StartError> {
        let options = Options::new(Config::new(Load::APPLICATION)).registry(Arc::clone(registry));
        let client = Client::start(options.socket_buffer(SOCKET_BUFFER))?;
        Ok(Self { client, attempt: None, is_in: false, trouble: None, tally: Tally::default() })
    }

    pub(super) fn dial(&mut self, to: &NetworkAddress, options: ConnectOptions) {
        self.attempt = Some(self.client.connect(to, options));
    }

    /// Whether it is still being let in.
    pub(super) fn is_dialling(&mut self) -> bool {
        if let Some(result) = self.attempt.as_mut().and_then(Attempt::result) {
            self.attempt = None;
            match result {
                Ok(_) => self.is_in = true,
                Err(error) => self.trouble = Some(error.to_string()),
            }
        }
        self.attempt.is_some()
    }

    pub(super) fn send(&mut self) {
        if self.is_in {
            self.tally.send(&ToServer(&self.client));
        }
    }

    /// Takes in what has come.
    pub(super) fn drain(&mut self) {
        while let Some(event) = self.client.next_event() {
            match event {
                Event::Message { data, .. } => self.on_message(&data),
                Event::Interrupted { .. } => self.trouble = Some("its connection was interrupted".into()),
                Event::Closed { reason, .. } => {
                    self.is_in = false;
                    self.trouble = Some(format!("{reason:?}"));
                }
                _ => {}
            }
        }
    }

    fn on_message(&mut self, data: &[u8]) {
        let registry = self.client.registry();
        if let Ok(message) = registry.decode(data) {
            if let Some(loose) = message.downcast_ref::<Loose>() {
                self.tally.on_loose(loose);
            } else if let Some(sure) = message.downcast_ref::<Sure>() {
                self.tally.on_sure(sure);
            }
        }
    }
}

/// Bytes: it receives a few messages at a time.
const SOCKET_BUFFER: usize = 256 << 10;
