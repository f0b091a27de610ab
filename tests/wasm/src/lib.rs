//! The simulator as a WebAssembly module that imports nothing: no clock, no entropy, no system.

/// Returns the hash of every datagram, time and event of the standard scenario of `seed` over `seconds` of virtual time.
///
/// `no_mangle` counts as unsafe because two functions of one name would be undefined behaviour; this module exports
/// only this one, and nothing is linked into it but Rust.
#[unsafe(no_mangle)]
pub extern "C" fn trace_hash(seed: u64, seconds: u32) -> u64 {
    tickwire_sim::swarm::trace_hash(seed, seconds)
}
