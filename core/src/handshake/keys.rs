//! The session's keys, derived from those of the Noise handshake through one root secret.
//!
//! The root exists so that a half-open handshake keeps 32 bytes of key, not 96.

use crate::crypto::{HandshakeCrypto, Key, Secret, SessionKeys};

/// The root of a session, which stands for its keys until the first Data.
pub(crate) fn root(provider: &dyn HandshakeCrypto, noise: &SessionKeys) -> Secret {
    let parts: [&[u8]; 3] = [b"tickwire root", &*noise.to_responder, &*noise.to_initiator];
    provider.digest(&noise.exporter, &parts).into()
}

/// The secret of the initiator's packets under `root`.
pub(crate) fn to_responder(provider: &dyn HandshakeCrypto, root: &Key) -> Secret {
    provider.derive(root, b"tickwire to responder").into()
}

/// The keys of the session under `root`.
pub(crate) fn session_keys(provider: &dyn HandshakeCrypto, root: &Key) -> SessionKeys {
    SessionKeys {
        to_responder: to_responder(provider, root),
        to_initiator: provider.derive(root, b"tickwire to initiator").into(),
        exporter: provider.derive(root, b"tickwire exporter").into(),
    }
}
