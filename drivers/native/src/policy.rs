//! The game's accept policy, and the guard that catches its panics on the network thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickwire_core::{Admission, AdmissionRequest, Authenticator, Refusal};

/// An authenticator of any type.
pub(crate) struct Policy(pub(crate) Box<dyn Authenticator>);

impl Policy {
    /// Adds a guard to the policy. A panic in the policy refuses the client that the policy was to decide on, increments
    /// `panics`, and does not end the thread.
    pub(crate) const fn guarded(self, panics: Arc<AtomicU64>) -> GuardedPolicy {
        GuardedPolicy { policy: self, panics }
    }
}

/// A policy whose panics only refuse the client that the policy was to decide on.
pub(crate) struct GuardedPolicy {
    policy: Policy,
    panics: Arc<AtomicU64>,
}

impl Authenticator for GuardedPolicy {
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission {
        let policy = &mut self.policy.0;
        // A panic may leave the policy's own state half changed, as a panic under a mutex does. The policy is asked again all the
        // same, because a server that lets nobody in any more is worse.
        catch_unwind(AssertUnwindSafe(|| policy.admit(request))).unwrap_or_else(|_| {
            self.panics.fetch_add(1, Ordering::Relaxed);
            Admission::Refuse(Refusal::other(
                0,
                "the server failed while it decided whether to accept this client; try again later",
            ))
        })
    }
}
