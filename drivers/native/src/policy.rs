//! The game's accept policy, and the guard that catches its panics on the network thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickwire_core::{Admission, AdmissionRequest, Authenticator, Refusal};

use crate::guard::{drop_guarded, guarded};

/// An authenticator of any type.
pub(crate) struct Policy(pub(crate) Box<dyn Authenticator>);

impl Policy {
    /// Adds a guard to the policy. A panic in the policy refuses the client that the policy was to decide on, increments
    /// `panics`, and does not end the thread.
    pub(crate) const fn guarded(self, panics: Arc<AtomicU64>) -> GuardedPolicy {
        GuardedPolicy { policy: Some(self), panics }
    }
}

/// A policy whose panics only refuse the client that the policy was to decide on.
pub(crate) struct GuardedPolicy {
    /// `None` while the policy is dropped.
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
    /// Drops the policy. The network thread does so when the game replaces the policy.
    fn drop(&mut self) {
        drop_guarded(self.policy.take());
    }
}
