//! The end of a connection: by this end, by the peer, by a violation of the protocol, or by a timeout.

use alloc::boxed::Box;
use alloc::string::String;

use super::{
    CLOSE_ANSWERED_FOR, CLOSE_TRIES, Closing, Connection, FULL_CODE, Farewell, NARROW_PATH_CODE, Phase,
    REPLACED_CODE, Settings, TOO_MANY_FROM_ADDRESS_CODE, Transport, VIOLATION_CODES,
};
use crate::address::{Address, LinkId};
use crate::event::{CloseReason, Refusal, Violation};
use crate::limits;
use crate::rng::Rng;
use crate::time::{Instant, Span};

impl Connection {
    /// Ends the connection for the application, reports the fate of every message, and stops all other work.
    pub(crate) fn finish(&mut self, reason: CloseReason) {
        if self.notices.is_closed() {
            return;
        }
        self.end(&reason);
        self.notices.closed(reason, self.session.unconfirmed());
        self.forget();
    }

    /// Stops all work except the sending of a CLOSE.
    fn end(&mut self, reason: &CloseReason) {
        self.is_disowned |= matches!(reason, CloseReason::Local { .. } | CloseReason::Violation(_));
        self.notices.end();
        self.session.finish();
        self.drop_dial();
        self.wants_dial = false;
        self.farewell = None;
    }

    /// Ends the connection as [`Connection::finish`] does, and sends the reason to the peer. If this end closed while
    /// messages were not acknowledged, `Closed` waits for the peer's CLOSE, which acknowledges the messages that the peer
    /// has. If no CLOSE arrives, `Closed` waits until this end stops repeating its own CLOSE.
    fn finish_telling(&mut self, reason: CloseReason, code: u16, text: String) {
        // A closed connection stays closed, and keeps repeating its CLOSE.
        if self.notices.is_closed() {
            return;
        }
        if self.phase != Phase::Connected || self.transport.is_none() {
            self.finish(reason);
            return;
        }
        let first = self.transport.as_deref().map_or(0, |transport| transport.sent.next());
        self.end(&reason);
        let untold =
            if matches!(reason, CloseReason::Local { .. }) && self.session.send.has_unacked_reliable() {
                Some(reason)
            } else {
                self.notices.closed(reason, self.session.unconfirmed());
                None
            };
        self.phase = Phase::Closing;
        let (is_due, tries, is_heard, again_at) = (true, CLOSE_TRIES, false, Instant::MAX);
        self.closing =
            Some(Box::new(Closing { code, text, is_due, tries, again_at, first, is_heard, untold }));
    }

    /// Closes the connection at once. Undelivered messages stay undelivered.
    pub(crate) fn close(&mut self, code: u16, text: &str) {
        let (code, text) = (code.min(VIOLATION_CODES - 1), shorten(text));
        self.finish_telling(CloseReason::Local { code }, code, text);
    }

    /// Refuses a client whose place another client took during the handshake. The application receives no event about this
    /// client.
    pub(crate) fn turn_away(&mut self, transport: Box<Transport>, refusal: &Refusal) {
        self.notices.silence();
        let first = transport.sent.next();
        self.transport = Some(transport);
        self.phase = Phase::Closing;
        self.closing = Some(Box::new(Closing {
            code: code_of(refusal),
            text: String::new(),
            is_due: true,
            tries: CLOSE_TRIES,
            first,
            is_heard: false,
            untold: None,
            again_at: Instant::MAX,
        }));
    }

    /// Ends this connection because another connection replaces it. This end sends no CLOSE if it never received a packet
    /// from the peer on this connection.
    pub(crate) fn replaced(&mut self) {
        if self.transport.as_deref().is_some_and(|transport| transport.is_confirmed) {
            self.finish_telling(CloseReason::Replaced, REPLACED_CODE, String::new());
        } else {
            self.finish(CloseReason::Replaced);
        }
    }

    /// Ends the connection of a client whose validated address has no free place, or is banned.
    pub(crate) fn turn_out(&mut self, refusal: Refusal) {
        let code = code_of(&refusal);
        self.finish_telling(CloseReason::Refused(refusal), code, String::new());
    }

    /// Ends a new connection whose peer did not answer at the address of its first Data.
    pub(crate) fn give_up_on_address(&mut self) {
        self.finish(CloseReason::TimedOut);
    }

