//! Fuzzes `world_link`; the body says what has to hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::world_link::world_link(bytes));
