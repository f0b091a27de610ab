//! Fuzzes `hostile_server`; the body says what has to hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::hostile::hostile_server(bytes));
