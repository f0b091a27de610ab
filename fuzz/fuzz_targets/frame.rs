//! Fuzzes `frame`: `tickwire_fuzz::wire::frame` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::wire::frame(bytes));
