//! An attempt to connect, as the game sees it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tickwire_core::ConnectionId;

use crate::answer::{Pending, Taken};
use crate::error::ConnectError;
use crate::shared::NetworkThreadId;

/// A running attempt to connect.
///
/// It is a future. Code without `async` calls [`Attempt::wait`], or [`Attempt::result`] once per frame. Dropping it
/// changes nothing: `Event::Connected` comes all the same. An `Event::Closed` of the null connection reports a failed attempt
/// too, but no handler of `on_disconnected` is called for it.
#[must_use = "an attempt that fails is reported here only"]
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

    /// The result, if there is one. It is returned once.
    pub fn result(&mut self) -> Option<Result<ConnectionId, ConnectError>> {
        match self.pending.take() {
            Taken::Value(result) => Some(result),
            Taken::Never => Some(Err(ConnectError::Stopped)),
            Taken::NotYet => None,
        }
    }

    /// Waits for the result. `ConnectOptions::timeout` limits how long an attempt takes.
    ///
    /// # Errors
    /// [`ConnectError`]; to an accept policy [`ConnectError::OnNetworkThread`], unless there is a result already.
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
