//! The simulator's links between real processes: a UDP proxy that delays, loses and damages datagrams.
//!
//! A [`Conditioner`] listens on one address and passes datagrams on to another. Each client gets its own link with
//! the given [`Conditions`], and its datagrams reach the target from a separate port, so that the target can
//! distinguish the clients. The conditioner is the only part of the simulator that uses sockets and threads of the
//! standard library, and the system's clock.
//!
//! ```
//! use std::net::UdpSocket;
//! use std::time::{Duration, Instant};
//! use tickwire_sim::conditioner::{Conditioner, Conditions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let echo = UdpSocket::bind("127.0.0.1:0")?;
//! let conditions = Conditions { rtt: Duration::from_millis(60), ..Conditions::default() };
//! let conditioner = Conditioner::start("127.0.0.1:0".parse()?, echo.local_addr()?, conditions)?;
//!
//! let client = UdpSocket::bind("127.0.0.1:0")?;
//! let began = Instant::now();
//! client.send_to(b"ping", conditioner.local_address())?;
//! let mut buffer = [0; 16];
//! let (length, from) = echo.recv_from(&mut buffer)?;
//! echo.send_to(&buffer[..length], from)?;
//! client.recv_from(&mut buffer)?;
//! assert!(began.elapsed() >= Duration::from_millis(60));
//! assert_eq!(conditioner.counters().delivered, 2);
//! # Ok(())
//! # }
//! ```

mod conditions;
mod counters;
mod relay;
mod schedule;

pub use conditions::{Conditions, ConditionsError};
pub use counters::Counters;
pub use relay::Conditioner;
