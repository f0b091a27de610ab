//! Moves a session from one transport to the next: its beginning, its continuation, and the keys and tickets for both.

use alloc::boxed::Box;

use super::settle;
use super::{Connection, Phase, Settings, TICKET_RENEWAL, Transport};
use crate::address::Path;
use crate::event::{ConnectionId, PeerInfo};
use crate::rng::Rng;
use crate::time::{Instant, Span};

/// The time, in microseconds, within which every client receives another resume ticket after a correction of the wall
/// clock.
const RENEW_WITHIN_US: u64 = 30_000_000;

impl Connection {
    /// Connects for the first time, on a new transport.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        transport: Box<Transport>,
        peer: PeerInfo,
        replaces: Option<ConnectionId>,
        settings: &Settings,
    ) {
        self.notices.connected(transport.path.remote, peer.clone(), replaces);
        self.session.on_peer_known(peer);
        self.session.on_connected(now);
        self.phase = Phase::Connected;
        self.transport = Some(transport);
        self.on_transport_replaced(now, settings);
    }

    /// Continues the session on a new transport. The old transport is discarded completely.
    pub(crate) fn resume(&mut self, now: Instant, transport: Box<Transport>, settings: &Settings) {
        self.drop_transport();
        self.phase = Phase::Connected;
        self.session.resume(settings.reliable_channels);
        self.notices.resumed(transport.path.remote);
        // Another address than before may have to pay.
        self.is_found |= transport.unproven.is_none();
        self.transport = Some(transport);
        self.on_transport_replaced(now, settings);
    }

    /// Adopts the peer's attempt, which crossed this end's attempt and survives. The peer never received the packets of
    /// this end's attempt.
    pub(crate) fn adopt(
        &mut self,
        now: Instant,
        transport: Box<Transport>,
        peer: PeerInfo,
        settings: &Settings,
    ) {
        if let Some(unheard) = self.transport.as_deref_mut() {
            settle::give_up_flight(unheard, &mut self.session);
        }
        self.drop_transport();
        self.session.on_peer_known(peer);
        self.transport = Some(transport);
        self.on_transport_replaced(now, settings);
    }

    fn on_transport_replaced(&mut self, now: Instant, settings: &Settings) {
        self.limit(now, self.bandwidth, settings.bandwidth);
        self.session.clock.on_new_transport();
        self.resume_at = if self.plan.is_none() { now + TICKET_RENEWAL } else { Instant::MAX };
        if let Some(plan) = &mut self.plan {
            plan.attempts = 0;
            plan.give_up_at = Instant::MAX;
        }
        self.wants_dial = false;
    }

    pub(crate) fn drop_transport(&mut self) {
        if let Some(transport) = self.transport.take() {
            self.heard_before = transport.last_heard;
            self.retired_ids.push(transport.local_id);
        }
    }

    pub(crate) fn drop_dial(&mut self) {
        if let Some(dial) = self.dial.take() {
            self.retired_ids.push(dial.local_id);
        }
    }

    /// Looks for the peer at the address `to` from now on.
    pub(crate) fn redirect(&mut self, now: Instant, to: Path) {
        let Some(plan) = &mut self.plan else { return };
        let is_new = plan.path != to;
        plan.path = to;
        let is_elsewhere = self.dial.as_ref().is_none_or(|dial| dial.path != to);
        if self.phase == Phase::Interrupted && is_new && is_elsewhere {
            self.drop_dial();
            self.resume_at = now;
        }
    }

    /// Begins a handshake beside this connection, because the peer may have forgotten the connection.
    pub(crate) fn on_unknown(&mut self) {
        let may = self.phase == Phase::Connected && self.plan.as_ref().is_some_and(|plan| plan.reconnect);
        self.wants_dial |= may && self.dial.is_none();
    }

    /// Returns `true` if the session can continue after the transport is lost.
    pub(crate) fn can_resume(&self, settings: &Settings) -> bool {
        self.phase == Phase::Connected
            && match &self.plan {
                Some(plan) => plan.reconnect && plan.can_come_back(),
                None => self.session.ticket.has_successor() && !settings.resume_window.is_zero(),
            }
    }

    /// Returns `true` for a client that was accepted before and can be accepted again.
    pub(crate) fn is_back(&self, settings: &Settings) -> bool {
        self.can_resume(settings) && self.plan.as_ref().is_some_and(|plan| plan.resume.is_some())
    }

    /// Handles a refusal of the resume ticket, which expired and whose session is lost. Returns `true` if the client dials
    /// again with another credential.
    pub(crate) fn fall_back(&mut self) -> bool {
        let Some(plan) = self.plan.as_deref_mut().filter(|plan| plan.ticket.is_none()) else { return false };
        plan.resume = None;
        self.drop_dial();
        self.wants_dial = true;
        true
    }

    /// Makes the endpoint seal another resume ticket at a random time within [`RENEW_WITHIN_US`]. Returns `true` if this
    /// connection sends tickets to its peer.
    pub(crate) fn renew_ticket(&mut self, now: Instant, rng: &mut Rng) -> bool {
        let gives_tickets = self.phase == Phase::Connected && self.plan.is_none();
        if gives_tickets {
            let at = now + Span::from_micros(rng.below(RENEW_WITHIN_US));
            self.resume_at = self.resume_at.min(at);
        }
        gives_tickets
    }

    /// Waits for the next attempt, because no attempt could begin now.
    pub(crate) fn retry_dial_later(&mut self, now: Instant, rng: &mut Rng) {
        if let Some(plan) = &mut self.plan {
            plan.attempts = plan.attempts.saturating_add(1);
            self.resume_at = now + plan.back_off(rng.next_u64());
        }
    }
}
