//! Fuzzes `endpoint`: `tickwire_fuzz::endpoint::endpoint` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::endpoint::endpoint(bytes));
