//! Programs that the compiler must reject. Each example fails for the one reason that its text gives.
//!
//! A range in a message whose codec ignores ranges:
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, tickwire_core::message::NetMessage)]
//! #[net(codec = "json")]
//! struct Message {
//!     #[net(range = 0..=9)]
//!     digit: u8,
//! }
//! ```
//!
//! An empty range:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::message::NetMessage)]
//! struct Message {
//!     #[net(range = 9..=0)]
//!     digit: u8,
//! }
//! # use tickwire_core::message::{Bits, Codec};
//! # let _ = <Bits as Codec<Message>>::decode(&[]);
//! ```
//!
//! More bits than the type has:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::message::NetMessage)]
//! struct Message {
//!     #[net(bits = 9)]
//!     digit: u8,
//! }
//! # use tickwire_core::message::{Bits, Codec};
//! # let _ = <Bits as Codec<Message>>::decode(&[]);
//! ```
//!
//! A generic message, whose instances would share one name:
//! ```compile_fail
//! #[derive(tickwire_core::message::NetMessage)]
//! struct Message<T>(T);
//! ```
//!
//! A field without a size limit:
//! ```compile_fail,E0277
//! #[derive(tickwire_core::message::NetMessage)]
//! struct Message(Vec<u8>);
//! ```
//!
//! An unknown attribute:
//! ```compile_fail
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(chanel = 1)]
//! struct Message;
//! ```
//!
//! A message name with a character that is not allowed:
//! ```compile_fail
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(name = "say:all")]
//! struct Message;
//! ```
//!
//! A channel number above the largest, as a literal and as a constant:
//! ```compile_fail
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(channel = 32)]
//! struct Message;
//! ```
//! ```compile_fail,E0080
//! const CHANNEL: u8 = 32;
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(channel = CHANNEL)]
//! struct Message;
//! ```
//!
//! An unknown delivery:
//! ```compile_fail
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(delivery = "reliable")]
//! struct Message;
//! ```
//!
//! A type number that the protocol reserves:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(type = 0x0fff)]
//! struct Message;
//! ```
//!
//! A size limit above the size of the largest message:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(max = (1 << 28) + 1)]
//! struct Message;
//! ```
//!
//! The same types without these faults compile:
//! ```
//! const CHANNEL: u8 = 31;
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(name = "say/all", channel = CHANNEL, type = 0x1000, max = 1 << 28)]
//! struct Message {
//!     #[net(range = 0..=9)]
//!     digit: u8,
//!     #[net(bits = 8)]
//!     byte: u8,
//! }
//! #[derive(serde::Serialize, serde::Deserialize, tickwire_core::message::NetMessage)]
//! #[net(codec = "json")]
//! struct Plain {
//!     digit: u8,
//! }
//! #[derive(tickwire_core::message::NetMessage)]
//! #[net(delivery = "sequenced")]
//! struct Sequenced;
//! # use tickwire_core::message::{Bits, Codec};
//! # let _ = <Bits as Codec<Message>>::decode(&[]);
//! ```
