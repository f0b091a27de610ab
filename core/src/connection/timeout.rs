//! When a connection wants to be called, and what it does then.

use super::settle::{self, Settling};
use super::timers::Timer;
use super::{Connection, Phase, Settings, TICKET_RENEWAL};
use crate::channel::Arena;
use crate::event::CloseReason;
use crate::limits::{BASE_DATAGRAM, REST_AFTER, REST_WITHIN};
use crate::rng::Rng;
use crate::time::Instant;

impl Connection {
    /// Sets every timer from the state that it depends on. Called after whatever may have changed that state. Says whether
    /// something waits that asks for an acknowledgement.
    pub(crate) fn arm(&mut self, now: Instant) -> bool {
        // Whoever is not connected yet is told nothing but that.
        if self.ready.is_none() && self.phase != Phase::Connecting {
            self.ready = self.send.take_ready();
        }
        self.timers
            .set_option(Timer::Handshake, self.dial.as_ref().map(|dial| dial.dialer.next_timeout(now)));
        let mut is_eliciting = false;
        if self.phase == Phase::Connected {
            is_eliciting = self.has_eliciting();
            let (send, resume) = (&self.send, &self.resume);
            let is_awaited = || send.has_unacked_reliable() || resume.awaited != 0;
            if let Some(transport) = self.transport.as_deref() {
                self.timers.set_option(Timer::Loss, transport.loss_timeout(is_awaited));
                self.timers.set_option(Timer::Acknowledgement, transport.acks.due());
                let pacing = if is_eliciting { transport.pacing_timeout(now) } else { None };
                self.timers.set_option(Timer::Pacing, pacing);
                let quiet_since = transport.last_heard.max(transport.last_ping);
                self.timers.set(Timer::Heartbeat, quiet_since + transport.patience);
                let is_rested = transport.rested_at == Some(transport.busy_at);
                self.timers.set_option(Timer::Rest, (!is_rested).then_some(transport.busy_at + REST_WITHIN));
                if !transport.migration.is_active() {
                    self.timers.stop(Timer::Path);
                } else if self.timers.at(Timer::Path) == Instant::MAX {
                    let wait = transport.probe_timeout() * transport.migration.back_off();
                    self.timers.set(Timer::Path, now + wait);
                }
            }
        }
        self.arm_close(now);
        // Once it is over for the application, nothing of what it had queued or awaited can be late.
        let is_over = self.notices.is_closed();
        let expiry = match (self.send.next_expiry(), self.receive.next_expiry()) {
            (None, None) => None,
            _ if is_over => None,
            (Some(sent), Some(received)) => Some(sent.min(received)),
            (sent, received) => sent.or(received),
        };
        self.timers.set_option(Timer::Expiry, expiry);
        is_eliciting
    }

    /// Does what is due at `now`. [`Connection::arm`] is to follow.
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
                plan.excuse(now - at);
            }
            match timer {
                Timer::Loss => self.on_loss_timeout(now),
                Timer::Acknowledgement => self.with_transport(|transport| transport.acks.on_timeout()),
                Timer::Heartbeat => {
                    self.with_transport(|transport| transport.on_patience_over(now));
                    self.rest_if_idle(now);
                }
                Timer::Rest => self.rest_if_idle(now),
                // What it held back is queued when the timers are set again.
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
        }
    }

    /// Gives back the memory that traffic needed, once nothing but heartbeats was exchanged for [`REST_AFTER`]. Heartbeats
    /// and what answers them ask for this. Where they are rare, a timer does so once after [`REST_WITHIN`]: an idle connection wakes
    /// up no more often.
    pub(super) fn rest_if_idle(&mut self, now: Instant) {
        let Some(transport) = self.transport.as_deref_mut() else { return };
        if now - transport.busy_at >= REST_AFTER {
            transport.rested_at = Some(transport.busy_at);
            transport.sent.rest();
            transport.acks.rest();
            self.send.rest();
            self.receive.rest();
        }
    }

    fn on_loss_timeout(&mut self, now: Instant) {
        let Some(transport) = self.transport.as_deref_mut() else { return };
        if let Some(unproven) = &mut transport.unproven {
            unproven.challenge_again();
        }
        let Self { send, receive, ticket, resume, traffic, .. } = self;
        let mut settling = Settling { send, receive, ticket, resume, traffic };
        if transport.loss_at.is_some() {
            settle::detect_losses(now, transport, &mut settling, 0..0);
            if transport.mtu.is_too_narrow() {
                self.finish_for_narrow_path();
            }
        } else {
            settle::probe(transport, &mut settling);
            transport.last_eliciting = now;
        }
    }

    /// The peer was silent for the idle timeout.
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
        let at = if self.plan.is_some() { now } else { now + settings.resume_window };
        self.timers.set(Timer::Resume, at);
    }

    /// The session waits for its peer, without a transport.
    pub(crate) fn interrupt(&mut self, now: Instant, settings: &Settings) {
        self.drop_transport();
        self.phase = Phase::Interrupted;
        self.notices.interrupted();
        self.send.begin_resume();
        self.receive.begin_resume();
        self.send.rest();
        self.receive.rest();
        if let Some(plan) = &mut self.plan {
            plan.give_up_at = now + settings.reconnect_for;
        }
    }

    fn on_expiry(&mut self, now: Instant, arena: &mut Arena, settings: &Settings) {
        self.send.expire(now);
        if self.receive.expire(now, arena) {
            // Its peer does not finish what others wait for. On a fresh transport it begins anew.
            self.on_silence(now, settings);
        }
    }

    /// A parked session is given up, or the next attempt to reconnect begins.
    fn on_resume_timeout(&mut self, now: Instant) {
        match &self.plan {
            Some(plan) if plan.give_up_at > now => self.wants_dial = self.dial.is_none(),
            Some(plan) if plan.is_path_narrow && self.phase == Phase::Interrupted => {
                self.finish(CloseReason::PathTooNarrow { least: BASE_DATAGRAM as u16 });
            }
            // A client that was told that it resumes must not lose the session for that. This is granted once, or Hellos that
            // nobody follows up would hold a place for ever.
            None if self.phase == Phase::Interrupted && now < self.promised_until => {
                let until = core::mem::replace(&mut self.promised_until, Instant::ZERO);
                self.timers.set(Timer::Resume, until);
            }
            _ if self.phase == Phase::Interrupted => self.finish(CloseReason::TimedOut),
            None if self.phase == Phase::Connected => {
                self.wants_ticket = true;
                self.timers.set(Timer::Resume, now + TICKET_RENEWAL);
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
                self.timers.set(Timer::Resume, now + wait);
            }
        }
    }
}
