//! The compiler's names of the targets other than this machine.

/// The browser's target: the core must build for it.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";
/// A target without an operating system: nothing of the standard library can slip in.
pub(crate) const BARE: &str = "thumbv7em-none-eabihf";
/// The target whose compiler Debian has.
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";
/// A big-endian target: a layout that depends on the byte order shows up there.
pub(crate) const BIG_ENDIAN: &str = "s390x-unknown-linux-gnu";
/// Half of the world's processors.
pub(crate) const ARM: &str = "aarch64-unknown-linux-gnu";
