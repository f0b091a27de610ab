//! Why an order was not taken.

use std::fmt;

/// Why an order was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// An accept policy gave the order, on the network thread, while the queue to that thread was full. Everybody else waits
    /// for room.
    QueueFull,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => f.write_str(
                "the queue to the network thread is full, and an accept policy, which runs there, cannot wait for room; \
                 give the order from another thread, or raise Options::commands",
            ),
        }
    }
}

impl std::error::Error for CommandError {}
