//! The reasons for refusing a schema of replicated worlds.

use alloc::string::String;
use core::fmt;

use crate::limits;
use crate::text::Escaped;

/// The reason that a component, group or blueprint cannot be part of a schema. Every such fault is found before anything is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SnapshotSchemaError {
    /// The name is empty, too long, or has characters other than ASCII letters, digits, `_`, `-`, `.` and `/`.
    BadName {
        /// `component`, `group` or `blueprint`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Another component or blueprint has the same name.
    DuplicateName {
        /// `component` or `blueprint`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The Rust type is already declared as a component.
    DuplicateType {
        /// The name of the component.
        name: String,
    },
    /// The declaration of a field is not valid.
    BadField {
        /// The component.
        component: String,
        /// The path of the field.
        field: String,
        /// The fault, and what to do about it.
        fault: &'static str,
    },
    /// There are more components than [`limits::COMPONENTS`], or more blueprints than [`limits::BLUEPRINTS`].
    TooMany {
        /// `components` or `blueprints`.
        what: &'static str,
        /// The largest number that is allowed.
        limit: usize,
    },
    /// A group has more components than [`limits::GROUP_COMPONENTS`].
    CrowdedGroup {
        /// The group.
        group: String,
        /// The number of components of the group.
        components: usize,
    },
    /// A unit of the group may take more than [`limits::UNIT_BYTES`] bytes, which is the room in a packet.
    LargeGroup {
        /// The group.
        group: String,
        /// The largest number of bytes that a unit of the group may take.
        bytes: u64,
        /// The component that may take the most bytes.
        largest: String,
    },
    /// A group with settings has no components.
    EmptyGroup {
        /// The group.
        group: String,
    },
    /// The components of a group request different predictors.
    Predictors {
        /// The group.
        group: String,
    },
    /// The group's fields do not suit [`Prediction::Velocity`](crate::snapshot::Prediction::Velocity).
    BadMotion {
        /// The group.
        group: String,
        /// The fault, and what to do about it.
        fault: &'static str,
    },
    /// A blueprint has a component that the schema lacks, or lists a component twice.
    BadBlueprint {
        /// The blueprint.
        blueprint: String,
        /// The component.
        component: String,
        /// The fault.
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
                write!(f, "a {what} `{name}` is declared already; give the new {what} another name")
            }
            Self::DuplicateType { name } => {
                write!(f, "the type of component `{name}` is declared already; declare it once")
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
                 `{largest}` to a group of its own, or lower the bounds of its fields",
                limits::UNIT_BYTES
            ),
            Self::EmptyGroup { group } => write!(
                f,
                "no component belongs to group `{group}`; name the group in a component, or remove its settings"
            ),
            Self::Predictors { group } => write!(
                f,
                "the components of group `{group}` request different predictors; set one with \
                 `SnapshotSchema::group`"
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
