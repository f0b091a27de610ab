//! Why a datagram was dropped. Noise on the wire is counted, never returned as an error.

use core::fmt;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])+ $variant:ident => $name:literal,)+) => {
        /// Why a datagram was dropped, for counters and reports.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum DropReason {
            $($(#[$doc])+ $variant,)+
        }

        impl DropReason {
            /// Every reason, in the order of [`DropReason::index`].
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
            /// How many reasons there are: the size of a table with one counter for each.
            pub const COUNT: usize = Self::ALL.len();

            /// The name that reports use: lower case, words joined by hyphens.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

drop_reasons! {
    /// Shorter than the shortest datagram of its type.
    TooShort => "too-short",
    /// Longer than the longest datagram of its type.
    TooLarge => "too-large",
    /// The first byte names no datagram of this protocol.
    UnknownType => "unknown-type",
    /// A connection id that nothing here goes by.
    UnknownConnection => "unknown-connection",
    /// A link that the driver did not open, or closed.
    UnknownLink => "unknown-link",
    /// Not authentic under the keys it claims.
    NotAuthentic => "not-authentic",
    /// Seen before, or too old to tell.
    Replayed => "replayed",
    /// A table or queue that it needs a place in is full.
    NoRoom => "no-room",
    /// The fields do not parse.
    Malformed => "malformed",
    /// A handshake of another game.
    WrongApplication => "wrong-application",
    /// A handshake from an unvalidated address without the padding that pays for a reply.
    NotPadded => "not-padded",
    /// A handshake at an endpoint that accepts no connections, or a packet of a connection that has no keys any more.
    Closed => "closed",
    /// A handshake without a ticket where one is needed.
    NoTicket => "no-ticket",
    /// A ticket that is forged, of another server, or worn.
    BadTicket => "bad-ticket",
    /// A ticket that let a client in before.
    BurntTicket => "burnt-ticket",
    /// A ticket with as many half-open handshakes as it may have.
    TicketBusy => "ticket-busy",
    /// The table of burnt tickets is full: a ticket that cannot be burnt lets no client in.
    BurnTableFull => "burn-table-full",
    /// A peer that this endpoint does not expect.
    UnknownPeer => "unknown-peer",
    /// A Retry whose cookie is none.
    BadCookie => "bad-cookie",
    /// A Retry beyond those that one attempt follows.
    TooManyRetries => "too-many-retries",
    /// A reply that does not echo what it answers.
    WrongEcho => "wrong-echo",
    /// Its source asked too often.
    RateLimited => "rate-limited",
    /// As many handshakes are half open as may be.
    HalfOpenFull => "half-open-full",
    /// A handshake message that fits no step under way.
    UnexpectedHandshake => "unexpected-handshake",
    /// Authentic, but forbidden: the connection was closed for it.
    Violation => "violation",
}

impl DropReason {
    /// Its place in a table of counters: 0 to [`DropReason::COUNT`] - 1.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// How many datagrams were dropped, by reason.
#[derive(Clone, PartialEq, Eq)]
pub struct DropCounts([u64; DropReason::COUNT]);

impl Default for DropCounts {
    fn default() -> Self {
        Self([0; DropReason::COUNT])
    }
}

impl DropCounts {
    pub(crate) fn count(&mut self, reason: DropReason) {
        if let Some(count) = self.0.get_mut(reason.index()) {
            *count = count.saturating_add(1);
        }
    }

    /// Datagrams dropped for this reason.
    #[must_use]
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason.index()).copied().unwrap_or(0)
    }

    /// Datagrams dropped for whatever reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Every reason that occurred, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.iter().map(|&reason| (reason, self.of(reason))).filter(|&(_, count)| count > 0)
    }
}

/// The reasons that occurred, each with its count: `too-short 3, replayed 1`. Without any: `none`.
///
/// ```
/// use tickwire_core::drop::DropCounts;
/// assert_eq!(DropCounts::default().to_string(), "none");
/// ```
impl fmt::Display for DropCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total() == 0 {
            return f.write_str("none");
        }
        for (place, (reason, count)) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{reason} {count}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for DropCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn every_reason_has_its_own_index_below_count_and_its_own_name() {
        let indexes: BTreeSet<_> = DropReason::ALL.iter().map(|reason| reason.index()).collect();
        let names: BTreeSet<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(indexes, (0..DropReason::COUNT).collect());
        assert_eq!(names.len(), DropReason::COUNT);
    }

    #[test]
    fn counts_are_shown_by_the_names_of_their_reasons() {
        let mut counts = DropCounts::default();
        assert_eq!(alloc::format!("{counts} {counts:?}"), "none {}");
        counts.count(DropReason::Replayed);
        counts.count(DropReason::TooShort);
        counts.count(DropReason::TooShort);
        assert_eq!(
            alloc::format!("{counts} {counts:?}"),
            "too-short 2, replayed 1 {TooShort: 2, Replayed: 1}"
        );
    }
}
