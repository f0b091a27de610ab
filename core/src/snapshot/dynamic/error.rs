//! The reasons that a field could not be set by name.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::text::Escaped;

/// The reason why a component or a field was not found by name, or why a field did not accept a value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DynamicError {
    /// The schema has no component with this name.
    UnknownComponent {
        /// The component name that the caller passed.
        component: String,
    },
    /// The component has no field with this name or path.
    UnknownField {
        /// The name of the component.
        component: String,
        /// The field name or path that the caller passed.
        field: String,
        /// The names of the fields that the component has.
        known: Vec<String>,
    },
    /// The field does not accept a value of the given kind.
    WrongValue {
        /// The name of the component.
        component: String,
        /// The path of the field.
        field: String,
        /// A description of the values that the field accepts, as text.
        expected: String,
        /// A description of the value that was given, as text.
        given: &'static str,
    },
}

impl fmt::Display for DynamicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownComponent { component } => {
                write!(
                    f,
                    "the schema has no component `{}`; declare the component at both ends",
                    Escaped(component)
                )
            }
            Self::UnknownField { component, field, known } => {
                write!(f, "component `{}` has no field `{}`", Escaped(component), Escaped(field))?;
                for (place, name) in known.iter().enumerate() {
                    let before = if place == 0 { "; use one of" } else { "," };
                    write!(f, "{before} `{}`", Escaped(name))?;
                }
                Ok(())
            }
            Self::WrongValue { component, field, expected, given } => write!(
                f,
                "field `{}` of component `{}` does not accept {given}; set {expected}",
                Escaped(field),
                Escaped(component)
            ),
        }
    }
}

impl core::error::Error for DynamicError {}
