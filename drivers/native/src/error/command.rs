//! The reason why the driver did not accept a command.

use std::fmt;

/// The reason why the driver did not accept a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// An accept policy called the method, on the network thread, while the queue to that thread was full. Calls on
    /// other threads wait until the queue has space.
    QueueFull,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => f.write_str(
                "the queue to the network thread is full, and an accept policy, which runs on that thread, cannot \
                 wait until the queue has space; call the method from another thread, or raise Options::commands",
            ),
        }
    }
}

impl std::error::Error for CommandError {}
