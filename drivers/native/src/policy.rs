//! The game's accept policy, and the guard that catches its panics on the network thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickwire_core::{Admission, AdmissionRequest, Authenticator, Refusal};

use crate::guard::{drop_guarded, guarded};

/// An authenticator of whatever type.
pub(crate) struct Policy(pub(crate) Box<dyn Authenticator>);

impl Policy {
    /// The policy with a guard: a panic in it costs the newcomer that it was asked about, not the thread, and is counted in
    /// `panics`.
    pub(crate) const fn guarded(self, panics: Arc<AtomicU64>) -> GuardedPolicy {
        GuardedPolicy { policy: Some(self), panics }
    }
}

/// A policy whose panics end nothing but a newcomer's attempt.
pub(crate) struct GuardedPolicy {
    /// `None` while it is dropped.
    policy: Option<Policy>,
    panics: Arc<AtomicU64>,
}

impl Authenticator for GuardedPolicy {
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission {
        let Some(policy) = &mut self.policy else { return Admission::Refuse(failed()) };
        guarded(|| policy.0.admit(request)).unwrap_or_else(|_| {
            self.panics.fetch_add(1, Ordering::Relaxed);
            Admission::Refuse(failed())
        })
    }
}

fn failed() -> Refusal {
    Refusal::other(0, "the server failed while it decided whether to accept this client; try again later")
}

impl Drop for GuardedPolicy {
    /// The network thread drops a policy that another one replaces.
    fn drop(&mut self) {
        drop_guarded(self.policy.take());
    }
}
