//! Fuzzes `header`: `tickwire_fuzz::wire::header` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::wire::header(bytes));
