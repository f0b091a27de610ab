//! Programs that the compiler must reject. Each example fails only for the reason that its text gives.
//!
//! A component name with a character that is not allowed:
//! ```compile_fail
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! #[net(name = "a:b")]
//! struct Component;
//! ```
//!
//! Text without a bound:
//! ```compile_fail,E0277
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! struct Component(String);
//! ```
//!
//! An empty range:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! struct Component(#[net(range = 1.0..=-1.0, step = 0.1)] f32);
//! ```
//!
//! Steps that an `f32` cannot distinguish:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! struct Component(#[net(range = -1024.0..=1024.0, step = 0.0001)] f32);
//! ```
//!
//! A quaternion of three numbers:
//! ```compile_fail,E0277
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! struct Component(#[net(quat = 9)] [f32; 3]);
//! ```
//!
//! More bits than a quaternion's component has:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! struct Component(#[net(quat = 16)] [f32; 4]);
//! # let _ = <Component as tickwire_core::snapshot::NetValue>::kind();
//! ```
//!
//! More bits than an `f32` angle can distinguish:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! struct Component(#[net(angle = 23)] f32);
//! # let _ = <Component as tickwire_core::snapshot::NetValue>::kind();
//! ```
//!
//! A threshold below zero:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! struct Component(#[net(angle = 8, threshold = -1)] f32);
//! # let _ = <Component as tickwire_core::snapshot::NetValue>::kind();
//! ```
//!
//! An array without items:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! struct Component([bool; 0]);
//! # let _ = <Component as tickwire_core::snapshot::NetValue>::WORDS;
//! ```
//!
//! A float of a message with a step of zero:
//! ```compile_fail,E0080
//! #[derive(tickwire_core::message::NetMessage)]
//! struct Message(#[net(range = 0.0..=1.0, step = 0.0)] f32);
//! ```
//!
//! The same types without these faults compile:
//! ```
//! #[derive(tickwire_core::snapshot::NetComponent)]
//! #[net(name = "a.b")]
//! struct Component(
//!     tickwire_core::message::BoundedString<8>,
//!     #[net(range = -1.0..=1.0, step = 0.1)] f32,
//!     #[net(range = -1024.0..=1024.0, step = 0.0002)] f32,
//!     #[net(quat = 15)] [f32; 4],
//!     #[net(angle = 22, threshold = 0)] f32,
//!     [bool; 1],
//! );
//! #[derive(tickwire_core::message::NetMessage)]
//! struct Message(#[net(range = 0.0..=1.0, step = 0.1)] f32);
//! # use tickwire_core::snapshot::NetValue;
//! # assert_eq!((Component::WORDS, Component::kind().words()), (11, 11));
//! ```
