//! Components by name, for scripts: the same words as those of a Rust type with the same fields.

mod component;
mod convert;
mod error;
#[cfg(test)]
mod tests;
mod value;

pub use component::DynamicComponent;
pub use error::DynamicError;
pub use value::DynamicValue;
