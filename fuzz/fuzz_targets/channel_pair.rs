//! Fuzzes `channel_pair`: `tickwire_fuzz::channels::channel_pair` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::channels::channel_pair(bytes));
