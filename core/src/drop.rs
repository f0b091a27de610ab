//! Reasons for dropping a datagram. The endpoint counts invalid datagrams and never returns them as errors.

use core::fmt;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])+ $variant:ident => $name:literal,)+) => {
        /// The reason why the endpoint dropped a datagram, for counters and reports.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum DropReason {
            $($(#[$doc])+ $variant,)+
        }

        impl DropReason {
            /// All drop reasons, sorted by [`DropReason::index`].
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
            /// The number of drop reasons. A table with one counter for each reason has this size.
            pub const COUNT: usize = Self::ALL.len();

            /// Returns the reason's name in reports: lower case, words joined by hyphens.
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
    /// The datagram is shorter than the shortest valid datagram of its type.
    TooShort => "too-short",
    /// The datagram is longer than the longest valid datagram of its type.
    TooLarge => "too-large",
    /// The first byte, or the second byte of a control datagram, is not the type of any datagram of this protocol.
    UnknownType => "unknown-type",
    /// No connection of this endpoint has the connection id of the datagram, or the search for the connection exceeds
    /// [`crate::limits::LOOKUPS_PER_SECOND`].
    UnknownConnection => "unknown-connection",
    /// The datagram came over a link that the driver has not opened, or has closed.
    UnknownLink => "unknown-link",
    /// The packet is not authentic under the keys of its connection or its handshake.
    NotAuthentic => "not-authentic",
    /// The packet number was received before, or is below the replay window of [`crate::limits::REPLAY_WINDOW`] packets; or
    /// the client has already followed the Retry.
    Replayed => "replayed",
    /// The endpoint has no space for the datagram: a table, a queue or the memory for messages is full, or no place is
    /// free for the client's connection.
    NoRoom => "no-room",
    /// The fields of the datagram do not parse.
    Malformed => "malformed",
    /// The handshake has a different application number than this endpoint.
    WrongApplication => "wrong-application",
    /// The handshake came from an unvalidated address without the padding that anti-amplification requires.
    NotPadded => "not-padded",
    /// The endpoint accepts no connections, or the packet's connection is closed and has discarded its keys.
    Closed => "closed",
    /// The handshake contains neither a ticket nor an expected peer's credential, and the endpoint requires one of them.
    NoTicket => "no-ticket",
    /// The ticket is forged or for another server, or this endpoint accepts no tickets.
    BadTicket => "bad-ticket",
    /// A client has already connected with the ticket, which is valid only once, or a newer ticket of the same session
    /// has replaced the resume ticket.
    BurntTicket => "burnt-ticket",
    /// The ticket, session or expected peer already has [`crate::limits::HALF_OPEN_PER_TICKET`] half-open handshakes.
    TicketBusy => "ticket-busy",
    /// The table of used tickets is full, so the endpoint cannot record the ticket and rejects it.
    BurnTableFull => "burn-table-full",
    /// The handshake came from a peer that this endpoint does not expect.
    UnknownPeer => "unknown-peer",
    /// The cookie in the Retry is all zeros, which is not a valid cookie.
    BadCookie => "bad-cookie",
    /// The attempt to connect has already followed its maximum number of Retries.
    TooManyRetries => "too-many-retries",
    /// The reply does not contain the expected bytes of the datagram that it answers.
    WrongEcho => "wrong-echo",
    /// The source of the datagram, or the session of its resume ticket, began more handshakes than its rate limit allows.
    RateLimited => "rate-limited",
    /// The table of half-open handshakes is full, and no entry may be replaced for this client.
    HalfOpenFull => "half-open-full",
    /// No running handshake expects the datagram, or this end's own attempt has priority over the peer's.
    UnexpectedHandshake => "unexpected-handshake",
    /// A newer snapshot frame arrived before the packet's snapshot frame. This end has already dropped the baseline of
    /// the older frame, or the older frame belongs to an earlier view.
    StaleSnapshot => "stale-snapshot",
    /// The packet's snapshot frame refers to a frame, unit or baseline that this end does not have.
    MissingBaseline => "missing-baseline",
    /// The packet's snapshot frame does not match its checksum, so this end and the sender used different baselines.
    DivergedSnapshot => "diverged-snapshot",
    /// The packet's snapshot frame does not parse, or refers to items that cannot exist.
    BadSnapshot => "bad-snapshot",
    /// The packet is authentic but breaks the protocol, so the connection was closed.
    Violation => "violation",
}

impl DropReason {
    /// Returns the reason's index in a table of counters: 0 to [`DropReason::COUNT`] - 1.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The number of dropped datagrams for each drop reason.
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

    /// Returns the number of datagrams dropped for the given reason.
    #[must_use]
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason.index()).copied().unwrap_or(0)
    }

    /// Returns the number of datagrams dropped for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns every drop reason whose count is above zero, with the count.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.iter().map(|&reason| (reason, self.of(reason))).filter(|&(_, count)| count > 0)
    }
}

/// Writes each reason whose count is above zero, with its count: `too-short 3, replayed 1`. Writes `none` if all counts are
/// zero.
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
    fn every_drop_reason_has_a_unique_index_and_a_unique_name() {
        let indexes: BTreeSet<_> = DropReason::ALL.iter().map(|reason| reason.index()).collect();
        let names: BTreeSet<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(indexes, (0..DropReason::COUNT).collect());
        assert_eq!(names.len(), DropReason::COUNT);
    }

    #[test]
    fn drop_counts_display_the_name_and_the_count_of_every_nonzero_reason() {
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
