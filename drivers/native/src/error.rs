//! Errors of the driver. Each text says what failed, where, and what to do about it.

mod command;
mod connect;
mod replication;
mod send;
mod start;

pub use self::command::CommandError;
pub use self::connect::{ConnectError, Unreached, UnreachedCause};
pub use self::replication::ReplicationError;
pub use self::send::SendError;
pub use self::start::StartError;
