//! What must hold at every step, whoever the hosts are.

use core::fmt;
use core::net::SocketAddr;
use std::collections::BTreeMap;

use tickwire_core::time::Instant;

use crate::fault::NodeId;
use crate::provider::NonceLog;

/// Something that must not happen, happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Who noticed.
    pub checker: &'static str,
    /// When, in virtual time.
    pub at: Instant,
    /// What, for a person.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}: {}", self.checker, self.at, self.text)
    }
}

impl core::error::Error for Violation {}

/// A datagram as a node sends or receives it.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// When, in virtual time.
    pub at: Instant,
    /// The node that sends or receives it.
    pub node: NodeId,
    /// The address of the other end, as the node sees it.
    pub peer: SocketAddr,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Looks after every step. `Err` says what is wrong, and ends the run.
pub trait Checker<E> {
    /// How violations name it.
    fn name(&self) -> &'static str;

    /// A node sends a datagram.
    ///
    /// # Errors
    /// What is wrong with that.
    fn sent(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        let _ = datagram;
        Ok(())
    }

    /// A node receives a datagram.
    ///
    /// # Errors
    /// What is wrong with that.
    fn delivered(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        let _ = datagram;
        Ok(())
    }

    /// The host of a node reports an event.
    ///
    /// # Errors
    /// What is wrong with that.
    fn event(&mut self, at: Instant, node: NodeId, event: &E) -> Result<(), String> {
        let _ = (at, node, event);
        Ok(())
    }

    /// A node lost its state.
    fn crashed(&mut self, at: Instant, node: NodeId) {
        let _ = (at, node);
    }

    /// The run is over.
    ///
    /// # Errors
    /// What is still missing.
    fn finish(&mut self, at: Instant) -> Result<(), String> {
        let _ = at;
        Ok(())
    }
}

/// No node ever sends more bytes to an address that was not validated than it received from there.
pub struct Amplification<V> {
    validated: V,
    /// Per node and address: bytes received and bytes sent while the address was not validated.
    balances: BTreeMap<(NodeId, SocketAddr), (u64, u64)>,
}

impl<V: FnMut(NodeId, SocketAddr) -> bool> Amplification<V> {
    /// `validated` says whether a node has reason to believe that somebody wants its datagrams at an address: because
    /// it called there itself, or because whoever is there has answered.
    #[must_use]
    pub const fn new(validated: V) -> Self {
        Self { validated, balances: BTreeMap::new() }
    }
}

impl<V> fmt::Debug for Amplification<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Amplification").field("balances", &self.balances).finish_non_exhaustive()
    }
}

impl<E, V: FnMut(NodeId, SocketAddr) -> bool> Checker<E> for Amplification<V> {
    fn name(&self) -> &'static str {
        "amplification"
    }

    fn sent(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        let key = (datagram.node, datagram.peer);
        if (self.validated)(datagram.node, datagram.peer) {
            self.balances.remove(&key);
            return Ok(());
        }
        let (received, sent) = self.balances.entry(key).or_default();
        *sent += datagram.bytes.len() as u64;
        if sent <= received {
            return Ok(());
        }
        let (node, peer) = key;
        Err(format!(
            "node {node} has sent {sent} bytes to {peer}, which sent {received} and was never validated"
        ))
    }

    fn delivered(&mut self, datagram: &Datagram<'_>) -> Result<(), String> {
        let (received, _) = self.balances.entry((datagram.node, datagram.peer)).or_default();
        *received += datagram.bytes.len() as u64;
        Ok(())
    }

    fn crashed(&mut self, _: Instant, node: NodeId) {
        // Who was validated before the crash is a stranger after it, and accounts begin anew.
        self.balances.retain(|&(of, _), _| of != node);
    }
}

/// No key ever meets the same nonce twice: asks the log of the [`crate::provider::RecordingProvider`]s.
#[derive(Clone, Debug)]
pub struct NonceUniqueness(pub NonceLog);

impl<E> Checker<E> for NonceUniqueness {
    fn name(&self) -> &'static str {
        "nonce uniqueness"
    }

    fn sent(&mut self, _: &Datagram<'_>) -> Result<(), String> {
        match self.0.counts().repeated {
            0 => Ok(()),
            repeated => Err(format!("{repeated} times a key met a nonce that it had met before")),
        }
    }

    fn finish(&mut self, at: Instant) -> Result<(), String> {
        let nothing = Datagram { at, node: 0, peer: crate::network::home_address(0), bytes: &[] };
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

    fn datagram(bytes: &[u8]) -> Datagram<'_> {
        Datagram { at: Instant::ZERO, node: 0, peer: home_address(1), bytes }
    }

    #[test]
    fn one_byte_more_than_received_is_amplification() {
        let mut checker = Amplification::new(|_, _| false);
        let checker: &mut dyn Checker<()> = &mut checker;
        assert!(checker.delivered(&datagram(&[0; 100])).is_ok());
        assert!(checker.sent(&datagram(&[0; 60])).is_ok());
        assert!(checker.sent(&datagram(&[0; 40])).is_ok());
        assert!(checker.sent(&datagram(&[0; 1])).is_err());
    }

    #[test]
    fn a_validated_address_may_get_anything_and_a_crash_makes_it_a_stranger_again() {
        let validated = std::cell::Cell::new(true);
        let mut checker = Amplification::new(|_, _| validated.get());
        let checker: &mut dyn Checker<()> = &mut checker;
        assert!(checker.sent(&datagram(&[0; 5000])).is_ok());
        assert!(checker.delivered(&datagram(&[0; 100])).is_ok());
        checker.crashed(Instant::ZERO, 0);
        validated.set(false);
        assert!(checker.sent(&datagram(&[0; 1])).is_err());
    }

    #[test]
    fn a_repeated_nonce_is_found_at_the_next_datagram() {
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
