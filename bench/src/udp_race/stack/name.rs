//! The names of the stacks that race.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A stack in the race.
#[derive(Serialize, Deserialize, ValueEnum, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stack {
    /// tickwire, encrypted and forward secret.
    Tickwire,
    /// renet with renet_netcode in secure mode: encrypted, no forward secrecy.
    Renet,
    /// rusty_enet, in plaintext.
    Enet,
    /// quinn, which implements QUIC: encrypted and forward secret.
    Quinn,
    /// Plain UDP sockets without a protocol, which show the cost of the operating system alone.
    Floor,
}

impl Stack {
    /// All stacks, in the order of a round.
    pub(crate) const ALL: [Self; 5] = [Self::Tickwire, Self::Renet, Self::Enet, Self::Quinn, Self::Floor];
    /// All stacks except tickwire.
    pub(crate) const PEERS: [Self; 4] = [Self::Renet, Self::Enet, Self::Quinn, Self::Floor];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tickwire => "tickwire",
            Self::Renet => "renet",
            Self::Enet => "enet",
            Self::Quinn => "quinn",
            Self::Floor => "floor",
        }
    }
}