    /// Closes the connection once all reliable messages are delivered, at `deadline` at the latest.
    pub(crate) fn close_after_delivery(&mut self, code: u16, text: &str, deadline: Instant) {
        if self.session.send.is_drained() {
            self.close(code, text);
        } else if self.farewell.as_ref().is_none_or(|earlier| deadline < earlier.deadline)
            && !self.notices.is_closed()
        {
            self.farewell = Some(Farewell { code, text: shorten(text), deadline });
        }
    }

    /// Returns `true` if the application has closed the connection, or has asked to close it after delivery.
    pub(crate) fn is_leaving(&self) -> bool {
        self.farewell.is_some() || self.notices.is_closed()
    }

    /// Handles the end of the link that carries the transport or the dial. A session that can resume over another link
    /// stays.
    pub(crate) fn on_link_closed(&mut self, now: Instant, link: LinkId, rng: &mut Rng, settings: &Settings) {
        let is_here = |address: Option<Address>| address == Some(Address::Link(link));
        if self.transport.is_some() && !is_here(self.address()) {
            // Only the attempt to reach the peer elsewhere has failed.
            if self.dial.as_ref().is_some_and(|dial| is_here(Some(dial.path.remote))) {
                self.drop_dial();
            }
            return;
        }
        if self.can_resume(settings) {
            self.on_silence(now, settings);
        } else if self.phase == Phase::Interrupted {
            if self.dial.is_some() {
                self.drop_dial();
                self.retry_dial_later(now, rng);
            }
        } else if self.phase == Phase::Closing {
            self.forget();
        } else {
            self.finish(CloseReason::LinkClosed);
        }
    }

    /// Closes the connection if a close after delivery was requested and no message is left to deliver.
    pub(crate) fn close_if_drained(&mut self) {
        if self.farewell.is_some() && self.session.send.is_drained() {
            self.say_farewell();
        }
    }

    pub(super) fn say_farewell(&mut self) {
        if let Some(Farewell { code, text, .. }) = self.farewell.take() {
            self.close(code, &text);
        }
    }

    pub(super) fn farewell_is_over(&self, now: Instant) -> bool {
        self.farewell.as_ref().is_some_and(|farewell| farewell.deadline <= now)
    }

    /// Processes the peer's CLOSE. This end answers with a CLOSE, so that the peer need not repeat its own.
    pub(super) fn on_close(&mut self, now: Instant, code: u16, text: &[u8], settings: &Settings) {
        self.end_as_told(now, code, text, settings);
        self.on_close_heard(now);
    }

    fn end_as_told(&mut self, now: Instant, code: u16, text: &[u8], settings: &Settings) {
        // Only a server has places.
        let refusal = match code {
            FULL_CODE => Some(Refusal::Full),
            TOO_MANY_FROM_ADDRESS_CODE => Some(Refusal::TooManyFromAddress),
            _ => None,
        };
        if let Some(refusal) = refusal.filter(|_| self.plan.is_some()) {
            if self.is_back(settings) {
                // A server that has just come back may be busy with everyone at once.
                self.interrupt(now, settings);
                self.resume_at = now + FULL_PATIENCE;
                return;
            }
            self.finish_telling(CloseReason::Refused(refusal), code, String::new());
            return;
        }
        if code == REPLACED_CODE {
            self.finish_telling(CloseReason::Replaced, code, String::new());
            return;
        }
        if code == NARROW_PATH_CODE {
            let reason = CloseReason::PathTooNarrow { least: limits::LEAST_DATAGRAM };
            self.finish_telling(reason, code, String::new());
            return;
        }
        let text = String::from_utf8_lossy(text).into_owned();
        let violation = VIOLATIONS.iter().find(|&&(_, wire)| wire == code);
        let text = if violation.is_some() && text.is_empty() { "protocol violation".into() } else { text };
        self.finish_telling(CloseReason::Peer { code, text: text.into() }, code, String::new());
    }

    /// Returns `true` if this end closed, and `Closed` waits for the messages that the peer's CLOSE acknowledges.
    pub(super) fn has_untold_fates(&self) -> bool {
        self.closing.as_deref().is_some_and(|closing| closing.untold.is_some())
    }

    /// Processes a CLOSE while this end is closing. The ACK in the same packet names no packet number above `acked`. If
    /// this ACK names our CLOSE, the peer needs no answer, and this end sends none. Two ends therefore never answer each
    /// other's answers.
    pub(super) fn on_close_again(&mut self, now: Instant, acked: Option<u64>) {
        let Some(closing) = self.closing.as_deref_mut() else { return };
        if acked.is_some_and(|acked| acked >= closing.first) {
            self.forget();
            return;
        }
        closing.is_due = true;
        if !closing.is_heard {
            self.on_close_heard(now);
        }
    }

