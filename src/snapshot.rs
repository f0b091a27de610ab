//! Replicated worlds: components, their schema, and the encoding of their values as words.
//!
//! A component is a type with `#[derive(NetComponent)]`. Structs and enums inside it derive [`NetValue`]. A
//! [`SnapshotSchema`] contains every component of a game. Both ends declare the same components, and the handshake compares
//! the schemas.
//!
//! ```
//! use tickwire::snapshot::{NetComponent, NetValue, SnapshotSchema};
//!
//! #[derive(NetComponent)]
//! #[net(name = "door", hz = 10)]
//! struct Door {
//!     #[net(angle = 8)]
//!     open: f32,
//!     lock: Lock,
//! }
//!
//! #[derive(NetValue)]
//! enum Lock {
//!     Free,
//!     Bolted,
//! }
//!
//! let mut schema = SnapshotSchema::new();
//! schema.component::<Door>()?;
//! schema.blueprint("cellar door", (Door { open: 0.0, lock: Lock::Bolted },)).unwrap_err();
//! schema.blueprint("cellar-door", (Door { open: 0.0, lock: Lock::Bolted },))?;
//! let schema = schema.finish()?;
//! assert_eq!(schema.blueprints()[0].components[0].1, [0, 1]);
//! # Ok::<(), tickwire::snapshot::SnapshotSchemaError>(())
//! ```
//!
//! `#[net(crate = path)]` sets the path of this crate for the derive macros, if the path is not `::tickwire`.

#[doc(inline)]
pub use tickwire_core::snapshot::*;
// They take the place of the core's macros, which name the core.
#[doc(inline)]
pub use tickwire_derive::{FacadeNetComponent as NetComponent, FacadeNetValue as NetValue};
