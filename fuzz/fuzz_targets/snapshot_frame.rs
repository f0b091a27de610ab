//! Fuzzes `snapshot_frame`: `tickwire_fuzz::snapshot_frame::snapshot_frame` defines the checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tickwire_fuzz::snapshot_frame::snapshot_frame(bytes));
