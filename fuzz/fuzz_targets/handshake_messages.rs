//! Fuzzes `handshake_messages`: `tickwire_fuzz::handshake::handshake_messages` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::handshake::handshake_messages(bytes));
