//! Components whose fields are set by name, for scripts. A dynamic component has the same words as a Rust type with the same
//! fields.

mod component;
mod convert;
mod error;
#[cfg(test)]
mod tests;
mod value;

pub use component::DynamicComponent;
pub use error::DynamicError;
pub use value::DynamicValue;
