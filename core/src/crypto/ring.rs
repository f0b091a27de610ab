//! The provider for native targets, which uses ring's assembly code for packets, and the pure Rust provider for handshakes,
//! tickets and key derivation.

use alloc::boxed::Box;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use super::{HandshakeCrypto, Key, PacketKey, Provider, Rejected, RustCrypto, Secret, packet_nonce};
use crate::limits::TAG;

/// A provider that uses ring for packets and [`RustCrypto`] for all other cryptography.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ring;

impl Provider for Ring {
    fn packet_key(&self, key: &Key) -> Box<dyn PacketKey> {
        Box::new(RingChaCha((*key).into()))
    }

    fn handshake(&self) -> &dyn HandshakeCrypto {
        &RustCrypto
    }
}

/// The key itself. The prepared key of ring has space for the largest cipher, 512 bytes, of which this cipher uses 32
/// bytes. Preparing the key for each packet only copies these 32 bytes.
struct RingChaCha(Secret);

impl RingChaCha {
    #[expect(clippy::expect_used, reason = "a key has the length that the algorithm takes")]
    fn ready(&self) -> LessSafeKey {
        LessSafeKey::new(
            UnboundKey::new(&CHACHA20_POLY1305, &*self.0).expect("a ChaCha20-Poly1305 key has 32 bytes"),
        )
    }
}

impl PacketKey for RingChaCha {
    fn seal(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) {
        let Some((text, tag)) = packet.split_last_chunk_mut::<TAG>() else { return };
        let nonce = Nonce::assume_unique_for_key(packet_nonce(packet_number));
        match self.ready().seal_in_place_separate_tag(nonce, Aad::from(header), text) {
            Ok(sealed) => tag.copy_from_slice(sealed.as_ref()),
            // Only a text of 256 GiB gets here. Whatever happens, no plaintext leaves.
            Err(_) => text.fill(0),
        }
    }

    fn open(&self, packet_number: u64, header: &[u8], packet: &mut [u8]) -> Result<usize, Rejected> {
        let nonce = Nonce::assume_unique_for_key(packet_nonce(packet_number));
        let text = self.ready().open_in_place(nonce, Aad::from(header), packet).map_err(|_| Rejected)?;
        Ok(text.len())
    }
}
