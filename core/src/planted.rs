//! Bugs that tests plant on purpose, to prove that the simulator finds them. The bugs exist only with the feature `planted`,
//! which no released program enables. Without the feature, every query in this module is `false` at compile time.

#[cfg(feature = "planted")]
use core::sync::atomic::{AtomicU8, Ordering};

/// A bug that a test enables on purpose, to prove that the simulator finds the bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(
    not(feature = "planted"),
    allow(unreachable_pub, reason = "public only where bugs can be planted")
)]
#[repr(u8)]
#[non_exhaustive]
pub enum Bug {
    /// The replay window accepts the newest packet number a second time.
    ReplayWindowOffByOne = 1,
    /// The PTO timer is not set again after it has expired.
    LostTimer = 2,
    /// Packet numbers restart when the peer's address changes, so a nonce is used twice.
    NonceReuse = 3,
    /// A fragment that overlaps another fragment is counted with all of its bytes.
    OverlapCounted = 4,
    /// The endpoint does not resend the messages of every sixteenth lost packet.
    LostForgotten = 5,
    /// The endpoint treats an address as validated after the first authentic packet from it, without a challenge.
    AddressTrusted = 6,
    /// A message that waits while no packet is in flight sets no transmit deadline.
    NeedForgotten = 7,
    /// A packet is acknowledged although its snapshot frame could not be stored.
    SnapshotAckedUnstored = 8,
    /// The floor of a snapshot frame rises past a version whose acknowledgement was lost.
    FloorPastUnacked = 9,
    /// The second baseline of a unit is the sender's previous baseline, not the version that the baseline was coded against.
    SecondBaselineGuessed = 10,
    /// A late acknowledgement of the unit that previously had a slot counts for the unit that has the slot now.
    VisitIgnored = 11,
    /// A slot is reused before the floor has passed the tick in which its unit ended.
    SlotReusedAtOnce = 12,
    /// Units that were not acknowledged before an interruption are not resent after the resumption.
    ResumeForgetsUnits = 13,
    /// A unit that is lost in the tick in which it was sent is not resent.
    LostInTickForgotten = 14,
    /// A unit whose frame was lost in an earlier tick is not resent.
    LostUnitForgotten = 15,
    /// A unit that only owners receive stays in the view when the owner of its entity changes.
    AudienceKept = 16,
    /// A unit that returns to the view before its slot is free is coded against its earlier baseline.
    CameBackTrusted = 17,
    /// A second baseline below the floor is used.
    SecondBelowFloor = 18,
    /// After a resumption, units are coded against versions that were sent before the interruption and not acknowledged.
    ResumeTrustsSent = 19,
    /// The grid's cell of a unit does not change when the unit moves.
    GridCellStale = 20,
    /// An entity leaves a view by distance beyond the inner radius, not beyond the outer radius.
    HysteresisIgnored = 21,
    /// An entity leaves a view at the first search that finds it beyond the outer radius, and not after 600 ms.
    HoldIgnored = 22,
    /// A view of another world begins without the rules of the connection.
    RulesLost = 23,
    /// A view is reported as complete when the peer acknowledged its first frame.
    ViewCompleteEarly = 24,
    /// A view around an entity stays where the entity was first.
    EyesFrozen = 25,
}

#[cfg(feature = "planted")]
impl Bug {
    /// All bugs, each with the name that the command line accepts.
    pub const ALL: [(Self, &'static str); 25] = [
        (Self::ReplayWindowOffByOne, "replay-window-off-by-one"),
        (Self::LostTimer, "lost-timer"),
        (Self::NonceReuse, "nonce-reuse"),
        (Self::OverlapCounted, "overlap-counted"),
        (Self::LostForgotten, "lost-forgotten"),
        (Self::AddressTrusted, "address-trusted"),
        (Self::NeedForgotten, "need-forgotten"),
        (Self::SnapshotAckedUnstored, "snapshot-acked-unstored"),
        (Self::FloorPastUnacked, "floor-past-unacked"),
        (Self::SecondBaselineGuessed, "second-baseline-guessed"),
        (Self::VisitIgnored, "visit-ignored"),
        (Self::SlotReusedAtOnce, "slot-reused-at-once"),
        (Self::ResumeForgetsUnits, "resume-forgets-units"),
        (Self::LostInTickForgotten, "lost-in-tick-forgotten"),
        (Self::LostUnitForgotten, "lost-unit-forgotten"),
        (Self::AudienceKept, "audience-kept"),
        (Self::CameBackTrusted, "came-back-trusted"),
        (Self::SecondBelowFloor, "second-below-floor"),
        (Self::ResumeTrustsSent, "resume-trusts-sent"),
        (Self::GridCellStale, "grid-cell-stale"),
        (Self::HysteresisIgnored, "hysteresis-ignored"),
        (Self::HoldIgnored, "hold-ignored"),
        (Self::RulesLost, "rules-lost"),
        (Self::ViewCompleteEarly, "view-complete-early"),
        (Self::EyesFrozen, "eyes-frozen"),
    ];

    /// Returns whether only a test that replicates a world can find the bug.
    #[must_use]
    pub const fn is_of_worlds(self) -> bool {
        self as u8 >= Self::SnapshotAckedUnstored as u8
    }

    /// Returns whether only a test can find the bug in which connections have different and changing views of worlds.
    #[must_use]
    pub const fn is_of_views(self) -> bool {
        self as u8 >= Self::GridCellStale as u8
    }
}

#[cfg(feature = "planted")]
static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Enables `bug` in every endpoint of the process, and disables all other bugs. `None` disables all bugs.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as u8), Ordering::SeqCst);
}

/// Returns `true` if `bug` is planted.
#[cfg(feature = "planted")]
pub(crate) fn is_planted(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == bug as u8
}

/// Returns `false`, because no bug can be planted without the feature `planted`.
#[cfg(not(feature = "planted"))]
pub(crate) const fn is_planted(_bug: Bug) -> bool {
    false
}
