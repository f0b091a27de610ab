//! Replicated worlds between the game's threads and the network thread: commits in one direction, buffers in both.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tickwire_core::Endpoint;
use tickwire_core::snapshot::{Changes, WorldId};

use crate::error::ReplicationError;

/// The commits that may wait for the network thread. A further commit waits until the thread has taken them.
pub(crate) const COMMITS_WAITING: usize = 32;
/// Unused buffers that are kept in each direction. A game that alternates between writing and committing needs two.
const SPARE_CHANGES: usize = 8;

/// The worlds of an endpoint, as its handles see them.
#[derive(Default)]
pub(crate) struct SharedWorlds {
    commits: Mutex<Commits>,
    /// Changes of events that the game has read.
    recycled: Mutex<VecDeque<Box<Changes>>>,
    has_recycled: AtomicBool,
}

#[derive(Default)]
struct Commits {
    /// Commits whose commands are on their way to the network thread, in order.
    waiting: VecDeque<(WorldId, Changes)>,
    /// Changes that the network thread has committed.
    spare: Vec<Changes>,
    /// The worlds with a commit, ascending.
    known: Vec<WorldId>,
    /// The first refusal that no caller was told of.
    refused: Option<ReplicationError>,
}

/// The result of handing changes in.
pub(crate) enum HandedIn {
    /// The changes wait for the network thread. The spare changes are of an earlier commit.
    Waiting { spare: Option<Changes> },
    /// Too many commits wait for the network thread. The caller gets the changes back.
    Full(Changes),
}

impl SharedWorlds {
    fn commits(&self) -> MutexGuard<'_, Commits> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recycled(&self) -> MutexGuard<'_, VecDeque<Box<Changes>>> {
        self.recycled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands in the changes of a commit, whose command the caller queues next.
    pub(crate) fn hand_in(&self, world: WorldId, changes: Changes) -> HandedIn {
        let mut commits = self.commits();
        if commits.waiting.len() >= COMMITS_WAITING {
            return HandedIn::Full(changes);
        }
        if let Err(place) = commits.known.binary_search(&world) {
            commits.known.insert(place, world);
        }
        commits.waiting.push_back((world, changes));
        HandedIn::Waiting { spare: commits.spare.pop() }
    }

    /// Returns the next commit. Each command that the network thread takes stands for one.
    pub(crate) fn next_commit(&self) -> Option<(WorldId, Changes)> {
        self.commits().waiting.pop_front()
    }

    /// Keeps changes that were committed, so that a later commit returns them to the game.
    pub(crate) fn keep(&self, changes: Changes) {
        let mut commits = self.commits();
        if commits.spare.len() < SPARE_CHANGES {
            commits.spare.push(changes);
        }
    }

    /// Returns whether changes of the world were ever handed in.
    pub(crate) fn is_known(&self, world: WorldId) -> bool {
        self.commits().known.binary_search(&world).is_ok()
    }

    /// Records that the endpoint refused a commit or a viewer, which the next commit reports. Returns whether no earlier refusal waits.
    pub(crate) fn refuse(&self, refusal: &ReplicationError) -> bool {
        let mut commits = self.commits();
        let is_first = commits.refused.is_none();
        if is_first {
            commits.refused = Some(refusal.clone());
        }
        is_first
    }

    /// Returns the first refusal that no caller was told of.
    pub(crate) fn take_refusal(&self) -> Option<ReplicationError> {
        self.commits().refused.take()
    }

    /// Keeps the changes of an event that the game has read.
    pub(crate) fn recycle(&self, changes: Box<Changes>) {
        let mut recycled = self.recycled();
        if recycled.len() < SPARE_CHANGES {
            recycled.push_back(changes);
            self.has_recycled.store(true, Ordering::Release);
        }
    }

    /// Gives the endpoint the changes of events that the game has read.
    pub(crate) fn give_back(&self, endpoint: &mut Endpoint) {
        if self.has_recycled.load(Ordering::Acquire) && self.has_recycled.swap(false, Ordering::AcqRel) {
            self.recycled().drain(..).for_each(|changes| endpoint.recycle(changes));
        }
    }

    /// Drops all buffers: the endpoint has ended.
    pub(crate) fn clear(&self) {
        *self.commits() = Commits::default();
        self.recycled().clear();
    }
}
