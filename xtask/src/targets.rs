//! The compiler's names of the targets other than this machine.

/// The target of browsers, for which the core must build.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";
/// A target without an operating system, on which the standard library is unavailable.
pub(crate) const BARE: &str = "thumbv7em-none-eabihf";
/// The Windows target for which Debian has a compiler.
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";
/// A big-endian target, on which the hashes differ if code depends on the byte order.
pub(crate) const BIG_ENDIAN: &str = "s390x-unknown-linux-gnu";
/// The target of 64-bit ARM processors.
pub(crate) const ARM: &str = "aarch64-unknown-linux-gnu";
