//! The cost of the core, in memory and on virtual time: one thread, a server that sends messages of 100 bytes to its
//! clients sixty times a second, 50 ms each way, acknowledgements coming back; in some cases clients send as much. Both
//! ends are counted, and so is the harness.

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
