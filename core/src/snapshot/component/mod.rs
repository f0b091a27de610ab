//! Components: a game's replicated types, and the encoding of their values as words.

mod impls;
mod kind;
mod marked;
mod spec;
#[cfg(test)]
mod tests;
mod value;
mod words;

pub(crate) use impls::text;
pub use kind::{FieldKind, FieldSpec, Motion, NUMBER_THRESHOLD, TURN_THRESHOLD};
pub use marked::{Angled, Bounded, Rotated, Stepped, integer_words};
pub use spec::{ComponentSpec, Prediction};
pub use value::{NetComponent, NetValue};
pub use words::{ComponentWords, WordReader};
