//! Fuzzes `worlds`; the body says what has to hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::worlds::worlds(bytes));
