//! The protocol stacks that the benchmark compares.

pub(crate) mod enet;
pub(crate) mod floor;
mod name;
pub(crate) mod polled;
pub(crate) mod quinn;
pub(crate) mod renet;
pub(crate) mod tickwire;

pub(crate) use self::name::Stack;
