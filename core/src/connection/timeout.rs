//! The time at which a connection needs to be called, and the work that it does then.

use super::settle;
use super::timers::Timer;
use super::{Connection, Phase, Settings, TICKET_RENEWAL};
use crate::channel::Arena;
use crate::event::{CloseReason, ResumeOverFailure};
use crate::limits::{BASE_DATAGRAM, REST_AFTER};
use crate::rng::Rng;
use crate::time::{Instant, Span};

impl Connection {
    /// Does the work that is due at `now`. The caller must call [`Connection::look`] afterwards.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        arena: &mut Arena,
        rng: &mut Rng,
        settings: &Settings,
    ) {
        while let Some((timer, at)) = self.timers.take_expired(now) {
            if matches!(timer, Timer::Resume | Timer::Handshake)
                && let Some(plan) = self.plan.as_deref_mut()
            {
                plan.excuse(now.since(at));
            }
            let before = self.phase;
            match timer {
                Timer::Loss => self.on_loss_timeout(now),
                Timer::Acknowledgement => self.with_transport(|transport| transport.acks.on_timeout()),
                Timer::Heartbeat => {
                    self.with_transport(|transport| transport.on_patience_over(now));
                    self.rest_if_idle(now);
                }
                Timer::Rest => self.rest_if_idle(now),
                // The endpoint queues the delayed packets when it looks at the connection.
                Timer::Pacing => {}
                Timer::Idle => self.on_silence(now, settings),
                Timer::Path => self.with_transport(|transport| {
                    transport.migration.on_timeout(now);
                }),
                Timer::Expiry => self.on_expiry(now, arena, settings),
                Timer::Close => self.on_close_timeout(now),
                Timer::Resume => self.on_resume_timeout(now),
                Timer::Handshake => self.on_handshake_timeout(now, rng),
            }
            if self.phase != before {
                // The other due timers belong to the former phase.
                self.timers = self.deadlines(now, self.needs(now));
            }
        }
    }

    /// Releases the memory that traffic needed, once only heartbeats were exchanged for [`REST_AFTER`]. Heartbeats and
    /// their answers trigger this check. If heartbeats are rare, a timer triggers it once after
    /// [`crate::limits::REST_WITHIN`]. An idle connection therefore wakes up no more often.
    pub(super) fn rest_if_idle(&mut self, now: Instant) {
        let Some(transport) = self.transport.as_deref_mut() else { return };
        if now.since(transport.busy_at) >= Span::of(REST_AFTER) {
            transport.rested_at = Some(transport.busy_at);
            transport.sent.rest();
            transport.acks.rest();
            transport.reordering.rest();
            self.session.rest();
        }
    }

    fn on_loss_timeout(&mut self, now: Instant) {
        let Some(transport) = self.transport.as_deref_mut() else { return };
        if let Some(unproven) = &mut transport.unproven {
            unproven.challenge_again();
        }
        if transport.loss_at.is_some() {
            settle::detect_losses(now, transport, &mut self.session, 0..0);
            if transport.mtu.is_too_narrow() {
                self.finish_for_narrow_path();
            }
        } else {
            settle::probe(transport, &mut self.session);
            transport.last_eliciting = now;
        }
    }

    /// Handles a peer that was silent for the idle timeout.
    pub(crate) fn on_silence(&mut self, now: Instant, settings: &Settings) {
        if self.phase != Phase::Connected {
            return;
        }
        if !self.can_resume(settings) && self.promised_until <= now {
            self.finish(CloseReason::TimedOut);
            return;
        }
        self.interrupt(now, settings);
        // A client comes back by itself; a server waits for it.
        self.resume_at = if self.plan.is_some() { now } else { now + settings.resume_window };
    }

    /// Makes the session wait for its peer, without a transport.
    pub(crate) fn interrupt(&mut self, now: Instant, settings: &Settings) {
        self.drop_transport();
        self.phase = Phase::Interrupted;
        self.notices.interrupted();
        self.session.suspend();
        self.session.rest();
        if let Some(plan) = &mut self.plan {
            plan.give_up_at = now + settings.reconnect_for;
        }
    }

    fn on_expiry(&mut self, now: Instant, arena: &mut Arena, settings: &Settings) {
        if self.session.expire(now, arena) {
            // Its peer does not finish what others wait for. On a fresh transport it begins anew.
            self.on_silence(now, settings);
        }
    }

    /// Gives up a waiting session, or begins the next attempt to reconnect.
    fn on_resume_timeout(&mut self, now: Instant) {
        self.resume_at = Instant::MAX;
        match &self.plan {
            Some(plan) if plan.give_up_at > now => self.wants_dial = self.dial.is_none(),
            Some(plan) if plan.is_path_narrow && self.phase == Phase::Interrupted => {
                self.finish(CloseReason::PathTooNarrow { least: BASE_DATAGRAM as u16 });
            }
            // A client that was told that it resumes must not lose the session for that. This is granted once, or Hellos that
            // nobody follows up would hold a place for ever.
            None if self.phase == Phase::Interrupted && now < self.promised_until => {
                let until = core::mem::replace(&mut self.promised_until, Instant::ZERO);
                self.resume_at = until;
            }
            _ if self.phase == Phase::Interrupted => self.finish(CloseReason::TimedOut),
            None if self.phase == Phase::Connected => {
                self.wants_ticket = true;
                self.resume_at = now + TICKET_RENEWAL;
            }
            _ => {}
        }
    }

    fn on_handshake_timeout(&mut self, now: Instant, rng: &mut Rng) {
        let Some(dial) = self.dial.as_deref() else { return };
        if !dial.dialer.expired(now) {
            // The Hello that is due leaves with the next `poll_transmit`.
            return;
        }
        if let Some(dial) = self.take_dial_beside() {
            self.fail_beside(&dial, ResumeOverFailure::TimedOut);
            return;
        }
        let Some(dial) = self.dial.as_deref() else { return };
        let (version_hint, narrow_path) = (dial.dialer.version_hint(), dial.dialer.narrow_path());
        let key_hint = dial.dialer.key_hint();
        self.drop_dial();
        if self.phase == Phase::Connecting {
            self.finish(CloseReason::ConnectTimedOut { version_hint, narrow_path, key_hint });
        } else if let Some(plan) = &mut self.plan {
            plan.attempts = plan.attempts.saturating_add(1);
            plan.is_path_narrow = narrow_path;
            let wait = plan.back_off(rng.next_u64());
            if self.phase == Phase::Interrupted {
                self.resume_at = now + wait;
            }
        }
    }
}
