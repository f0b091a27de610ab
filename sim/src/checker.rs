//! Rules that must hold at every step of a run, for any hosts.

use core::fmt;
use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};

use tickwire_core::time::Instant;
use tickwire_core::wire::{PacketKind, classify};
use xxhash_rust::xxh3::xxh3_64;

use crate::fault::NodeId;
use crate::provider::NonceLog;

/// A violation of a rule, which ends a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The name of the checker, or of the part of the simulation, that reported the violation.
    pub checker: &'static str,
    /// The virtual time at which the violation was detected.
    pub at: Instant,
    /// A human-readable description of the violation.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}: {}", self.checker, self.at, self.text)
    }
}

impl core::error::Error for Violation {}

/// A datagram at the moment at which a node sends or receives it.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The virtual time at which the datagram was sent or received.
    pub at: Instant,
    /// The node that sends or receives the datagram.
    pub node: NodeId,
    /// The address under which other nodes see the node.
    pub local: SocketAddr,
    /// The address of the other end, as the node itself sees this address.
    pub peer: SocketAddr,
    /// The bytes of the datagram.
    pub bytes: &'a [u8],
}

/// A rule that the world checks at every datagram and event. The methods return `Err` with a description of a
/// violation, which ends the run.
pub trait Checker<E> {
    /// Returns the name of the checker, which violations state.
    fn name(&self) -> &'static str;

    /// Checks a datagram that a node has sent.
    ///
    /// # Errors
    /// A description of the rule that this datagram breaks.
    fn sent(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        let _ = datagram;
        Ok(())
    }

    /// Checks a datagram that a node has received.
    ///
    /// # Errors
    /// A description of the rule that this datagram breaks.
    fn delivered(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        let _ = datagram;
        Ok(())
    }

    /// Checks an event that the host of a node has reported.
    ///
    /// # Errors
    /// A description of the rule that this event breaks.
    fn event(&mut self, at: Instant, node: NodeId, event: &E) -> Result<(), String> {
        let _ = (at, node, event);
        Ok(())
    }

    /// Handles the crash of a node, which loses its state.
    fn crashed(&mut self, at: Instant, node: NodeId) {
        let _ = (at, node);
    }

    /// Checks the promises that must be fulfilled at the end of the run.
    ///
    /// # Errors
    /// A description of the promise that is still unfulfilled.
    fn finish(&mut self, at: Instant) -> Result<(), String> {
        let _ = at;
        Ok(())
    }
}

/// A checker of the rule that no node sends more bytes to an unvalidated address than the node received from this
/// address.
///
/// An address that the node itself dialled counts as validated. The checker determines which other addresses are
/// validated, from the owner of each address and the datagrams that each node received. An address becomes validated
/// once a node that received a datagram at this address later sends a data packet that the other end decrypts. An
/// authentic datagram whose source is the address does not validate it.
pub struct Amplification<C> {
    called: C,
    log: NonceLog,
    /// The bytes received from, and the bytes sent to, each address that is not validated, by node and address.
    balances: BTreeMap<(NodeId, SocketAddr), (u64, u64)>,
    validated: BTreeSet<(NodeId, SocketAddr)>,
    /// The node that uses each address. No address passes to a different node.
    residents: BTreeMap<SocketAddr, NodeId>,
    /// The unvalidated addresses of a node at which datagrams from another node arrived, by sender and receiver.
    reached: BTreeMap<(NodeId, NodeId), Vec<SocketAddr>>,
    /// The addresses that a data packet in transit validates if it decrypts, by receiver and hash of the packet.
    proofs: BTreeMap<(NodeId, u64), Vec<SocketAddr>>,
    /// The receiver of the latest packet that may validate addresses, these addresses, and the number of packets that
    /// the log had counted as decrypted before.
    pending: Option<(NodeId, Vec<SocketAddr>, u64)>,
    unvalidated: u64,
}

impl<C: FnMut(NodeId, SocketAddr) -> bool> Amplification<C> {
    /// Creates a checker. `called` returns whether a node itself dialled an address, and `log` counts the packets that
    /// the nodes' providers decrypted.
    #[must_use]
    pub const fn new(called: C, log: NonceLog) -> Self {
        Self {
            called,
            log,
            balances: BTreeMap::new(),
            validated: BTreeSet::new(),
            residents: BTreeMap::new(),
            reached: BTreeMap::new(),
            proofs: BTreeMap::new(),
            pending: None,
            unvalidated: 0,
        }
    }

    /// Returns the number of datagrams that were sent to addresses before these addresses were validated.
    #[must_use]
    pub const fn unvalidated(&self) -> u64 {
        self.unvalidated
    }

    fn is_validated(&mut self, node: NodeId, address: SocketAddr) -> bool {
        self.validated.contains(&(node, address)) || (self.called)(node, address)
    }

