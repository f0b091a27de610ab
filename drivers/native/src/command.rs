//! What the game asks of the network thread.

use std::time::Duration;

use tickwire_core::crypto::Key;
use tickwire_core::error::ConnectError as CoreConnectError;
use tickwire_core::stats::ChannelStats;
use tickwire_core::{Admission, AdmissionRequest, Authenticator, Bytes, ChannelId, ConnectionId};

use crate::attempt::Replier;
use crate::bandwidth::Rate;
use crate::dial::DialRequest;
use crate::stats::ConnectionInfo;

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
    },
    Connect(Box<DialRequest>),
    Disconnect {
        connection: ConnectionId,
        code: u16,
        text: String,
        deliver_within: Option<Duration>,
    },
    ExpectPeer {
        psk: Key,
        peer_key: Key,
        reply: Replier<Result<(), CoreConnectError>>,
    },
    ForgetPeer {
        psk: Key,
        peer_key: Key,
    },
    Admit(Policy),
    LimitAll(Option<Rate>),
    LimitOne {
        connection: ConnectionId,
        rate: Option<Rate>,
    },
    /// Take a snapshot of all connections and counters.
    Snapshot(Replier<()>),
    Info {
        connection: ConnectionId,
        reply: Replier<Option<ConnectionInfo>>,
    },
    Channel {
        connection: ConnectionId,
        channel: ChannelId,
        reply: Replier<Option<ChannelStats>>,
    },
    Stop {
        code: u16,
        text: String,
        grace: Duration,
    },
    Abort,
}

/// An authenticator of whatever type.
pub(crate) struct Policy(pub(crate) Box<dyn Authenticator>);

impl Authenticator for Policy {
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission {
        self.0.admit(request)
    }
}
