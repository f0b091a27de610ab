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
    /// Burst loss in the model of Gilbert and Elliott: a good and a bad state, each with its own loss probability.
    Burst = "burst" {
        /// The probability per datagram that the good state becomes bad, in parts per million.
        to_bad: u32,
        /// The probability per datagram that the bad state becomes good, in parts per million.
        to_good: u32,
        /// The share of datagrams lost in the good state, in parts per million.
        good: u32,
        /// The share of datagrams lost in the bad state, in parts per million.
        bad: u32,
    }
    /// The four-state Markov loss of tc-netem (Salsano et al., "Definition of a general and intuitive loss model"). A
    /// datagram in state 1 is received in a gap, in state 2 received in a burst, in state 3 lost in a burst, and in
    /// state 4 lost alone in a gap.
    FourState = "four-state" {
        /// The probability of the transition from state 1 to state 3, in parts per million.
        p13: u32,
        /// The probability of the transition from state 3 to state 1, in parts per million.
        p31: u32,
        /// The probability of the transition from state 3 to state 2, in parts per million.
        p32: u32,
        /// The probability of the transition from state 2 to state 3, in parts per million.
        p23: u32,
        /// The probability of the transition from state 1 to state 4, in parts per million.
        p14: u32,
    }
    /// A loss trace, which repeats, determines the lost datagrams.
    Traced = "traced" {
        /// The loss trace, one bit per datagram: `1` stands for a lost datagram.
        bits: Vec<bool>,
    }
    /// No datagram passes.
    Partition = "partition" {}
    /// The link silently drops datagrams larger than a limit.
    Mtu = "mtu" {
        /// The largest datagram that passes, in bytes.
        bytes: u32,
    }
    /// The link duplicates datagrams.
    Duplicate = "duplicate" {
        /// The share of datagrams duplicated, in parts per million.
        ppm: u32,
        /// The largest number of additional copies of a datagram, at most 16.
        most: u32,
        /// The longest delay of an additional copy after the first copy.
        spread: Duration,
    }
    /// The link flips bits of datagrams.
    Flip = "flip" {
        /// The share of datagrams damaged, in parts per million.
        ppm: u32,
        /// The largest number of flipped bits per datagram.
        most: u32,
        /// The number of bytes at the beginning in which bits are flipped. 0 stands for all bytes.
        within: u32,
    }
    /// The link removes a random number of bytes from the end of datagrams, up to all bytes.
    Truncate = "truncate" {
        /// The share of datagrams truncated, in parts per million.
        ppm: u32,
    }
    /// The link appends random bytes to the end of datagrams.
    Extend = "extend" {
        /// The share of datagrams extended, in parts per million.
        ppm: u32,
        /// The largest number of bytes appended to a datagram.
        most: u32,
    }
    /// The link has a limited rate, and drops datagrams that do not fit into its queue.
    Rate = "rate" {
        /// The rate of the link, in bytes per second.
        bytes_per_second: u64,
        /// The size of the queue, in bytes.
        queue_bytes: u64,
    }
    /// The link delays some datagrams, so that later datagrams overtake them.
    Reorder = "reorder" {
        /// The share of datagrams delayed, in parts per million.
        ppm: u32,
        /// The longest delay of a datagram.
        hold: Duration,
    }
    /// Each datagram has an additional delay that is uniformly distributed from zero to a bound.
    Uniform = "uniform" {
        /// The longest delay of a datagram.
        most: Duration,
    }
    /// Each datagram has an additional, approximately normal delay (a sum of twelve uniform values). Negative delays
    /// count as zero.
    Normal = "normal" {
        /// The mean of the delays.
        mean: Duration,
        /// The standard deviation of the delays.
        deviation: Duration,
    }
    /// Each datagram has an additional delay with a heavy tail: the Pareto distribution with exponent 2.
    Pareto = "pareto" {
        /// The shortest delay of a datagram.
        scale: Duration,
        /// The longest delay of a datagram. Longer delays of the distribution count as this delay.
        most: Duration,
    }
    /// A delay trace, which repeats, determines the additional delay of each datagram.
    Recorded = "recorded" {
        /// The delay trace, one delay per datagram.
        delays: Vec<Duration>,
    }
    /// No datagram sent during the fault arrives before the fault ends. All datagrams that the fault delays arrive at
    /// that time.
    Clog = "clog" {}
    /// The port of the node's visible address changes. Datagrams in transit to the old port are lost.
    Rebind = "rebind" {
        /// The interval between two changes of the port. With zero, the port changes once, when the fault begins.
        every: Duration,
    }
    /// The node does not run. Arriving datagrams wait in its socket buffer of 212,992 bytes, and are dropped if the
    /// buffer is full.
    Pause = "pause" {}
    /// The node crashes and loses its state, and restarts when the fault ends.
    Restart = "restart" {}
    /// The node's clock runs fast or slow.
    Skew = "skew" {
        /// The deviation of the clock's rate, in parts per million. A positive value means that the clock runs fast.
        ppm: i64,
    }
    /// The node's clock jumps when the fault begins, and keeps the difference after the fault ends.
    Jump = "jump" {
        /// The length of the jump, in microseconds. A negative value sets the clock back.
        micros: i64,
    }
    /// An attacker on the path, near the sender, sends copies of the sender's datagrams to the receiver, from addresses
    /// that no node has. About half of the copies overtake the originals.
    Replay = "replay" {
        /// The share of datagrams copied, in parts per million. The attacker also copies datagrams that the link
        /// loses.
        ppm: u32,
        /// The longest delay after the original of a copy that does not overtake the original.
        spread: Duration,
    }
    /// The path clears the ECN bits of datagrams (RFC 3168 section 5).
    Bleach = "bleach" {}
    /// The path marks ECN-capable datagrams as Congestion Experienced (RFC 3168 section 5).
    Mark = "mark" {
        /// The share of datagrams marked, in parts per million.
        ppm: u32,
    }
    /// The link collects datagrams and delivers all of them at once, as to a Wi-Fi station that sleeps between two beacons.
    Bunch = "bunch" {
        /// The time between two deliveries. Zero adds no delay.
        every: Duration,
    }
    /// No datagram overtakes an earlier datagram, even if other faults delay the earlier datagram. Copies of a datagram
    /// still arrive in any order.
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
