//! The session's keys, derived from those of the Noise handshake through one root secret.
//!
//! The root exists so that a half-open handshake keeps 32 bytes of key, not 96.

use crate::crypto::{HandshakeCrypto, Key, Secret, SessionKeys};

/// Returns the root secret of a session, from which its keys are derived at the first Data.
pub(crate) fn root(provider: &dyn HandshakeCrypto, noise: &SessionKeys) -> Secret {
    let parts: [&[u8]; 3] = [b"tickwire root", &*noise.to_responder, &*noise.to_initiator];
    provider.digest(&noise.exporter, &parts).into()
}

/// Returns the secret of the initiator's packets, derived from `root`.
pub(crate) fn to_responder(provider: &dyn HandshakeCrypto, root: &Key) -> Secret {
    provider.derive(root, b"tickwire to responder").into()
}

/// Returns the keys of the session, derived from `root`.
pub(crate) fn session_keys(provider: &dyn HandshakeCrypto, root: &Key) -> SessionKeys {
    SessionKeys {
        to_responder: to_responder(provider, root),
        to_initiator: provider.derive(root, b"tickwire to initiator").into(),
        exporter: provider.derive(root, b"tickwire exporter").into(),
    }
}
