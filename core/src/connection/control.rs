//! Control frames that are resent until they arrive: the resume ticket, and the resume state of each channel.

use alloc::vec::Vec;

use crate::handshake::RENEW_US;
use crate::limits;
use crate::time::Span;

/// How often a server gives its client a fresh resume ticket.
pub(super) const TICKET_RENEWAL: Span = Span::from_micros(RENEW_US / 2);

/// The resume ticket on its way to the client. Sequence 0 is none.
#[derive(Debug, Default)]
pub(crate) struct TicketPush {
    /// The sequence of the newest ticket.
    pub(crate) sequence: u32,
    /// Its wall-clock expiry in microseconds.
    pub(crate) expiry: u64,
    /// Its bytes; kept until acknowledged.
    pub(crate) sealed: Vec<u8>,
    /// It has to be sent (again).
    pub(crate) is_due: bool,
    /// The newest sequence that the client acknowledged; older tickets are void.
    pub(crate) acked: u32,
    /// The sequence of the ticket that began this session in the place of one that was lost; 0 is none.
    origin: u32,
}

impl TicketPush {
    /// The session takes the place of one that was lost: the client holds a ticket of this sequence of that one.
    pub(crate) const fn go_on_from(&mut self, sequence: u32) {
        self.sequence = sequence;
        self.acked = sequence;
        self.origin = sequence;
    }

    pub(crate) fn offer(&mut self, sealed: Vec<u8>, expiry: u64) {
        self.sealed = sealed;
        self.expiry = expiry;
        self.is_due = true;
    }

    pub(crate) fn on_acked(&mut self, sequence: u32) {
        self.acked = self.acked.max(sequence);
        if sequence == self.sequence {
            self.is_due = false;
            self.sealed = Vec::new();
        }
    }

    pub(crate) fn on_lost(&mut self, sequence: u32) {
        if sequence == self.sequence && self.acked < sequence {
            self.is_due = true;
        }
    }

    /// Whether a ticket of this sequence may still resume the session.
    pub(crate) const fn accepts(&self, sequence: u32) -> bool {
        sequence >= self.acked && sequence <= self.sequence && sequence > self.origin
    }

    /// Whether a ticket of this sequence is the one that began the session, and the client has shown none of the session's
    /// own. Then nobody can tell whether the client knows this session, or began another with the same ticket since.
    pub(crate) const fn is_origin(&self, sequence: u32) -> bool {
        sequence == self.origin && !self.has_successor()
    }

    /// Whether the client has a ticket of this very session.
    pub(crate) const fn has_successor(&self) -> bool {
        self.acked > self.origin
    }
}

/// Which channels' resume state has to be sent, and which is awaited; a bit per channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResumeExchange {
    pub(crate) unsent: u32,
    pub(crate) awaited: u32,
}

impl ResumeExchange {
    /// Starts over for the channels in `reliable`.
    pub(crate) const fn begin(&mut self, reliable: u32) {
        self.unsent = reliable;
        self.awaited = reliable;
    }

    /// The next channel whose state has to be sent.
    pub(crate) fn next_unsent(self) -> Option<u8> {
        (self.unsent != 0).then(|| self.unsent.trailing_zeros() as u8)
    }

    pub(crate) const fn on_sent(&mut self, channel: u8) {
        self.unsent &= !bit(channel);
    }

    pub(crate) const fn on_lost(&mut self, channel: u8) {
        self.unsent |= bit(channel);
    }

    /// A channel's state came in. Says whether it was awaited.
    pub(crate) const fn on_received(&mut self, channel: u8) -> bool {
        let was_awaited = self.awaited & bit(channel) != 0;
        self.awaited &= !bit(channel);
        was_awaited
    }
}

const fn bit(channel: u8) -> u32 {
    if (channel as usize) < limits::CHANNELS { 1 << channel } else { 0 }
}