    /// Validates the pending addresses if the log has counted another decrypted packet since the packet was delivered.
    /// Only the node that received the packet has decrypted anything since then.
    fn settle(&mut self) {
        let Some((node, addresses, opened)) = self.pending.take() else { return };
        if self.log.counts().opened == opened {
            return;
        }
        for address in addresses {
            self.validated.insert((node, address));
            self.balances.remove(&(node, address));
            if let Some(&resident) = self.residents.get(&address)
                && let Some(reached) = self.reached.get_mut(&(node, resident))
            {
                reached.retain(|other| *other != address);
            }
        }
    }

    /// Records the addresses that a data packet validates: its sender received datagrams of the other end there.
    fn note_proof(&mut self, datagram: &Datagram<'_>) {
        let Some(&receiver) = self.residents.get(&datagram.peer) else { return };
        let reached = self.reached.get(&(receiver, datagram.node)).filter(|reached| !reached.is_empty());
        if let Some(reached) = reached
            && classify(datagram.bytes) == Some(PacketKind::Data)
        {
            self.proofs.insert((receiver, xxh3_64(datagram.bytes)), reached.clone());
        }
    }

    /// Records that datagrams from the peer arrive at the node's address.
    fn note_reached(&mut self, datagram: &Datagram<'_>) {
        let Some(&sender) = self.residents.get(&datagram.peer) else { return };
        if !self.is_validated(sender, datagram.local) {
            let reached = self.reached.entry((sender, datagram.node)).or_default();
            if !reached.contains(&datagram.local) {
                reached.push(datagram.local);
            }
        }
    }
}

impl<C> fmt::Debug for Amplification<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Amplification").field("balances", &self.balances).finish_non_exhaustive()
    }
}

impl<E, C: FnMut(NodeId, SocketAddr) -> bool> Checker<E> for Amplification<C> {
    fn name(&self) -> &'static str {
        "amplification"
    }

    fn sent(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        self.settle();
        self.residents.insert(datagram.local, datagram.node);
        self.note_proof(datagram);
        let key = (datagram.node, datagram.peer);
        if self.is_validated(datagram.node, datagram.peer) {
            return Ok(());
        }
        self.unvalidated += 1;
        let (received, sent) = self.balances.entry(key).or_default();
        *sent += datagram.bytes.len() as u64;
        if sent <= received {
            return Ok(());
        }
        let (node, peer) = key;
        Err(format!(
            "node {node} has sent {sent} bytes to {peer}, which sent only {received} bytes and was never validated"
        ))
    }

    fn delivered(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        self.settle();
        self.residents.insert(datagram.local, datagram.node);
        self.note_reached(datagram);
        if !self.is_validated(datagram.node, datagram.peer) {
            let (received, _) = self.balances.entry((datagram.node, datagram.peer)).or_default();
            *received += datagram.bytes.len() as u64;
        }
        if !self.proofs.is_empty()
            && let Some(addresses) = self.proofs.get(&(datagram.node, xxh3_64(datagram.bytes)))
        {
            self.pending = Some((datagram.node, addresses.clone(), self.log.counts().opened));
        }
        Ok(())
    }

    fn crashed(&mut self, _: Instant, node: NodeId) {
        self.settle();
        // An address validated before the crash is unknown after it, and accounts begin anew.
        self.balances.retain(|&(of, _), _| of != node);
        self.validated.retain(|&(of, _)| of != node);
        self.reached.retain(|&(of, _), _| of != node);
        self.proofs.retain(|&(of, _), _| of != node);
    }
}

/// A checker of the rule that no key is used twice with the same nonce. The checker uses the log of the
/// [`crate::provider::RecordingProvider`]s.
#[derive(Clone, Debug)]
pub struct NonceUniqueness(pub NonceLog);

