//! A client's limits: messages and bytes per second, with a burst.
//!
//! A message counts when the game takes it. The network, or a server that stands still, can delay a client's messages
//! until all of them arrive at once, although the client keeps to its limit. A client's unused budget is therefore
//! saved, up to the longest time that a connection survives in silence. A new client has saved nothing: it has a burst
//! of four seconds.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::token_bucket::{Rate, TokenBucket};

use crate::budgets::Buckets;

/// The used part of one client's limits.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    messages: TokenBucket,
    bytes: TokenBucket,
    /// `true` if the client exceeded a limit. The server is then disconnecting the client, and ignores its further
    /// messages.
    is_spent: bool,
    /// The time for which an unused limit accumulates beyond [`BURST`].
    savings: Duration,
}

/// The limits of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The number of messages per second. `None` sets no limit.
    pub(crate) messages: Option<NonZeroU32>,
    /// The number of bytes of messages per second. `None` sets no limit.
    pub(crate) bytes: Option<NonZeroU32>,
}

/// The server's decision on a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Charged {
    /// The game receives the message.
    Within,
    /// The message exceeds a limit. The server disconnects the sender with this text.
    Exceeded(String),
    /// The message is dropped, because the server is already disconnecting the sender.
    Ignored,
}

impl Allowance {
    /// Creates the allowance of a client that joins at `now`. Unused limits accumulate for up to `savings`. `before` is the spent
    /// budget of the previous client with the same owner.
    pub(crate) fn new(now: Instant, savings: Duration, before: Option<Buckets>) -> Self {
        let mut buckets = before.unwrap_or_default();
        buckets.iter_mut().for_each(|bucket| bucket.drain(now, savings));
        let [messages, bytes] = buckets;
        Self { messages, bytes, is_spent: false, savings }
    }

    /// Returns the client's spent budgets, for the next client with the same owner.
    pub(crate) const fn spent(&self) -> Buckets {
        [self.messages, self.bytes]
    }

    /// Charges a message of `bytes` bytes to the limits, and returns the decision on the message.
    pub(crate) fn charge(&mut self, limits: Limits, now: Instant, bytes: usize) -> Charged {
        if self.is_spent {
            return Charged::Ignored;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let burst = BURST + self.savings;
        let of = |limit: NonZeroU32| Rate::per_second(limit.get(), burst);
        let is_within = |bucket: &mut TokenBucket, limit: Option<NonZeroU32>, tokens| {
            limit.is_none_or(|limit| bucket.overdraw(of(limit), now, tokens))
        };
        let exceeded = if !is_within(&mut self.messages, limits.messages, 1) {
            limits.messages.map(|limit| (limit, "messages", "client_message_limit"))
        } else if !is_within(&mut self.bytes, limits.bytes, bytes) {
            limits.bytes.map(|limit| (limit, "bytes of messages", "client_byte_limit"))
        } else {
            None
        };
        let Some((limit, what, key)) = exceeded else { return Charged::Within };
        self.is_spent = true;
        Charged::Exceeded(format!(
            "this client sent more than {limit} {what} per second, including earlier connections of the same \
             player or address, and has used up its saved budget; the limit is the server's `{key}`"
        ))
    }
}

/// The burst of a new client: it may send the messages of four seconds at once.
const BURST: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { messages: NonZeroU32::new(100), bytes: NonZeroU32::new(10_000) };

    /// The default time for which a connection survives without a datagram.
    const SAVINGS: Duration = Duration::from_secs(80);

    fn newcomer(now: Instant) -> Allowance {
        Allowance::new(now, SAVINGS, None)
    }

    /// Simulates messages of `bytes` bytes that arrive at a rate of `per_second` for `seconds`. Returns the number of
    /// accepted messages, and the text of the disconnection if the client exceeded a limit.
    fn taken(limits: Limits, per_second: u32, bytes: usize, seconds: u32) -> (u32, Option<String>) {
        let (start, mut allowance) = (Instant::ZERO, newcomer(Instant::ZERO));
        let mut count = 0;
        for place in 0..per_second * seconds {
            let now = start + Duration::from_secs(1) * place / per_second;
            match allowance.charge(limits, now, bytes) {
                Charged::Within => count += 1,
                Charged::Exceeded(text) => return (count, Some(text)),
                Charged::Ignored => unreachable!(),
            }
        }
        (count, None)
    }

    #[test]
    fn a_client_within_its_limits_is_never_disconnected() {
        assert_eq!(taken(LIMITS, 100, 100, 600), (60_000, None));
    }

    #[test]
    fn messages_sent_within_the_limits_during_a_stall_are_accepted_after_the_stall() {
        // Shorter than the idle timeout, and as long as an interrupted client's place is kept.
        for stall in [14, 30, 80] {
            let start = Instant::ZERO;
            let mut allowance = newcomer(start);
            let mut take = |second: u32, count: u32| {
                let now = start + Duration::from_secs(second.into());
                (0..count).all(|_| allowance.charge(LIMITS, now, 100) == Charged::Within)
            };
            assert!((1..10).all(|second| take(second, 100)));
            assert!(take(9 + stall, 100 * stall), "{stall} s");
            assert!((10..600).all(|second| take(second + stall, 100)), "{stall} s");
        }
    }

    #[test]
    fn an_idle_client_saves_message_budget_for_at_most_84_seconds() {
        let start = Instant::ZERO;
        let mut allowance = newcomer(start);
        let now = start + Duration::from_secs(3600);
        let taken = (0..100_000).take_while(|_| allowance.charge(LIMITS, now, 1) == Charged::Within).count();
        assert_eq!(taken, 84 * 100);
    }

    #[test]
    fn a_flooding_client_is_disconnected_after_the_messages_of_four_seconds_at_its_limit() {
        let (count, text) = taken(LIMITS, 100_000, 1, 10);
        assert!((400..=410).contains(&count), "{count}");
        let text = text.unwrap();
        assert!(
            text.contains("more than 100 messages per second") && text.contains("`client_message_limit`")
        );
        assert!(text.len() <= 256);
        let (count, text) = taken(LIMITS, 50, 1000, 60);
        assert!((45..=55).contains(&count), "{count}");
        assert!(text.unwrap().contains("more than 10000 bytes of messages per second"));
    }

    #[test]
    fn one_message_larger_than_the_whole_byte_burst_is_accepted() {
        assert_eq!(newcomer(Instant::ZERO).charge(LIMITS, Instant::ZERO, 1 << 20), Charged::Within);
    }

    #[test]
    fn after_a_client_exceeds_a_limit_its_later_messages_are_ignored_even_with_a_refilled_budget() {
        let (now, mut allowance) = (Instant::ZERO, newcomer(Instant::ZERO));
        while allowance.charge(LIMITS, now, 1) == Charged::Within {}
        assert_eq!(allowance.charge(LIMITS, now + Duration::from_secs(60), 1), Charged::Ignored);
    }

    #[test]
    fn a_client_without_message_limits_is_never_limited() {
        let none = Limits { messages: None, bytes: None };
        assert_eq!(taken(none, 100_000, 1000, 1), (100_000, None));
    }
}
