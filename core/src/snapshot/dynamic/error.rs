//! Why a field could not be set by name.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::text::Escaped;

/// Why a component or a field could not be named, or did not take a value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DynamicError {
    /// The schema has no such component.
    UnknownComponent {
        /// The name that was asked for.
        component: String,
    },
    /// The component has no such field.
    UnknownField {
        /// The component.
        component: String,
        /// The path that was asked for.
        field: String,
        /// The fields that the component has.
        known: Vec<String>,
    },
    /// The field takes no such value.
    WrongValue {
        /// The component.
        component: String,
        /// The path of the field.
        field: String,
        /// The values that the field takes, in words.
        expected: String,
        /// The value that was given, in words.
        given: &'static str,
    },
}

impl fmt::Display for DynamicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownComponent { component } => {
                write!(f, "the schema has no component `{}`; declare it at both ends", Escaped(component))
            }
            Self::UnknownField { component, field, known } => {
                write!(f, "component `{}` has no field `{}`", Escaped(component), Escaped(field))?;
                for (place, name) in known.iter().enumerate() {
                    let before = if place == 0 { "; it has" } else { "," };
                    write!(f, "{before} `{}`", Escaped(name))?;
                }
                Ok(())
            }
            Self::WrongValue { component, field, expected, given } => write!(
                f,
                "field `{}` of component `{}` takes {expected}, not {given}",
                Escaped(field),
                Escaped(component)
            ),
        }
    }
}

impl core::error::Error for DynamicError {}
