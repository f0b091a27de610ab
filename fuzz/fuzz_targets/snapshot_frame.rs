//! Fuzzes `snapshot_frame`; the body says what has to hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::snapshot_frame::snapshot_frame(bytes));
