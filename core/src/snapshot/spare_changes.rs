//! Empty changes whose memory later events reuse.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::changes::Changes;

/// The largest number of unused changes that are kept.
const KEPT: usize = 8;

/// A list of unused, empty changes.
#[derive(Default)]
pub(crate) struct SpareChanges(VecDeque<Box<Changes>>);

impl SpareChanges {
    /// Takes unused changes from the list, or creates new changes.
    pub(crate) fn take(&mut self) -> Box<Changes> {
        self.0.pop_back().unwrap_or_default()
    }

    /// Returns changes to the list for reuse.
    pub(crate) fn put(&mut self, changes: Box<Changes>) {
        if self.0.len() < KEPT {
            self.0.push_back(changes);
        }
    }
}
