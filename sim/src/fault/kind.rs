//! The kinds of faults and their parameters.

use core::fmt;
use core::time::Duration;

use super::parameter::{Fields, Parameter};

/// Defines each kind of fault: its variant, its name, and the text form of its parameters.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)?
    })*) => {
        /// A kind of fault. All probabilities are in parts per million.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Kind {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type),* },)*
        }

        /// The name of a [`Kind`], without parameters.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum KindName { $($(#[$doc])* $variant),* }

        impl KindName {
            /// The names of all kinds, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the word that stands for the kind in a printed fault.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl Kind {
            /// Returns the name of the kind, without parameters.
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
    /// Each datagram is lost independently of the others.
    Loss = "loss" {
        /// The share of datagrams lost, in parts per million.
        ppm: u32,
    }
    /// Burst loss after Gilbert and Elliott: a good and a bad state, each with a loss of its own.
    Burst = "burst" {
        /// The probability per datagram that the good state turns bad.
        to_bad: u32,
        /// The probability per datagram that the bad state turns good.
        to_good: u32,
        /// The loss in the good state, in parts per million.
        good: u32,
        /// The loss in the bad state, in parts per million.
        bad: u32,
    }
    /// The four-state Markov loss of tc-netem (Salsano et al., "Definition of a general and intuitive loss model"):
    /// 1 received in a gap, 2 received within a burst, 3 lost within a burst, 4 lost alone in a gap.
    FourState = "four-state" {
        /// The probability of the transition from state 1 to state 3.
        p13: u32,
        /// The probability of the transition from state 3 to state 1.
        p31: u32,
        /// The probability of the transition from state 3 to state 2.
        p32: u32,
        /// The probability of the transition from state 2 to state 3.
        p23: u32,
        /// The probability of the transition from state 1 to state 4.
        p14: u32,
    }
    /// Losses follow a loss trace that repeats: `1` stands for a lost datagram.
    Traced = "traced" {
        /// The loss trace, one bit per datagram.
        bits: Vec<bool>,
    }
    /// No datagram passes.
    Partition = "partition" {}
    /// Datagrams larger than a limit are dropped without notice.
    Mtu = "mtu" {
        /// The largest datagram that passes, in bytes.
        bytes: u32,
    }
    /// Datagrams arrive more than once.
    Duplicate = "duplicate" {
        /// The share of datagrams duplicated, in parts per million.
        ppm: u32,
        /// The most copies beyond the first.
        most: u32,
        /// The longest delay between the first copy and a later one.
        spread: Duration,
    }
    /// Bits of datagrams are flipped.
    Flip = "flip" {
        /// The share of datagrams damaged, in parts per million.
        ppm: u32,
        /// The largest number of flipped bits per datagram.
        most: u32,
        /// The number of bytes at the beginning in which bits are flipped; 0 for all bytes.
        within: u32,
    }
    /// Datagrams lose their last bytes, or all bytes.
    Truncate = "truncate" {
        /// The share of datagrams truncated, in parts per million.
        ppm: u32,
    }
    /// Random bytes are appended to datagrams.
    Extend = "extend" {
        /// The share of datagrams extended, in parts per million.
        ppm: u32,
        /// The largest number of bytes appended to a datagram.
        most: u32,
    }
    /// The rate is limited; a datagram that does not fit the queue is dropped.
    Rate = "rate" {
        /// The rate of the link, in bytes per second.
        bytes_per_second: u64,
        /// The size of the queue, in bytes.
        queue_bytes: u64,
    }
    /// Datagrams are delayed, so that later ones overtake them.
    Reorder = "reorder" {
        /// The share of datagrams delayed, in parts per million.
        ppm: u32,
        /// The longest delay of a datagram.
        hold: Duration,
    }
    /// Delays are distributed evenly from zero to a bound.
    Uniform = "uniform" {
        /// The longest delay of a datagram.
        most: Duration,
    }
    /// Delays are distributed almost normally (a sum of twelve uniform values), cut at zero.
    Normal = "normal" {
        /// The mean of the delays.
        mean: Duration,
        /// The standard deviation of the delays.
        deviation: Duration,
    }
    /// Delays have a heavy tail: Pareto with exponent 2.
    Pareto = "pareto" {
        /// The least delay of a datagram.
        scale: Duration,
        /// The longest delay, at which the tail is cut.
        most: Duration,
    }
    /// Delays follow a delay trace that repeats.
    Recorded = "recorded" {
        /// The delay trace, one delay per datagram.
        delays: Vec<Duration>,
    }
    /// All datagrams wait until the fault ends, and then arrive at the same time.
    Clog = "clog" {}
    /// The node's visible address gets another port; datagrams in transit to the old port are lost.
    Rebind = "rebind" {
        /// The interval between two changes of the port while the fault lasts. Zero changes it once, at the beginning.
        every: Duration,
    }
    /// The node stands still. Arriving datagrams wait in its socket buffer, up to a bound.
    Pause = "pause" {}
    /// The node crashes and loses its state, and restarts when the fault ends.
    Restart = "restart" {}
    /// The node's clock runs fast, or slow if negative.
    Skew = "skew" {
        /// The deviation of the clock's rate, in parts per million.
        ppm: i64,
    }
    /// The node's clock jumps, and stays wrong.
    Jump = "jump" {
        /// The length of the jump in microseconds; negative jumps go back.
        micros: i64,
    }
    /// A stranger on the path, near the sender, repeats datagrams from addresses of its own. Half of the copies overtake
    /// the originals.
    Replay = "replay" {
        /// The share of datagrams repeated, whether they arrive or not, in parts per million.
        ppm: u32,
        /// The longest delay of the other half of the copies after the originals.
        spread: Duration,
    }
    /// The path clears the bits of explicit congestion notification.
    Bleach = "bleach" {}
    /// The path marks ECN-capable datagrams as having met congestion.
    Mark = "mark" {
        /// The share of datagrams marked, in parts per million.
        ppm: u32,
    }
    /// The link collects datagrams and delivers all of them at once, as to a Wi-Fi station that sleeps between two beacons.
    Bunch = "bunch" {
        /// The time between two deliveries; zero adds no delay.
        every: Duration,
    }
    /// No datagram overtakes another: each arrives no earlier than the datagram before it, however late other faults make
    /// it. Copies of a datagram still arrive in any order.
    InOrder = "in-order" {}
}

