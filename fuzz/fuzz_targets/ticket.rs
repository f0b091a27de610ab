//! Fuzzes `ticket`: `tickwire_fuzz::handshake::ticket_text` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::handshake::ticket_text(bytes));
