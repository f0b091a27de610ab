//! The simulator as a WebAssembly module without imports: the module uses no clock, entropy or operating system.

/// Runs the standard scenario of `seed` for `seconds` of virtual time, and returns one hash of all its datagrams, times
/// and events.
///
/// `no_mangle` counts as unsafe, because two functions with the same name would be undefined behaviour. This module
/// exports only this function, and is linked only with Rust code.
#[unsafe(no_mangle)]
pub extern "C" fn trace_hash(seed: u64, seconds: u32) -> u64 {
    tickwire_sim::swarm::trace_hash(seed, seconds)
}
