//! What one client may have the game do: messages and bytes per second, with a burst.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::token_bucket::{Rate, TokenBucket};

/// What one client has used of what it may send.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    messages: TokenBucket,
    bytes: TokenBucket,
    /// The client sent more than it may: it is sent away, and nothing more of it is taken.
    is_spent: bool,
}

/// What one client may send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Messages per second; none: as many as it likes.
    pub(crate) messages: Option<NonZeroU32>,
    /// Bytes of messages per second.
    pub(crate) bytes: Option<NonZeroU32>,
}

/// What is to be done with a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Charged {
    /// The game gets it.
    Within,
    /// It is one too many: its sender is sent away, and told this.
    Exceeded(String),
    /// Its sender is on its way out already.
    Ignored,
}

impl Allowance {
    pub(crate) const fn new() -> Self {
        Self { messages: TokenBucket::new(), bytes: TokenBucket::new(), is_spent: false }
    }

    /// Charges a message of so many bytes.
    pub(crate) fn charge(&mut self, limits: Limits, now: Instant, bytes: usize) -> Charged {
        if self.is_spent {
            return Charged::Ignored;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let of = |limit: NonZeroU32| Rate::per_second(limit.get(), BURST);
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
            "more than {limit} {what} a second came from this client, for longer than {} s; the server's `{key}` says how many may",
            BURST.as_secs()
        ))
    }
}

/// How long a client may save up what it does not send.
const BURST: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { messages: NonZeroU32::new(100), bytes: NonZeroU32::new(10_000) };

    /// Messages of `bytes` bytes that are taken in `seconds`, of `per_second` that come.
    fn taken(limits: Limits, per_second: u32, bytes: usize, seconds: u32) -> (u32, Option<String>) {
        let (start, mut allowance) = (Instant::ZERO, Allowance::new());
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
    fn a_client_within_its_limits_is_never_sent_away() {
        assert_eq!(taken(LIMITS, 100, 100, 600), (60_000, None));
    }

    #[test]
    fn a_flood_is_told_its_limit_after_four_seconds_worth_of_it() {
        let (count, text) = taken(LIMITS, 100_000, 1, 10);
        assert!((400..=410).contains(&count), "{count}");
        let text = text.unwrap();
        assert!(text.contains("more than 100 messages a second") && text.contains("`client_message_limit`"));
        assert!(text.len() <= 256);
        let (count, text) = taken(LIMITS, 50, 1000, 60);
        assert!((45..=55).contains(&count), "{count}");
        assert!(text.unwrap().contains("more than 10000 bytes of messages a second"));
    }

    #[test]
    fn one_message_larger_than_the_whole_burst_passes() {
        let mut allowance = Allowance::new();
        assert_eq!(allowance.charge(LIMITS, Instant::ZERO, 1 << 20), Charged::Within);
    }

    #[test]
    fn nothing_more_is_taken_of_a_client_that_is_sent_away() {
        let (now, mut allowance) = (Instant::ZERO, Allowance::new());
        while allowance.charge(LIMITS, now, 1) == Charged::Within {}
        assert_eq!(allowance.charge(LIMITS, now + Duration::from_secs(60), 1), Charged::Ignored);
    }

    #[test]
    fn without_limits_everything_passes() {
        let none = Limits { messages: None, bytes: None };
        assert_eq!(taken(none, 100_000, 1000, 1), (100_000, None));
    }
}
