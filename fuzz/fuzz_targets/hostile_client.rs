//! Fuzzes `hostile_client`: `tickwire_fuzz::hostile::hostile_client` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::hostile::hostile_client(bytes));
