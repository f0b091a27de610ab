//! Resume tickets for accepted connections, and the wall clock that decides their expiry.

use alloc::vec::Vec;

use super::Endpoint;
use crate::connection::Connection;
use crate::error::ConfigError;
use crate::event::ConnectionId;
use crate::handshake::RESUME_TICKET_LIFE;
use crate::time::{Instant, Span};

impl Endpoint {
    /// Sets the wall clock to a new `offset`, which replaces [`crate::Config::wall_offset`]: microseconds from the Unix
    /// epoch to [`Instant::ZERO`], 0 to 2^62. From this call on, the endpoint checks the expiry of tickets by the new
    /// clock. Setting the clock back makes no used ticket and no ended session valid again. Live sessions are not
    /// affected. After a correction of a minute or more, the endpoint sends each client a new resume
    /// ticket within 30 s.
    ///
    /// Drivers regularly compare the system's clock with [`Endpoint::wall_offset`]. The call visits each connection if
    /// the correction is a minute or more; otherwise its cost is constant.
    ///
    /// # Errors
    /// [`ConfigError`] if `offset` is outside its range, or is 0 although [`crate::Access::Tickets`] needs the time.
    /// The wall clock is then unchanged.
    pub fn set_wall_offset(&mut self, now: Instant, offset: u64) -> Result<(), ConfigError> {
        self.advance(now);
        self.config.check_wall_offset(offset)?;
        let before = core::mem::replace(&mut self.config.wall_offset, offset);
        if before.abs_diff(offset) >= RESEAL_FROM_US {
            self.renew_tickets();
        }
        Ok(())
    }

    /// Returns the wall offset, in microseconds from the Unix epoch to [`Instant::ZERO`], as configured or as most
    /// recently set.
    #[must_use]
    pub const fn wall_offset(&self) -> u64 {
        self.config.wall_offset
    }

    /// Returns the wall-clock time in microseconds since the Unix epoch.
    pub(super) fn wall(&self, now: Instant) -> u64 {
        self.config.wall_offset.saturating_add(now.as_micros())
    }

    /// Makes each client receive another resume ticket soon, because the expiry of its present ticket was set by a wrong
    /// clock.
    fn renew_tickets(&mut self) {
        let (now, rng) = (self.now, &mut self.rng);
        let renews = |state: &mut Connection| state.renew_ticket(now, rng).then(|| state.id());
        let renewed: Vec<ConnectionId> = self.connections.iter_mut().filter_map(renews).collect();
        for connection in renewed {
            self.refresh(connection);
        }
    }

    /// Returns the latest possible expiry of a ticket of a session that ends at `now`, in microseconds of wall-clock time.
    pub(super) fn last_expiry(&self, now: Instant, newest: u64) -> u64 {
        newest.max(self.wall(now).saturating_add(Span::of(RESUME_TICKET_LIFE).as_micros()))
    }

    /// Makes the resume ticket that a connection requests for its client, if the connection requests one.
    pub(super) fn push_ticket(&mut self, now: Instant, connection: ConnectionId) {
        if self.config.resume_window.is_zero() {
            return;
        }
        let wall = self.wall(now);
        let expiry = wall.saturating_add(Span::of(RESUME_TICKET_LIFE).as_micros());
        let Some(state) = self.connections.get_mut(connection) else { return };
        if !state.take_wants_ticket() {
            return;
        }
        let Some(contents) = state.next_ticket(expiry, &self.settings) else { return };
        let sealer = self.acceptor.resume_sealer();
        let sealed = sealer.seal(self.settings.provider.handshake(), &mut self.rng, wall, &contents);
        state.session_mut().offer_ticket(sealed, expiry);
    }
}

/// The smallest correction of the wall clock, in microseconds, after which the endpoint seals new resume tickets.
const RESEAL_FROM_US: u64 = 60_000_000;
