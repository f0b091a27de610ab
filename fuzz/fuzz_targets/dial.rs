//! Fuzzes `dial`: `tickwire_fuzz::handshake::dial` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::handshake::dial(bytes));
