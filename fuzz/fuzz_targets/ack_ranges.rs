//! Fuzzes `ack_ranges`: `tickwire_fuzz::wire::ack_ranges` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::wire::ack_ranges(bytes));
