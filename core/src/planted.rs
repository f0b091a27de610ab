//! Bugs that are planted on purpose, to prove that the simulator finds them. They exist only with the feature
//! `planted`, which no product enables; without it every query below is `false` at compile time.

#[cfg(feature = "planted")]
use core::sync::atomic::{AtomicU8, Ordering};

/// A bug that can be planted.
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
}

#[cfg(feature = "planted")]
impl Bug {
    /// All bugs, each with its name on the command line.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::ReplayWindowOffByOne, "replay-window-off-by-one"),
        (Self::LostTimer, "lost-timer"),
        (Self::NonceReuse, "nonce-reuse"),
        (Self::OverlapCounted, "overlap-counted"),
        (Self::LostForgotten, "lost-forgotten"),
        (Self::AddressTrusted, "address-trusted"),
        (Self::NeedForgotten, "need-forgotten"),
    ];
}

#[cfg(feature = "planted")]
static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Enables one bug in every endpoint of the process. `None` disables it.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as u8), Ordering::SeqCst);
}

/// Whether `bug` is planted.
#[cfg(feature = "planted")]
pub(crate) fn is_planted(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == bug as u8
}

/// Whether `bug` is planted: never, without the feature `planted`.
#[cfg(not(feature = "planted"))]
pub(crate) const fn is_planted(_bug: Bug) -> bool {
    false
}
