//! A peer, which dials other peers and accepts the peers that it expects.

use tickwire_core::{Access, ConnectOptions, PublicKey, Secret};

use crate::address::NetworkAddress;
use crate::attempt::Attempt;
use crate::error::StartError;
use crate::node::Node;
use crate::options::Options;
use crate::verbs::verbs;

/// A running peer, which accepts peers and dials them. The type also has the methods of [`crate::Handle`]: the method
/// `connect` dials a server. Dropping the peer closes its connections without waiting for the delivery of messages. For
/// connections that `disconnect_after_delivery` is closing, the drop blocks until their messages are delivered, at most
/// until the deadline of that call.
///
/// ```
/// # use tickwire_core::message::{BoundedString, NetMessage, Registry};
/// # use tickwire_core::Config;
/// # use tickwire_native::{Options, Peer};
/// # #[derive(NetMessage)]
/// # struct Chat { text: BoundedString<200> }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut registry = Registry::new();
/// # registry.register::<Chat>()?;
/// # let config = Config::new(1);
/// // Signalling gave each peer the pairwise secret, and the public key and address of the other peer.
/// let options = || Options::new(config.clone()).bind("127.0.0.1:0".parse().expect("an address"));
/// let (one, other) = (Peer::start(options())?, Peer::start(options())?);
/// # let psk = [5; 32];
/// other.expect_peer(psk, one.public_key())?;
/// one.connect_to_peer(&other.local_address().into(), psk, other.public_key()).wait()?;
/// # Ok(())
/// # }
/// ```
pub struct Peer {
    node: Node,
}

verbs!(Peer);

impl Peer {
    /// Opens a socket, by default at a port that the system chooses, and starts the network thread. If `Config::access`
    /// is `Closed`, a peer may connect only if `expect_peer` has accepted it, or if this peer dials it.
    ///
    /// # Errors
    /// [`StartError`] if the configuration or the key file is unusable, or the socket or the thread cannot be created.
    pub fn start(mut options: Options) -> Result<Self, StartError> {
        if options.config.access == Access::Closed {
            options.config.access = Access::Peers;
        }
        Ok(Self { node: Node::start(options)? })
    }

    /// Begins to connect to a peer whose public key and shared secret came from signalling. If both peers dial each
    /// other, the two peers still have only one connection.
    pub fn connect_to_peer(
        &self,
        to: &NetworkAddress,
        psk: impl Into<Secret>,
        peer_key: impl Into<PublicKey>,
    ) -> Attempt {
        self.connect(to, ConnectOptions::peer(psk, peer_key))
    }
}