impl KindName {
    /// Returns whether faults of this kind affect nodes instead of links.
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

/// A set of kinds of faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KindSet(u32);

impl KindSet {
    /// The empty set of kinds.
    pub const NONE: Self = Self(0);
    /// The set of all kinds.
    pub const ALL: Self = Self((1 << KindName::ALL.len()) - 1);

    /// Adds `kind` to the set, and returns the changed set.
    #[must_use]
    pub const fn with(self, kind: KindName) -> Self {
        Self(self.0 | 1 << kind as u32)
    }

    /// Removes `kind` from the set, and returns the changed set.
    #[must_use]
    pub const fn without(self, kind: KindName) -> Self {
        Self(self.0 & !(1 << kind as u32))
    }

    /// Returns whether the set contains `kind`.
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
    fn a_set_of_fault_kinds_contains_exactly_the_added_kinds() {
        let set = KindSet::ALL.without(KindName::Clog);
        assert!(!set.contains(KindName::Clog));
        assert_eq!(KindName::ALL.iter().filter(|&&kind| set.contains(kind)).count(), KindName::ALL.len() - 1);
        assert_eq!(KindName::ALL.iter().copied().collect::<KindSet>(), KindSet::ALL);
        assert_eq!(KindSet::NONE.with(KindName::Loss).without(KindName::Loss), KindSet::NONE);
    }
}
