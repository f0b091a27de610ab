//! Simulated links that are not UDP: a byte stream and a datagram channel, carried over ordinary datagrams of the
//! virtual network.
//!
//! A [`LinkHost`] is a driver in the simulator: it wraps an [`Endpoint`](tickwire_core::Endpoint), opens links for it, and closes
//! links whose [`Carrier`] has broken. All faults affect the segments below the link, so a carrier must keep its guarantees over
//! a network that loses, duplicates, reorders and damages segments.
//!
//! ```
//! use tickwire_core::{Config, Duration, Endpoint, Instant, Secrets};
//! use tickwire_sim::carrier::{Carrier, LinkHost, StreamCarrier, StreamCarrierConfig};
//! use tickwire_sim::network::home_address;
//!
//! let endpoint = Endpoint::new(Config::new(1), Secrets::new([1; 32]), [1; 32], Instant::ZERO)?;
//! let config = StreamCarrierConfig::default();
//! let host = LinkHost::<StreamCarrier>::dialling(endpoint, config, 1, Instant::ZERO, home_address(0));
//! // `host.endpoint.connect(now, host.link(), options)` connects over the link as soon as it is open.
//! # let _ = host;
//! # Ok::<(), tickwire_core::error::ConfigError>(())
//! ```

mod channel;
mod contract;
mod host;
mod receiver;
mod rto;
mod segment;
mod sender;
mod stream;

pub use channel::{ChannelCarrier, ChannelCarrierConfig};
pub use contract::{Carrier, CarrierCounters, CarrierState, Side};
pub use host::{LinkCounters, LinkHost};
pub use stream::{StreamCarrier, StreamCarrierConfig};
