//! Fuzzes `channel_pair`; the body says what has to hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::channels::channel_pair(bytes));
