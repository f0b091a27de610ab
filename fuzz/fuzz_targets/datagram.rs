//! Fuzzes `datagram`: `tickwire_fuzz::datagram::datagram` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::datagram::datagram(bytes));
