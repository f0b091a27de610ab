//! Commands of the game to the network thread.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::error::ConnectError as CoreConnectError;
use tickwire_core::snapshot::Viewer;
use tickwire_core::{Bytes, ChannelId, ConnectionId, Endpoint, PublicKey, Secret};

use crate::answer::Replier;
use crate::dial::DialRequest;
use crate::policy::Policy;

/// A command of the game. The network thread executes commands in the order in which the game gave them.
pub(crate) enum Command {
    Send {
        connection: ConnectionId,
        channel: ChannelId,
        data: Bytes,
    },
    Broadcast {
        channel: ChannelId,
        data: Bytes,
        except: Vec<ConnectionId>,
        /// The number of connections established since the start when the broadcast was sent. The broadcast reaches only these
        /// connections.
        born_before: u64,
    },
    Connect(Box<DialRequest>),
    Disconnect {
        connection: ConnectionId,
        code: u16,
        text: String,
        deliver_within: Option<Duration>,
    },
    ExpectPeer {
        psk: Secret,
        peer_key: PublicKey,
        reply: Replier<Result<(), CoreConnectError>>,
    },
    ForgetPeer {
        psk: Secret,
        peer_key: PublicKey,
    },
    Admit(Policy),
    LimitAll(Option<NonZeroU32>),
    LimitOne {
        connection: ConnectionId,
        rate: Option<NonZeroU32>,
    },
    /// Commits the changes that have waited the longest.
    Commit,
    SetViewer {
        connection: ConnectionId,
        viewer: Option<Viewer>,
    },
    /// Stores a report on each connection, and the current counters.
    Snapshot(Replier<()>),
    Ask(Question),
    Stop {
        code: u16,
        text: String,
        grace: Duration,
        /// `true` if connections that are already closing after delivery must also finish within `grace`.
        cuts_short: bool,
    },
    Abort,
}

/// A question to the core. The network thread calls the function, which reads the endpoint and sends the answer to the
/// asking thread.
pub(crate) type Question = Box<dyn FnOnce(&Endpoint) + Send>;

impl Command {
    /// Returns whether the command only asks a question, which is not an action of the game.
    pub(crate) const fn is_question(&self) -> bool {
        matches!(self, Self::Snapshot(_) | Self::Ask(_))
    }
}
