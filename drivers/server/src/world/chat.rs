//! The limit of chat lines per client. Each line goes to all clients, so the server would multiply a flood.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::token_bucket::{Rate, TokenBucket};

use crate::budgets::Buckets;

/// The used part of one client's chat limit.
#[derive(Debug)]
pub(super) struct Chat {
    lines: TokenBucket,
    /// The used part of the limit of notices to the client.
    notices: TokenBucket,
}

/// The decision on a chat line.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Line {
    PassedOn,
    /// The server drops the line. The author receives this notice, unless the author received a notice within the past
    /// second.
    TooMany {
        notice: Option<String>,
    },
}

impl Chat {
    /// Creates the chat limit of a client. `before` is the spent budget of the previous client with the same owner.
    pub(super) fn new(before: Option<Buckets>) -> Self {
        let [lines, notices] = before.unwrap_or_default();
        Self { lines, notices }
    }

    /// Returns the client's spent budgets.
    pub(super) const fn spent(&self) -> Buckets {
        [self.lines, self.notices]
    }

    /// Decides on a chat line of a client that may send `limit` lines per second.
    pub(super) fn take_line(&mut self, limit: Option<NonZeroU32>, now: Instant) -> Line {
        let Some(limit) = limit else { return Line::PassedOn };
        if self.lines.overdraw(Rate::per_second(limit.get(), BURST), now, 1) {
            return Line::PassedOn;
        }
        let is_told = self.notices.overdraw(NOTICES, now, 1);
        let words =
            || format!("you sent more than {limit} lines per second, so the server dropped your latest line");
        Line::TooMany { notice: is_told.then(words) }
    }
}

const BURST: Duration = Duration::from_secs(4);
const NOTICES: Rate = Rate::per_second(1, Duration::from_secs(1));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_of_a_chat_flood_is_notified_at_most_once_a_second() {
        let (start, mut chat) = (Instant::ZERO, Chat::new(None));
        let (mut heard, mut told) = (0, 0);
        for place in 0..100_000 {
            match chat.take_line(NonZeroU32::new(5), start + Duration::from_micros(100 * place)) {
                Line::PassedOn => heard += 1,
                Line::TooMany { notice } => told += usize::from(notice.is_some()),
            }
        }
        assert!((68..=71).contains(&heard), "{heard}");
        assert!((10..=11).contains(&told), "{told}");
    }

    #[test]
    fn without_a_line_limit_every_chat_line_is_forwarded() {
        let (now, mut chat) = (Instant::ZERO, Chat::new(None));
        assert!((0..1000).all(|_| chat.take_line(None, now) == Line::PassedOn));
    }
}
