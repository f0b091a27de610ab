//! Commands of the game to the network thread.

use std::num::NonZeroU32;
use std::time::Duration;

use tickwire_core::error::ConnectError as CoreConnectError;
use tickwire_core::snapshot::Viewer;
use tickwire_core::{Bytes, ChannelId, ConnectionId, Endpoint, PublicKey, Secret};

use crate::answer::Replier;
use crate::dial::DialRequest;
use crate::policy::Policy;

/// One order. They are carried out in the order in which they were given.
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
        /// The number of connections made since the start when the broadcast was sent. It goes only to those that existed then.
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
    /// Commit the changes of a world that were handed in first.
    Commit,
    SetViewer {
        connection: ConnectionId,
        viewer: Option<Viewer>,
    },
    /// Take a snapshot of all connections and counters.
    Snapshot(Replier<()>),
    Ask(Question),
    Stop {
        code: u16,
        text: String,
        grace: Duration,
        /// `true` if connections that say good-bye already are to be done within `grace` too.
        cuts_short: bool,
    },
    Abort,
}

/// A question to the core: it reads the endpoint and sends the answer to the thread that asked.
pub(crate) type Question = Box<dyn FnOnce(&Endpoint) + Send>;

impl Command {
    /// Whether it only asks: then the game has done nothing.
    pub(crate) const fn is_question(&self) -> bool {
        matches!(self, Self::Snapshot(_) | Self::Ask(_))
    }
}
