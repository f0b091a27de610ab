//! One connection: a session that lasts until `Closed`, and its current transport. A resumption replaces the transport.
//!
//! ```text
//! Connecting ──Welcome──▶ Connected ◀──resumed── Interrupted
//!     │                     │   └──silence──────────▲  │
//!     │                     ├──close / violation──▶ Closing ──answered──▶ Closed
//!     └──refused, no answer─┴────────── resume window over ───────────────▲
//! ```
//!
//! The module `state` defines the connection. The functions of the other modules, such as `receive` and `transmit`, take
//! only the parts of the connection that they need.

mod acks;
mod agenda;
mod clock_sync;
mod close;
mod closing;
mod codes;
pub mod congestion;
mod control;
mod dial;
mod dialling;
mod ecn;
mod events;
mod grant;
mod heartbeat;
mod loss;
mod migration;
mod mtu;
mod notices;
mod pacing;
mod phase;
mod receive;
mod recent;
mod regulator;
mod reordering;
mod resources;
mod rhythm;
mod role;
pub(crate) mod rtt;
mod sent;
mod session;
mod settings;
mod settle;
mod standing;
mod state;
mod timeout;
mod timers;
mod transmit;
mod transport;
mod transports;
mod turn;
mod unproven;
mod world_exchange;
mod world_turn;
mod world_verbs;

pub(crate) use self::agenda::Outlook;
pub use self::clock_sync::PeerClock;
use self::closing::{CLOSE_ANSWERED_FOR, CLOSE_PATIENCE, CLOSE_TRIES, Closing, Farewell};
pub use self::codes::VIOLATION_CODES;
use self::codes::{FULL_CODE, NARROW_PATH_CODE, REPLACED_CODE, TOO_MANY_FROM_ADDRESS_CODE};
use self::control::TICKET_RENEWAL;
pub(crate) use self::dial::{Attempt, Dial, DialPlan, ResumeCredential};
pub(crate) use self::pacing::Pacer;
pub(crate) use self::phase::Phase;
pub(crate) use self::receive::Reception;
pub(crate) use self::resources::Resources;
pub(crate) use self::role::Role;
#[cfg(feature = "fuzzing")]
pub(crate) use self::sent::SentPackets;
pub(crate) use self::settings::{Settings, reliable_channels};
pub(crate) use self::state::Connection;
pub use self::timers::TimeoutCause;
pub(crate) use self::transport::{Opened, Transport, TransportSetup};
pub(crate) use self::turn::Written;
pub(crate) use self::unproven::Unproven;
