//! Fuzzes `replay`: `tickwire_fuzz::packets::replay` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::packets::replay(bytes));
