//! The reasons for rejecting a schema of replicated worlds.

use alloc::string::String;
use core::fmt;

use crate::limits;
use crate::text::Escaped;

/// The reason why a component, group or blueprint is not allowed in a schema. The error is reported before any
/// data is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SnapshotSchemaError {
    /// The name is empty, too long, or has characters other than ASCII letters, digits, `_`, `-`, `.` and `/`.
    BadName {
        /// The kind of the named item: `component`, `group` or `blueprint`.
        what: &'static str,
        /// The name that is not allowed.
        name: String,
    },
    /// A component or blueprint with this name is already declared.
    DuplicateName {
        /// The kind of the named item: `component` or `blueprint`.
        what: &'static str,
        /// The name that is already declared.
        name: String,
    },
    /// The Rust type is already declared as a component.
    DuplicateType {
        /// The name of the component that the Rust type declares.
        name: String,
    },
    /// The declaration of a field is invalid.
    BadField {
        /// The name of the component.
        component: String,
        /// The path of the field.
        field: String,
        /// A description of the error in the declaration, and how to fix the error.
        fault: &'static str,
    },
    /// There are more components than [`limits::COMPONENTS`], or more blueprints than [`limits::BLUEPRINTS`].
    TooMany {
        /// The kind of item of which there are too many: `components` or `blueprints`.
        what: &'static str,
        /// The largest number of these items that is allowed.
        limit: usize,
    },
    /// A group has more components than [`limits::GROUP_COMPONENTS`].
    CrowdedGroup {
        /// The name of the group.
        group: String,
        /// The number of components that the group has.
        components: usize,
    },
    /// A unit of the group may be larger than [`limits::UNIT_BYTES`] bytes, the space that a packet has for a unit.
    LargeGroup {
        /// The name of the group.
        group: String,
        /// The largest number of bytes that a unit of the group may take.
        bytes: u64,
        /// The name of the component that may take the most bytes.
        largest: String,
    },
    /// A group has settings but no components.
    EmptyGroup {
        /// The name of the group.
        group: String,
    },
    /// The components of a group request different predictions.
    Predictors {
        /// The name of the group.
        group: String,
    },
    /// The fields of a group do not suit [`Prediction::Velocity`](crate::snapshot::Prediction::Velocity).
    BadMotion {
        /// The name of the group.
        group: String,
        /// A description of the error in the fields, and how to fix the error.
        fault: &'static str,
    },
    /// A blueprint has a component that is not in the schema, has a component twice, or has a component with other
    /// fields than the schema declares.
    BadBlueprint {
        /// The name of the blueprint.
        blueprint: String,
        /// The name of the component.
        component: String,
        /// A description of the error in the list of components.
        fault: &'static str,
    },
}

impl fmt::Display for SnapshotSchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { what, name } => write!(
                f,
                "`{}` is not a valid name for a {what}; use 1 to {} ASCII letters, digits, `_`, `-`, `.` and `/`",
                Escaped(name),
                limits::COMPONENT_NAME
            ),
            Self::DuplicateName { what, name } => {
                write!(f, "a {what} `{name}` is already declared; give the new {what} another name")
            }
            Self::DuplicateType { name } => {
                write!(f, "the type of component `{name}` is already declared; declare the type once")
            }
            Self::BadField { component, field, fault } => {
                write!(f, "field `{}` of component `{component}`: {fault}", Escaped(field))
            }
            Self::TooMany { what, limit } => {
                write!(f, "there are more than {limit} {what}; merge some of them")
            }
            Self::CrowdedGroup { group, components } => write!(
                f,
                "group `{group}` has {components} components, but at most {} are allowed; divide the group",
                limits::GROUP_COMPONENTS
            ),
            Self::LargeGroup { group, bytes, largest } => write!(
                f,
                "a unit of group `{group}` may take {bytes} bytes, but a packet has space for {} bytes; move component \
                 `{largest}` to another group, or lower the bounds of its fields",
                limits::UNIT_BYTES
            ),
            Self::EmptyGroup { group } => write!(
                f,
                "no component belongs to group `{group}`; name the group in a component, or remove its settings"
            ),
            Self::Predictors { group } => write!(
                f,
                "the components of group `{group}` request different predictors; set the predictor of \
                 the group with `SnapshotSchema::group`"
            ),
            Self::BadMotion { group, fault } => {
                write!(f, "group `{group}` cannot be predicted along its velocity: {fault}")
            }
            Self::BadBlueprint { blueprint, component, fault } => {
                write!(f, "component `{}` of blueprint `{blueprint}` {fault}", Escaped(component))
            }
        }
    }
}

impl core::error::Error for SnapshotSchemaError {}
