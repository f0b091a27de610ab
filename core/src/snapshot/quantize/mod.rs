//! Values as words, and back.
//!
//! Components and messages share these quantisers. All of them are total: each value, NaN and infinities included, has a word, and
//! each word has a value. Quantising the value of a word gives that word again.
//!
//! The results are equal on all targets, because only the four basic operations of IEEE 754 touch a float, once or twice each, and
//! everything else is done with integers. No function of a mathematics library is called: those differ between systems.

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
