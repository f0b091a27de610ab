//! Conversions between bytes, durations and rates.

/// Returns the rate of `bytes` in a time of `micros` microseconds, in bytes per second.
pub(crate) const fn per_second(bytes: u64, micros: u64) -> u64 {
    let micros = if micros == 0 { 1 } else { micros };
    match bytes.checked_mul(1_000_000) {
        Some(scaled) => scaled / micros,
        None => bytes / micros * 1_000_000,
    }
}

/// Returns the number of bytes that a rate of `rate` bytes per second carries in `micros` microseconds.
pub(crate) const fn bytes_in(rate: u64, micros: u64) -> u64 {
    match rate.checked_mul(micros) {
        Some(scaled) => scaled / 1_000_000,
        None => (rate / 1_000_000).saturating_mul(micros),
    }
}
