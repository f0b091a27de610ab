//! Fuzzes `answer`: `tickwire_fuzz::handshake::answer` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::handshake::answer(bytes));
