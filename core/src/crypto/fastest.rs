//! The provider that a build has by default.

use alloc::sync::Arc;

use super::Provider;
#[cfg(feature = "ring")]
use super::Ring;
#[cfg(not(feature = "ring"))]
use super::RustCrypto;

/// The fastest provider that this build has: ring with the feature `ring`, else [`super::RustCrypto`].
#[must_use]
pub fn default_provider() -> Arc<dyn Provider> {
    #[cfg(feature = "ring")]
    let provider = Ring;
    #[cfg(not(feature = "ring"))]
    let provider = RustCrypto;
    Arc::new(provider)
}
