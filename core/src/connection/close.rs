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
    /// Ends the connection for the application, with the fate of every message, and stops whatever it was doing.
    pub(crate) fn finish(&mut self, reason: CloseReason) {
        if self.notices.is_closed() {
            return;
        }
        self.end(&reason);
        self.notices.closed(reason, self.session.unconfirmed());
        self.forget();
    }

    /// Stops everything but a CLOSE.
    fn end(&mut self, reason: &CloseReason) {
        self.is_disowned |= matches!(reason, CloseReason::Local { .. } | CloseReason::Violation(_));
        self.notices.end();
        self.session.finish();
        self.drop_dial();
        self.wants_dial = false;
        self.farewell = None;
    }

    /// Like [`Connection::finish`], but tells the peer why. If this end closed while messages were not acknowledged, `Closed`
    /// waits until the peer's CLOSE, which acknowledges what it has, or until this end gives up waiting for one.
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

    /// This end closes, now: undelivered messages stay undelivered.
    pub(crate) fn close(&mut self, code: u16, text: &str) {
        let (code, text) = (code.min(VIOLATION_CODES - 1), shorten(text));
        self.finish_telling(CloseReason::Local { code }, code, text);
    }

    /// Turns away a client whose place was taken while it finished its handshake. The application never hears of it.
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

    /// Another connection takes the place of this one. A peer that was never heard here knows nothing of it.
    pub(crate) fn replaced(&mut self) {
        if self.transport.as_deref().is_some_and(|transport| transport.is_confirmed) {
            self.finish_telling(CloseReason::Replaced, REPLACED_CODE, String::new());
        } else {
            self.finish(CloseReason::Replaced);
        }
    }

    /// Turns a client out whose address turned out to have no place left, or to be banned.
    pub(crate) fn turn_out(&mut self, refusal: Refusal) {
        let code = code_of(&refusal);
        self.finish_telling(CloseReason::Refused(refusal), code, String::new());
    }

    /// Nobody answered where this newcomer's first Data came from.
    pub(crate) fn give_up_on_address(&mut self) {
        self.finish(CloseReason::TimedOut);
    }

    /// This end closes once all reliable messages are delivered, at `deadline` at the latest.
    pub(crate) fn close_after_delivery(&mut self, code: u16, text: &str, deadline: Instant) {
        if self.session.send.is_drained() {
            self.close(code, text);
        } else if self.farewell.as_ref().is_none_or(|earlier| deadline < earlier.deadline)
            && !self.notices.is_closed()
        {
            self.farewell = Some(Farewell { code, text: shorten(text), deadline });
        }
    }

    /// Whether the application has said that it is leaving.
    pub(crate) fn is_leaving(&self) -> bool {
        self.farewell.is_some() || self.notices.is_closed()
    }

    /// A link is gone, under the transport or under the dial. A session that can wait for another link stays.
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

    /// Closes if a farewell waits and nothing is left to deliver.
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

    /// The peer closed. A CLOSE goes back, so that it need not repeat its own.
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

    /// Whether this end closed, and `Closed` waits for what the peer acknowledges with its CLOSE.
    pub(super) fn has_untold_fates(&self) -> bool {
        self.closing.as_deref().is_some_and(|closing| closing.untold.is_some())
    }

    /// A closing end hears a CLOSE, in a packet whose ACK names nothing above `acked`. If the ACK names our CLOSE, the peer has
    /// all that it waits for, and no answer follows: so two ends never answer each other's answers.
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

    /// The peer closed as well, and confirmed what it has. It may not hear the answer, so this end keeps answering for a while.
    fn on_close_heard(&mut self, now: Instant) {
        let Some(closing) = self.closing.as_deref_mut() else { return };
        closing.is_heard = true;
        closing.again_at = now + CLOSE_ANSWERED_FOR;
        if let Some(reason) = closing.untold.take() {
            self.notices.closed(reason, self.session.unconfirmed());
        }
    }

    /// Whether both ends know that it is over, and this one only stays to answer if the peer closes again.
    pub(crate) fn is_lingering(&self) -> bool {
        self.closing.as_deref().is_some_and(|closing| closing.is_heard && !closing.is_due)
    }

    /// The path to the peer carries no datagram of [`limits::LEAST_DATAGRAM`] bytes any more.
    pub(super) fn finish_for_narrow_path(&mut self) {
        let reason = CloseReason::PathTooNarrow { least: limits::LEAST_DATAGRAM };
        self.finish_telling(reason, NARROW_PATH_CODE, String::new());
    }

    /// The peer did what the protocol forbids.
    pub(crate) fn violate(&mut self, violation: Violation) {
        let code =
            VIOLATIONS.iter().find(|(known, _)| *known == violation).map_or(VIOLATION_CODES, |entry| entry.1);
        self.finish_telling(CloseReason::Violation(violation), code, String::new());
    }

    /// Nothing more is sent; the endpoint may drop the connection once `Closed` was told.
    pub(crate) fn forget(&mut self) {
        self.drop_transport();
        self.phase = Phase::Closed;
        if let Some(reason) = self.closing.take().and_then(|closing| closing.untold) {
            self.notices.closed(reason, self.session.unconfirmed());
        }
    }

    /// The CLOSE timer went off. A CLOSE that nothing could carry counts as one that was lost.
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

    /// When a CLOSE is repeated, or given up, or a farewell is over.
    pub(super) fn close_at(&self) -> Option<Instant> {
        let farewell = self.farewell.as_ref().map(|farewell| farewell.deadline);
        self.closing.as_ref().map(|closing| closing.again_at).or(farewell)
    }

    /// Whether nothing of this connection is needed any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.phase == Phase::Closed && self.notices.closed_was_told()
    }
}

/// How long a client that was here before waits when all places are taken.
const FULL_PATIENCE: Span = Span::from_secs(1);

/// The codes under which violations travel.
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

/// The first [`limits::CLOSE_TEXT`] bytes of `text`, cut between characters.
/// How CLOSE tells a client that is turned out after its handshake.
fn code_of(refusal: &Refusal) -> u16 {
    if *refusal == Refusal::TooManyFromAddress { TOO_MANY_FROM_ADDRESS_CODE } else { FULL_CODE }
}

fn shorten(text: &str) -> String {
    text.get(..text.floor_char_boundary(limits::CLOSE_TEXT)).unwrap_or_default().into()
}
