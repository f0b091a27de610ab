//! Fuzzes `message`: `tickwire_fuzz::message::message` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::message::message(bytes));
