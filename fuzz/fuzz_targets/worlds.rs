//! Fuzzes `worlds`: `tickwire_fuzz::worlds::worlds` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::worlds::worlds(bytes));
