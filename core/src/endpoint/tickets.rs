//! Resume tickets for accepted connections.

use super::Endpoint;
use crate::connection::RESUME_TICKET_LIFE;
use crate::event::ConnectionId;
use crate::handshake::ResumeContents;
use crate::time::{Instant, micros};

impl Endpoint {
    /// Makes the resume ticket that a connection wants to give its client, if it wants one.
    pub(super) fn push_ticket(&mut self, now: Instant, connection: ConnectionId) {
        if self.config.resume_window.is_zero() {
            return;
        }
        let expiry = self.wall(now).saturating_add(micros(RESUME_TICKET_LIFE));
        let Some(state) = self.connections.get_mut(connection) else { return };
        if !core::mem::take(&mut state.wants_ticket) {
            return;
        }
        let Some(transport) = state.transport.as_deref() else { return };
        state.ticket.sequence = state.ticket.sequence.saturating_add(1);
        let contents = ResumeContents {
            session: state.session,
            incarnation: state.ticket.sequence,
            identity: state.peer.identity,
            user_data: state.peer.user_data.to_vec(),
            psk: transport.resume_psk(&self.settings, state.ticket.sequence),
            expiry,
        };
        let wall = self.config.wall_offset.saturating_add(now.as_micros());
        let sealer = self.acceptor.resume_sealer();
        let sealed = sealer.seal(&*self.settings.provider, &mut self.rng, wall, &contents);
        state.ticket.offer(sealed, expiry);
    }
}
