//! Empty changes whose memory later events reuse.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::changes::Changes;

/// Changes that are kept at most.
const KEPT: usize = 8;

/// Unused changes.
#[derive(Default)]
pub(crate) struct SpareChanges(VecDeque<Box<Changes>>);

impl SpareChanges {
    /// Takes changes out; new ones if there are none.
    pub(crate) fn take(&mut self) -> Box<Changes> {
        self.0.pop_back().unwrap_or_default()
    }

    /// Puts changes back.
    pub(crate) fn put(&mut self, changes: Box<Changes>) {
        if self.0.len() < KEPT {
            self.0.push_back(changes);
        }
    }
}
