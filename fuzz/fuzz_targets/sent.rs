//! Fuzzes `sent`: `tickwire_fuzz::packets::sent` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::packets::sent(bytes));