    /// Processes the first CLOSE of a peer that also closed and that confirmed its received messages. The answer to it may
    /// be lost, so this end answers further copies for [`CLOSE_ANSWERED_FOR`].
    fn on_close_heard(&mut self, now: Instant) {
        let Some(closing) = self.closing.as_deref_mut() else { return };
        closing.is_heard = true;
        closing.again_at = now + CLOSE_ANSWERED_FOR;
        if let Some(reason) = closing.untold.take() {
            self.notices.closed(reason, self.session.unconfirmed());
        }
    }

    /// Returns `true` if both ends have closed, and this end only answers further copies of the peer's CLOSE.
    pub(crate) fn is_lingering(&self) -> bool {
        self.closing.as_deref().is_some_and(|closing| closing.is_heard && !closing.is_due)
    }

    /// Ends the connection because the path no longer carries datagrams of [`limits::LEAST_DATAGRAM`] bytes.
    pub(super) fn finish_for_narrow_path(&mut self) {
        let reason = CloseReason::PathTooNarrow { least: limits::LEAST_DATAGRAM };
        self.finish_telling(reason, NARROW_PATH_CODE, String::new());
    }

    /// Ends the connection because the peer violated the protocol.
    pub(crate) fn violate(&mut self, violation: Violation) {
        let code =
            VIOLATIONS.iter().find(|(known, _)| *known == violation).map_or(VIOLATION_CODES, |entry| entry.1);
        self.finish_telling(CloseReason::Violation(violation), code, String::new());
    }

    /// Stops all sending. The endpoint may drop the connection once it has reported `Closed`.
    pub(crate) fn forget(&mut self) {
        self.drop_transport();
        self.phase = Phase::Closed;
        if let Some(reason) = self.closing.take().and_then(|closing| closing.untold) {
            self.notices.closed(reason, self.session.unconfirmed());
        }
    }

    /// Handles the CLOSE timer. A CLOSE that could not be sent counts as lost.
    pub(super) fn on_close_timeout(&mut self, now: Instant) {
        if let Some(closing) = self.closing.as_deref_mut() {
            if closing.is_heard {
                self.forget();
                return;
            }
            closing.again_at = Instant::MAX;
            if core::mem::replace(&mut closing.is_due, true) {
                closing.tries = closing.tries.saturating_sub(1);
            }
            if closing.tries == 0 {
                self.forget();
            }
        } else if self.farewell_is_over(now) {
            self.say_farewell();
        }
    }

    /// Returns the time at which this end must repeat its CLOSE, must stop repeating it, or must stop waiting for delivery.
    pub(super) fn close_at(&self) -> Option<Instant> {
        let farewell = self.farewell.as_ref().map(|farewell| farewell.deadline);
        self.closing.as_ref().map(|closing| closing.again_at).or(farewell)
    }

    /// Returns `true` if the endpoint no longer needs this connection.
    pub(crate) fn is_gone(&self) -> bool {
        self.phase == Phase::Closed && self.notices.closed_was_told()
    }
}

/// The time for which a returning client waits before its next attempt, if all places of the server are taken.
const FULL_PATIENCE: Span = Span::from_secs(1);

/// The codes that report violations in CLOSE frames.
const VIOLATIONS: [(Violation, u16); 9] = [
    (Violation::MalformedFrame, VIOLATION_CODES),
    (Violation::AcknowledgedUnsent, VIOLATION_CODES + 1),
    (Violation::BadChannel, VIOLATION_CODES + 2),
    (Violation::MessageTooLarge, VIOLATION_CODES + 3),
    (Violation::CreditExceeded, VIOLATION_CODES + 4),
    (Violation::BadFragment, VIOLATION_CODES + 5),
    (Violation::BadResume, VIOLATION_CODES + 6),
    (Violation::InvalidMessages, VIOLATION_CODES + 7),
    (Violation::BadSnapshot, VIOLATION_CODES + 8),
];

/// Returns the code of the CLOSE that reports `refusal` to a client after its handshake.
fn code_of(refusal: &Refusal) -> u16 {
    if *refusal == Refusal::TooManyFromAddress { TOO_MANY_FROM_ADDRESS_CODE } else { FULL_CODE }
}

fn shorten(text: &str) -> String {
    text.get(..text.floor_char_boundary(limits::CLOSE_TEXT)).unwrap_or_default().into()
}
