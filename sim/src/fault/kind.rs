//! The kinds of faults and their parameters.

use core::fmt;
use core::time::Duration;

use super::parameter::{Fields, Parameter};

/// Defines the kinds once: the enum, its names, and how parameters become text and come back.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)?
    })*) => {
        /// A kind of fault. Probabilities are parts per million.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Kind {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type),* },)*
        }

        /// The name of a [`Kind`], without parameters.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum KindName { $($(#[$doc])* $variant),* }

        impl KindName {
            /// All kinds, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that stands for it in a printed fault.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl Kind {
            /// Its name.
            #[must_use]
            pub const fn name(&self) -> KindName {
                match self { $(Self::$variant { .. } => KindName::$variant),* }
            }

            pub(super) fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant { $($field),* } => {
                        f.write_str($name)?;
                        $(write!(f, concat!(" ", stringify!($field), "="))?; $field.print(f)?;)*
                    })*
                }
                Ok(())
            }

            pub(super) fn parse(name: &str, fields: &mut Fields<'_>) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant { $($field: fields.take(stringify!($field))?),* }),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// Each datagram is lost on its own.
    Loss = "loss" {
        /// How many are lost.
        ppm: u32,
    }
    /// Burst loss after Gilbert and Elliott: a good and a bad state, each with a loss of its own.
    Burst = "burst" {
        /// How likely each datagram turns good into bad.
        to_bad: u32,
        /// How likely each datagram turns bad into good.
        to_good: u32,
        /// Loss in the good state.
        good: u32,
        /// Loss in the bad state.
        bad: u32,
    }
    /// The four-state Markov loss of tc-netem (Salsano et al., "Definition of a general and intuitive loss model"):
    /// 1 received in a gap, 2 received within a burst, 3 lost within a burst, 4 lost alone in a gap.
    FourState = "four-state" {
        /// From 1 to 3.
        p13: u32,
        /// From 3 to 1.
        p31: u32,
        /// From 3 to 2.
        p32: u32,
        /// From 2 to 3.
        p23: u32,
        /// From 1 to 4.
        p14: u32,
    }
    /// Loss replayed from a recording, over and over: `1` is lost.
    Traced = "traced" {
        /// One bit per datagram.
        bits: Vec<bool>,
    }
    /// Nothing comes through.
    Partition = "partition" {}
    /// Datagrams larger than this are dropped, without a word.
    Mtu = "mtu" {
        /// The largest datagram that passes.
        bytes: u32,
    }
    /// Datagrams arrive more than once.
    Duplicate = "duplicate" {
        /// How many are duplicated.
        ppm: u32,
        /// The most copies beyond the first.
        most: u32,
        /// How much later than the first the copies come, at most.
        spread: Duration,
    }
    /// Bits are flipped.
    Flip = "flip" {
        /// How many datagrams suffer.
        ppm: u32,
        /// The most bits per datagram.
        most: u32,
        /// Bytes at the beginning in which bits are flipped; 0 for anywhere.
        within: u32,
    }
    /// Datagrams lose their tail, or everything.
    Truncate = "truncate" {
        /// How many suffer.
        ppm: u32,
    }
    /// Random bytes are appended.
    Extend = "extend" {
        /// How many datagrams suffer.
        ppm: u32,
        /// The most bytes appended.
        most: u32,
    }
    /// Only this many bytes per second pass; a datagram that does not fit the queue is dropped.
    Rate = "rate" {
        /// Bytes per second that pass.
        bytes_per_second: u64,
        /// Bytes that may wait.
        queue_bytes: u64,
    }
    /// Datagrams are held back, and overtaken by later ones.
    Reorder = "reorder" {
        /// How many are held back.
        ppm: u32,
        /// For how long, at most.
        hold: Duration,
    }
    /// Every datagram is delayed by anything up to a bound, evenly.
    Uniform = "uniform" {
        /// The bound.
        most: Duration,
    }
    /// Delays are distributed almost normally (a sum of twelve uniform values), cut at zero.
    Normal = "normal" {
        /// The mean.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    }
    /// Delays have a heavy tail: Pareto with exponent 2.
    Pareto = "pareto" {
        /// The least delay.
        scale: Duration,
        /// Where the tail is cut.
        most: Duration,
    }
    /// Delays replayed from a recording, over and over.
    Recorded = "recorded" {
        /// One delay per datagram.
        delays: Vec<Duration>,
    }
    /// Everything is held until the fault is over, then released at once.
    Clog = "clog" {}
    /// The node's visible address gets another port; datagrams in transit to the old one are lost.
    Rebind = "rebind" {
        /// How often while the fault lasts. Zero: once, at its beginning.
        every: Duration,
    }
    /// The node does nothing. Arriving datagrams wait in its socket buffer, up to a bound.
    Pause = "pause" {}
    /// The node dies, losing its state, and boots when the fault is over.
    Restart = "restart" {}
    /// The node's clock runs fast, or slow if negative.
    Skew = "skew" {
        /// By how many parts per million.
        ppm: i64,
    }
    /// The node's clock jumps, and stays wrong.
    Jump = "jump" {
        /// By how many microseconds; negative is back.
        micros: i64,
    }
    /// Somebody on the path, near the sender, repeats datagrams from addresses of his own. Half of the copies overtake
    /// the originals.
    Replay = "replay" {
        /// How many are repeated, arrived or lost.
        ppm: u32,
        /// How much later than the originals the other half comes, at most.
        spread: Duration,
    }
    /// The path clears the bits of explicit congestion notification.
    Bleach = "bleach" {}
    /// The path marks datagrams that may be marked as having met congestion.
    Mark = "mark" {
        /// How many.
        ppm: u32,
    }
    /// Datagrams gather, and the link delivers all of them at once: a Wi-Fi station that sleeps between two beacons receives
    /// like this.
    Bunch = "bunch" {
        /// Time between two deliveries; zero delays nothing.
        every: Duration,
    }
    /// No datagram overtakes another: each arrives no earlier than the one before it, however late other faults make that one.
    /// Copies of a datagram still arrive whenever they like.
    InOrder = "in-order" {}
}

impl KindName {
    /// Whether it strikes nodes rather than links.
    #[must_use]
    pub const fn is_of_nodes(self) -> bool {
        matches!(self, Self::Rebind | Self::Pause | Self::Restart | Self::Skew | Self::Jump)
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KindSet(u32);

impl KindSet {
    /// None.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self((1 << KindName::ALL.len()) - 1);

    /// With `kind`.
    #[must_use]
    pub const fn with(self, kind: KindName) -> Self {
        Self(self.0 | 1 << kind as u32)
    }

    /// Without `kind`.
    #[must_use]
    pub const fn without(self, kind: KindName) -> Self {
        Self(self.0 & !(1 << kind as u32))
    }

    /// Whether `kind` is in it.
    #[must_use]
    pub const fn contains(self, kind: KindName) -> bool {
        self.0 >> kind as u32 & 1 == 1
    }
}

impl FromIterator<KindName> for KindSet {
    fn from_iter<I: IntoIterator<Item = KindName>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_exactly_what_was_put_in() {
        let set = KindSet::ALL.without(KindName::Clog);
        assert!(!set.contains(KindName::Clog));
        assert_eq!(KindName::ALL.iter().filter(|&&kind| set.contains(kind)).count(), KindName::ALL.len() - 1);
        assert_eq!(KindName::ALL.iter().copied().collect::<KindSet>(), KindSet::ALL);
        assert_eq!(KindSet::NONE.with(KindName::Loss).without(KindName::Loss), KindSet::NONE);
    }
}
