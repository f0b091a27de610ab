//! Moving a session that is connected to another path, without an interruption.

use crate::address::Path;
use crate::endpoint::Endpoint;
use crate::endpoint::ids::Entry;
use crate::error::ResumeOverError;
use crate::event::ConnectionId;
use crate::time::Instant;

impl Endpoint {
    /// Dials the server of a connected connection over `path`, beside the live transport, to move the session to that
    /// path. While the attempt runs, the session continues over its present path.
    ///
    /// If the server resumes the session over `path`, the new transport replaces the old one, and both ends report
    /// [`Event::Resumed`](crate::Event::Resumed) without `Interrupted`. Reliable messages arrive once and in order. Later
    /// attempts to reconnect dial `path`. If the attempt fails, nothing changes, and the endpoint reports
    /// [`Event::ResumeOverFailed`](crate::Event::ResumeOverFailed). If the present transport is lost in the meantime, the
    /// attempt serves as the first attempt to reconnect.
    ///
    /// # Errors
    /// [`ResumeOverError`] if the connection is not a connected one that this endpoint dialled, an attempt already runs,
    /// the server has not sent a resume ticket yet, or the endpoint has no free connection id. The call then changes
    /// nothing.
    pub fn resume_over(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        path: impl Into<Path>,
    ) -> Result<(), ResumeOverError> {
        let now = self.advance(now);
        let state = self.connections.get(connection).ok_or(ResumeOverError::NotConnected)?;
        let attempt = state.attempt_over(path.into())?;
        let dial = self.begin_dial(now, attempt).map_err(|_| ResumeOverError::NoConnectionId)?;
        self.ids.assign(dial.local_id, Entry::Dial(connection));
        if let Some(state) = self.connections.get_mut(connection) {
            state.dial_beside(dial);
        }
        self.refresh(connection);
        Ok(())
    }
}
