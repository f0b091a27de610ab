//! The simulator as a WebAssembly module that imports nothing: no clock, no entropy, no system.

/// Returns the hash of every datagram, time and event of the standard scenario of `seed` over `seconds` of virtual time.
///
/// `no_mangle` counts as unsafe, because two functions with the same name would be undefined behaviour. This module
/// exports only this function, and is linked only with Rust code.
#[unsafe(no_mangle)]
pub extern "C" fn trace_hash(seed: u64, seconds: u32) -> u64 {
    tickwire_sim::swarm::trace_hash(seed, seconds)
}
