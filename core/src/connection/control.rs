//! Control frames that are resent until they arrive: the resume ticket, and the resume state of each channel.

use alloc::vec::Vec;

use crate::handshake::RENEW_US;
use crate::limits;
use crate::time::Span;

/// The interval at which a server sends its client a new resume ticket.
pub(super) const TICKET_RENEWAL: Span = Span::from_micros(RENEW_US / 2);

/// The resume ticket that a server sends to its client. Sequence 0 means that no ticket exists.
#[derive(Debug, Default)]
pub(crate) struct TicketPush {
    /// The sequence of the newest ticket.
    pub(crate) sequence: u32,
    /// The wall-clock expiry of the newest ticket, in microseconds.
    pub(crate) expiry: u64,
    /// The bytes of the newest ticket, stored until the client acknowledges the ticket.
    pub(crate) sealed: Vec<u8>,
    /// `true` if the ticket must be sent, for the first time or again.
    pub(crate) is_due: bool,
    /// The newest sequence that the client acknowledged. Older tickets are invalid.
    pub(crate) acked: u32,
    /// The sequence of the ticket that began this session in place of a lost session, or 0 for none.
    origin: u32,
}

impl TicketPush {
    /// Records that the session replaces a lost session, of which the client has a ticket with this sequence.
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

    /// Returns `true` if a ticket of this sequence can resume the session.
    pub(crate) const fn accepts(&self, sequence: u32) -> bool {
        sequence >= self.acked && sequence <= self.sequence && sequence > self.origin
    }

    /// Returns `true` if the ticket of this sequence began the session, and the client has shown no ticket of the session
    /// itself. It is then unknown whether the client knows this session, or has begun another session with the same
    /// ticket.
    pub(crate) const fn is_origin(&self, sequence: u32) -> bool {
        sequence == self.origin && !self.has_successor()
    }

    /// Returns `true` if the client has a ticket of this session itself.
    pub(crate) const fn has_successor(&self) -> bool {
        self.acked > self.origin
    }
}

/// The channels whose resume state this end must send, and the channels whose resume state it awaits, with one bit per
/// channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResumeExchange {
    pub(crate) unsent: u32,
    pub(crate) awaited: u32,
}

impl ResumeExchange {
    /// Starts the exchange again for the channels in `reliable`.
    pub(crate) const fn begin(&mut self, reliable: u32) {
        self.unsent = reliable;
        self.awaited = reliable;
    }

    /// Returns the next channel whose resume state must be sent.
    pub(crate) fn next_unsent(self) -> Option<u8> {
        (self.unsent != 0).then(|| self.unsent.trailing_zeros() as u8)
    }

    pub(crate) const fn on_sent(&mut self, channel: u8) {
        self.unsent &= !bit(channel);
    }

    pub(crate) const fn on_lost(&mut self, channel: u8) {
        self.unsent |= bit(channel);
    }

    /// Records that the resume state of a channel arrived. Returns `true` if the state was awaited.
    pub(crate) const fn on_received(&mut self, channel: u8) -> bool {
        let was_awaited = self.awaited & bit(channel) != 0;
        self.awaited &= !bit(channel);
        was_awaited
    }
}

const fn bit(channel: u8) -> u32 {
    if (channel as usize) < limits::CHANNELS { 1 << channel } else { 0 }
}
