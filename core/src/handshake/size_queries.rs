//! Queries that distinguish a path that carries no Hello of 1200 bytes from a server that does not answer. After Hellos
//! remain unanswered, the client sends small and large queries in turn. The answers also contain the server's key, because a
//! server never answers a Hello for a different key. The answers are not authenticated.

use super::control::KEY_REPLY_BYTES;
use crate::limits::BASE_DATAGRAM;

/// The number of unanswered Hellos before the first query.
const AFTER: u8 = 5;
/// The number of unanswered large queries that indicates a narrow path.
const LARGE_LOST: u8 = 2;

/// The size of a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Size {
    /// The size of the reply to a query, [`KEY_REPLY_BYTES`].
    Small,
    /// The size of a Hello, [`BASE_DATAGRAM`].
    Large,
}

impl Size {
    /// Returns the nonce of a query of this size in the given attempt. The reply shows by the nonce which query it answers.
    pub(super) const fn nonce(self, attempt: [u8; 8]) -> [u8; 8] {
        let [first, rest @ ..] = attempt;
        let [a, b, c, d, e, f, g] = rest;
        let first = first ^ if matches!(self, Self::Small) { 1 } else { 2 };
        [first, a, b, c, d, e, f, g]
    }

    /// Returns the size of the query in bytes.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Small => KEY_REPLY_BYTES,
            Self::Large => BASE_DATAGRAM,
        }
    }
}

/// The queries of one attempt to connect.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SizeQueries {
    due: Option<Size>,
    sent: [u8; 2],
    is_small_answered: bool,
    is_large_answered: bool,
    /// `true` if a query was answered, so the server's key is known.
    is_key_known: bool,
}

impl SizeQueries {
    /// Returns the size of the query that should be sent.
    pub(super) const fn due(&self) -> Option<Size> {
        self.due
    }

    /// Records that the query was sent.
    pub(super) const fn on_sent(&mut self) {
        let [small, large] = &mut self.sent;
        match self.due.take() {
            Some(Size::Small) => *small = small.saturating_add(1),
            Some(Size::Large) => *large = large.saturating_add(1),
            None => {}
        }
    }

    /// Records that `count` Hellos, or queries for a key, were not answered. A query is sent beside every second one of
    /// them, first a large query.
    pub(super) const fn on_unanswered(&mut self, count: u8) {
        let is_curious = !self.is_large_answered || !self.is_key_known;
        if count >= AFTER && count % 2 == 1 && is_curious {
            let [small, large] = self.sent;
            self.due = Some(if large > small { Size::Small } else { Size::Large });
        }
    }

    /// Returns the sizes of the queries that were sent.
    pub(super) fn sent(&self) -> impl Iterator<Item = Size> + use<> {
        let sizes = [Size::Small, Size::Large].into_iter().zip(self.sent);
        sizes.filter_map(|(size, sent)| (sent > 0).then_some(size))
    }

    /// Records that a query was answered.
    pub(super) const fn on_answered(&mut self, size: Size) {
        self.is_key_known = true;
        match size {
            Size::Small => self.is_small_answered = true,
            Size::Large => self.on_large_answered(),
        }
    }

    /// Records that a datagram of 1200 bytes was answered, so the path carries it.
    pub(super) const fn on_large_answered(&mut self) {
        self.is_large_answered = true;
        self.due = None;
    }

    /// Returns `true` if small queries were answered, and none of several large queries was answered.
    pub(super) const fn tell_of_narrow_path(&self) -> bool {
        let [_, large] = self.sent;
        self.is_small_answered && !self.is_large_answered && large >= LARGE_LOST
    }
}
