//! The cryptography provider that a build uses by default.

use alloc::sync::Arc;

use super::Provider;
#[cfg(feature = "ring")]
use super::Ring;
#[cfg(not(feature = "ring"))]
use super::RustCrypto;

/// Creates the fastest provider of this build: ring with the feature `ring`, else [`super::RustCrypto`].
#[must_use]
pub fn default_provider() -> Arc<dyn Provider> {
    #[cfg(feature = "ring")]
    let provider = Ring;
    #[cfg(not(feature = "ring"))]
    let provider = RustCrypto;
    Arc::new(provider)
}
