//! Fuzzes `hostile_server`: `tickwire_fuzz::hostile::hostile_server` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::hostile::hostile_server(bytes));
