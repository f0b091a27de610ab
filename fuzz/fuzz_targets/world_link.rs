//! Fuzzes `world_link`: `tickwire_fuzz::world_link::world_link` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::world_link::world_link(bytes));
