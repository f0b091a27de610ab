//! What other threads may ask of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, SyncSender, sync_channel};

use crate::console::Reply;

/// What the server's thread is asked to do.
pub(crate) enum Order {
    /// Carry a command out, and say what it says.
    Line { text: String, reply: SyncSender<Reply> },
    /// Stop, for this reason.
    Stop(String),
    /// Look at the configuration file again.
    Reload,
}

/// Gives commands to a server that runs, from any thread.
#[derive(Clone, Debug)]
pub struct Remote {
    orders: Sender<Order>,
    is_running: Arc<AtomicBool>,
}

impl Remote {
    pub(crate) fn new(orders: Sender<Order>) -> Self {
        Self { orders, is_running: Arc::new(AtomicBool::new(true)) }
    }

    /// Carries a console command out, and waits for what it says; `None` if the server stopped meanwhile.
    #[must_use]
    pub fn run(&self, line: &str) -> Option<Reply> {
        let (reply, answer) = sync_channel(1);
        self.orders.send(Order::Line { text: line.into(), reply }).ok()?;
        answer.recv().ok()
    }

    /// Stops the server; clients are told `why`.
    pub fn stop(&self, why: &str) {
        // A server that is gone has stopped.
        let _stopped = self.orders.send(Order::Stop(why.into()));
    }

    /// Looks at the configuration file again.
    pub fn reload(&self) {
        let _stopped = self.orders.send(Order::Reload);
    }

    /// Whether the server takes commands.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) {
        self.is_running.store(false, Ordering::Release);
    }
}