impl<E> Checker<E> for NonceUniqueness {
    fn name(&self) -> &'static str {
        "nonce uniqueness"
    }

    fn sent(&mut self, _: &Datagram<'_>) -> Result<(), String> {
        match self.0.counts().repeated {
            0 => Ok(()),
            repeated => Err(format!(
                "{repeated} packets or tickets were sealed with a nonce that had been used before under the same key"
            )),
        }
    }

    fn finish(&mut self, at: Instant) -> Result<(), String> {
        let home = crate::network::home_address(0);
        let nothing = Datagram { at, node: 0, local: home, peer: home, bytes: &[] };
        Checker::<E>::sent(self, &nothing)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::network::home_address;
    use crate::provider::{NullProvider, RecordingProvider};
    use tickwire_core::crypto::Provider as _;
    use tickwire_core::wire::writers::{DATA, HELLO};

    fn datagram(bytes: &[u8]) -> Datagram<'_> {
        between(0, 1, bytes)
    }

    /// Returns a datagram that `node` sends to `other`, or receives from `other`.
    fn between(node: NodeId, other: NodeId, bytes: &[u8]) -> Datagram<'_> {
        let (local, peer) = (home_address(node), home_address(other));
        Datagram { at: Instant::ZERO, node, local, peer, bytes }
    }

    /// Creates a checker for a run in which only node 1 dialled, and the provider whose log the checker reads.
    fn amplification() -> (Box<dyn Checker<()>>, Arc<RecordingProvider>) {
        let log = NonceLog::default();
        let provider = Arc::new(RecordingProvider::new(Arc::new(NullProvider), log.clone()));
        (Box::new(Amplification::new(|node, _| node == 1, log)), provider)
    }

    fn opens_a_packet(provider: &RecordingProvider) {
        let key = provider.packet_key(&[1; 32]);
        let mut packet = [0; 16];
        key.seal(1, b"", &mut packet);
        assert!(key.open(1, b"", &mut packet).is_ok());
    }

    #[test]
    fn sending_one_byte_more_than_was_received_violates_the_anti_amplification_limit() {
        let (mut checker, _) = amplification();
        assert!(checker.delivered(&datagram(&[0; 100])).is_ok());
        assert!(checker.sent(&datagram(&[0; 60])).is_ok());
        assert!(checker.sent(&datagram(&[0; 40])).is_ok());
        assert!(checker.sent(&datagram(&[0; 1])).is_err());
    }

    /// Simulates an exchange. Node 0 sends 20 bytes to node 1 and has received 100. If `arrives`, node 1 receives the
    /// bytes. Node 1 then sends `answer`, which node 0 decrypts if `opens`. Node 0 then crashes if `crashes`. Returns
    /// whether node 0 may then send without limit.
    fn is_free(arrives: bool, answer: &[u8], opens: bool, crashes: bool) -> bool {
        let (mut checker, provider) = amplification();
        let mut go = |is_sent: bool, datagram| match is_sent {
            true => checker.sent(&datagram).is_ok(),
            false => checker.delivered(&datagram).is_ok(),
        };
        assert!(go(true, between(1, 0, &[0; 100])) && go(false, between(0, 1, &[0; 100])));
        assert!(go(true, between(0, 1, &[0; 20])));
        assert!(!arrives || go(false, between(1, 0, &[0; 20])));
        assert!(go(true, between(1, 0, answer)) && go(false, between(0, 1, answer)));
        if opens {
            opens_a_packet(&provider);
        }
        if crashes {
            checker.crashed(Instant::ZERO, 0);
        }
        checker.sent(&between(0, 1, &[0; 5000])).is_ok()
    }

    #[test]
    fn only_a_decrypted_data_packet_of_a_node_at_its_known_address_validates_the_address() {
        let data = [DATA; 40];
        let hello = [HELLO; 40];
        assert!(is_free(true, &data, true, false));
        assert!(!is_free(false, &data, true, false));
        assert!(!is_free(true, &hello, true, false));
        assert!(!is_free(true, &data, false, false));
        assert!(!is_free(true, &data, true, true));
    }

    #[test]
    fn a_packet_from_a_new_source_address_validates_only_the_known_address_of_its_sender() {
        let data = [DATA; 40];
        let (mut checker, provider) = amplification();
        // Node 1 is reached at home, and sends from elsewhere: it moved, or somebody repeats what it sends.
        let elsewhere = Datagram { peer: home_address(7), ..between(0, 1, &data) };
        assert!(checker.sent(&between(1, 0, &[0; 100])).is_ok());
        assert!(checker.delivered(&between(0, 1, &[0; 100])).is_ok());
        assert!(checker.sent(&between(0, 1, &[0; 20])).is_ok());
        assert!(checker.delivered(&between(1, 0, &[0; 20])).is_ok());
        assert!(checker.sent(&between(1, 0, &data)).is_ok());
        assert!(checker.delivered(&elsewhere).is_ok());
        opens_a_packet(&provider);
        assert!(checker.sent(&between(0, 1, &[0; 5000])).is_ok());
        assert!(checker.sent(&between(0, 7, &[0; 41])).is_err());
    }

    #[test]
    fn sending_any_number_of_bytes_to_a_dialled_address_is_allowed() {
        let mut checker = Amplification::new(|_, _| true, NonceLog::default());
        assert!(Checker::<()>::sent(&mut checker, &datagram(&[0; 5000])).is_ok());
        assert_eq!(checker.unvalidated(), 0);
    }

    #[test]
    fn a_repeated_nonce_is_detected_at_the_next_datagram() {
        let log = NonceLog::default();
        let provider = RecordingProvider::new(Arc::new(NullProvider), log.clone());
        let mut checker = NonceUniqueness(log);
        let key = provider.packet_key(&[1; 32]);
        key.seal(1, b"", &mut [0; 16]);
        assert!(Checker::<()>::sent(&mut checker, &datagram(b"")).is_ok());
        key.seal(1, b"", &mut [0; 16]);
        assert!(Checker::<()>::sent(&mut checker, &datagram(b"")).is_err());
        assert!(Checker::<()>::finish(&mut checker, Instant::ZERO).is_err());
    }
}
