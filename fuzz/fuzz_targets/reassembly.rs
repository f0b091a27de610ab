//! Fuzzes `reassembly`: `tickwire_fuzz::channels::reassembly` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::channels::reassembly(bytes));
