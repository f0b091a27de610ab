//! Connects all bots, one shortly after another.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tickwire_core::PublicKey;
use tickwire_core::{ConnectOptions, Ticket};
use tickwire_native::{ConnectError, Handle, NetworkAddress};

/// The running attempts to connect.
pub(super) struct Dialling {
    server: NetworkAddress,
    key: PublicKey,
    /// The tickets that are not used yet.
    tickets: std::vec::IntoIter<Ticket>,
    waiting: usize,
    done: Sender<Dialled>,
    ended: Receiver<Dialled>,
}

/// An attempt that has ended.
pub(super) struct Dialled {
    pub(super) result: Result<(), ConnectError>,
    pub(super) took: Duration,
}

impl Dialling {
    pub(super) fn new(server: NetworkAddress, key: PublicKey, tickets: Vec<Ticket>) -> Self {
        let (done, ended) = channel();
        Self { server, key, tickets: tickets.into_iter(), waiting: 0, done, ended }
    }

    /// Begins to connect one bot. A thread waits for the result, so that the measured time is exact.
    pub(super) fn dial(&mut self, client: &Handle) {
        let began = Instant::now();
        let options = ConnectOptions::new(self.key);
        let options = match self.tickets.next() {
            Some(ticket) => options.ticket(ticket),
            None => options,
        };
        let attempt = client.connect(&self.server, options);
        let done = self.done.clone();
        self.waiting += 1;
        thread::spawn(move || {
            let result = attempt.wait().map(drop);
            // If the crowd has left meanwhile, nobody wants to know.
            let _left = done.send(Dialled { result, took: began.elapsed() });
        });
    }

    /// Returns the next attempt that has ended.
    pub(super) fn ended(&mut self) -> Option<Dialled> {
        let dialled = self.ended.try_recv().ok()?;
        self.waiting -= 1;
        Some(dialled)
    }

    /// Returns whether no attempt is running.
    pub(super) const fn is_idle(&self) -> bool {
        self.waiting == 0
    }
}
