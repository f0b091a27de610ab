//! Requests of other threads to a server.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use crate::console::Reply;
use crate::mailbox::Mailbox;

/// A request to the server's thread.
pub(crate) enum Order {
    /// Runs a console command, and sends its reply.
    Line { text: String, reply: SyncSender<Reply> },
    /// Stops the server, for this reason.
    Stop(String),
    /// Reads the configuration file and the list of bans again.
    Reload,
}

/// A handle with which any thread can give commands to a running server.
///
/// ```
/// fn watch(remote: &tickwire_server::Remote) {
///     match remote.run("status --json") {
///         Some(Ok(json)) => println!("{json}"),
///         Some(Err(error)) => eprintln!("error: {error}"),
///         None => println!("the server has stopped"),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Remote {
    orders: Arc<Mailbox<Order>>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remote(..)")
    }
}

impl Remote {
    pub(crate) const fn new(orders: Arc<Mailbox<Order>>) -> Self {
        Self { orders }
    }

    /// Runs a console command, and waits for the command's answer. Returns `None` if the server has stopped. The game
    /// must not call this method, because the call would wait for the game's own thread.
    #[must_use]
    pub fn run(&self, line: &str) -> Option<Reply> {
        let (reply, answer) = sync_channel(1);
        self.orders.put(Order::Line { text: line.into(), reply });
        answer.recv().ok()
    }

    /// Stops the server. Clients receive the reason `why`. The server then accepts no further commands.
    pub fn stop(&self, why: &str) {
        self.orders.put_last(Order::Stop(why.into()));
    }

    /// Requests that the server read the configuration file and the list of bans again. The log reports the result.
    pub fn reload(&self) {
        self.orders.put(Order::Reload);
    }

    /// Returns whether the server accepts commands.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.orders.is_closed()
    }
}
