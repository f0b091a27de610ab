//! Why a schema of replicated worlds cannot be.

use alloc::string::String;
use core::fmt;

use crate::limits;
use crate::text::Escaped;

/// Why a component, group or blueprint cannot be part of a schema. Each is found before anything is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SnapshotSchemaError {
    /// The name is empty, too long, or has other characters than ASCII letters, digits, `_`, `-`, `.` and `/`.
    BadName {
        /// `component`, `group` or `blueprint`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There is one of this name.
    DuplicateName {
        /// `component` or `blueprint`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The type is a component already.
    DuplicateType {
        /// The name of the component.
        name: String,
    },
    /// A field cannot be as it is declared.
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
        /// The most there may be.
        limit: usize,
    },
    /// A group has more components than [`limits::GROUP_COMPONENTS`].
    CrowdedGroup {
        /// The group.
        group: String,
        /// How many components it has.
        components: usize,
    },
    /// A unit of the group may take more bytes than [`limits::UNIT_BYTES`], which a packet must have room for.
    LargeGroup {
        /// The group.
        group: String,
        /// The most bytes that a unit of it may take.
        bytes: u64,
        /// The component that may take the most.
        largest: String,
    },
    /// Settings are made for a group that no component belongs to.
    EmptyGroup {
        /// The group.
        group: String,
    },
    /// The components of a group ask for different predictors.
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
    /// A blueprint has a component that the schema lacks, or has it twice.
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
                "`{}` is no name for a {what}; use 1 to {} ASCII letters, digits, `_`, `-`, `.` and `/`",
                Escaped(name),
                limits::COMPONENT_NAME
            ),
            Self::DuplicateName { what, name } => {
                write!(f, "a {what} `{name}` is declared already; give this one another name")
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
                "group `{group}` has {components} components, at most {} are allowed; divide it",
                limits::GROUP_COMPONENTS
            ),
            Self::LargeGroup { group, bytes, largest } => write!(
                f,
                "an entity's group `{group}` may take {bytes} bytes, and a packet has room for {}; move component \
                 `{largest}` to a group of its own, or lower its bounds",
                limits::UNIT_BYTES
            ),
            Self::EmptyGroup { group } => write!(
                f,
                "no component belongs to group `{group}`; name it in a component, or leave its settings out"
            ),
            Self::Predictors { group } => write!(
                f,
                "the components of group `{group}` ask for different predictors; set one with \
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
