//! A running attempt to connect, as the game handles it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tickwire_core::ConnectionId;

use crate::answer::{Pending, Taken};
use crate::error::ConnectError;
use crate::shared::NetworkThreadId;

/// A running attempt to connect.
///
/// An attempt is a future. Code without `async` calls [`Attempt::wait`], or calls [`Attempt::result`] once per frame.
/// Dropping the `Attempt` does not end the attempt to connect: on success, the game still receives `Event::Connected`.
/// A failure is also reported by an `Event::Closed` with the null connection, for which the driver does not call the
/// handlers of `on_disconnected`.
#[must_use = "take the result of the attempt with `wait`, `result` or `.await`"]
pub struct Attempt {
    pending: Pending<Result<ConnectionId, ConnectError>>,
    network_thread: NetworkThreadId,
}

impl Attempt {
    pub(crate) const fn new(
        pending: Pending<Result<ConnectionId, ConnectError>>,
        network_thread: NetworkThreadId,
    ) -> Self {
        Self { pending, network_thread }
    }

    /// Returns the result of the attempt, or `None` while the attempt runs. A call after the call that returned the
    /// result returns [`ConnectError::Stopped`].
    pub fn result(&mut self) -> Option<Result<ConnectionId, ConnectError>> {
        match self.pending.take() {
            Taken::Value(result) => Some(result),
            Taken::Never => Some(Err(ConnectError::Stopped)),
            Taken::NotYet => None,
        }
    }

    /// Blocks until the attempt ends, and returns its result. `ConnectOptions::timeout` sets the longest duration of an
    /// attempt.
    ///
    /// # Errors
    /// [`ConnectError`] if the attempt fails, and [`ConnectError::OnNetworkThread`] if an accept policy calls this
    /// method while the attempt runs.
    pub fn wait(mut self) -> Result<ConnectionId, ConnectError> {
        if self.network_thread.is_here() {
            return self.result().unwrap_or(Err(ConnectError::OnNetworkThread));
        }
        self.pending.wait(None).unwrap_or(Err(ConnectError::Stopped))
    }
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attempt(..)")
    }
}

impl Future for Attempt {
    type Output = Result<ConnectionId, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.pending).poll(context).map(|result| result.unwrap_or(Err(ConnectError::Stopped)))
    }
}
