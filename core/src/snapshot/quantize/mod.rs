//! Converts values to words and back.
//!
//! Components and messages share these quantisers. All quantisers are total: every value, NaN and infinities included, has a
//! word, and every word has a value. Quantising a value, restoring it and quantising it again gives the same words.
//!
//! The results are equal on all targets. The quantisers use only the four basic operations of IEEE 754 on floats, and integer
//! arithmetic. They call no mathematics library, because its results differ between systems.

mod angle;
mod real;
mod rotation;
mod rounding;
mod steps;
#[cfg(test)]
mod tests;

pub use angle::{angle_from_word, angle_threshold, angle_word};
pub use real::Real;
pub use rotation::{rotation_from_words, rotation_threshold, rotation_words};
pub use steps::{Steps, StepsError};
