//! The committed world, which all connections share: the earlier, current and pending state of each unit.

mod check;
mod commit;
mod error;
mod existence;
mod hash;
mod history;
mod pending;
mod rate;
mod rules;
mod state;
mod table;
mod unit_set;
mod units;

pub use error::{CommitError, StoreError};
pub use history::Version;
pub use state::{Entity, Store, StoreStats, UnitState};
pub use unit_set::UnitSet;
pub use units::UnitId;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
