//! Cryptography providers for scripts: a fast provider, and a provider that accepts every packet.

use std::sync::Arc;

use tickwire_core::crypto::{HandshakeCrypto, Key, PacketKey, Provider, Rejected};
use tickwire_sim::provider::NullProvider;

/// Returns a fast provider without secrecy, which verifies checksums.
pub(crate) fn null() -> Arc<dyn Provider> {
    Arc::new(NullProvider)
}

/// Returns a fast provider that accepts every packet as authentic, so that a forged packet acts like a packet of a
/// hostile peer.
pub(crate) fn gullible() -> Arc<dyn Provider> {
    Arc::new(Gullible)
}

struct Gullible;

impl Provider for Gullible {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        Box::new(GullibleKey(NullProvider.packet_key(key)))
    }

    fn handshake(&self) -> &dyn HandshakeCrypto {
        &NullProvider
    }
}

struct GullibleKey(Box<dyn PacketKey>);

impl PacketKey for GullibleKey {
    fn seal(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) {
        self.0.seal(packet_number, header, packet);
    }

    fn open(&self, _: u64, _: &[u8], packet: &mut [u8]) -> Result<usize, Rejected> {
        packet.len().checked_sub(16).ok_or(Rejected)
    }
}
