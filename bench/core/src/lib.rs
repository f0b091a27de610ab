//! Measures the cost of the core on one thread, with a simulated network and virtual time. A server sends messages of 100
//! bytes to its clients 60 times per second, over paths with a one-way delay of 50 ms. In some cases, each client sends as
//! many messages to the server. The figures include the cost of both ends and of the harness.

pub mod allocations;
mod bare;
mod case;
#[cfg(feature = "peers")]
pub mod peers;
pub mod replication;
mod scene;
pub mod snapshot;
mod tickwire;

pub use self::bare::Bare;
pub use self::case::{BASIC, BOTH_WAYS, CROWDS, Case, ENCRYPTED, PLAIN, TICKS};
pub use self::scene::{MESSAGE, Scene, Stack, Tally};
pub use self::tickwire::{Crypto, Tickwire};
