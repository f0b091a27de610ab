//! What the game's side and the network thread both see.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::ThreadId;
use std::time::Instant as StdInstant;

use slotmap::SecondaryMap;
use tickwire_core::crypto::Key;
use tickwire_core::message::Registry;
use tickwire_core::{ChannelConfig, ChannelId, ConnectionId};

use crate::clock::Clock;
use crate::queue::{CommandQueue, EventQueue};
use crate::stats::{ConnectionInfo, NetworkStats};

/// Everything that a handle needs.
pub(crate) struct Shared {
    pub(crate) commands: CommandQueue,
    pub(crate) events: EventQueue,
    pub(crate) facts: Facts,
    /// The thread that everything is asked of: it cannot wait for its own answer.
    network_thread: OnceLock<ThreadId>,
    table: RwLock<Table>,
    /// Channels that are full on some connection.
    pub(crate) full_somewhere: AtomicBool,
    snapshot: Mutex<Snapshot>,
}

/// What does not change while the endpoint runs.
pub(crate) struct Facts {
    pub(crate) registry: Arc<Registry>,
    pub(crate) channels: Vec<ChannelConfig>,
    pub(crate) max_message: usize,
    pub(crate) clock: Clock,
    pub(crate) local_address: SocketAddr,
    pub(crate) public_key: Key,
}

/// The connections that may be sent on.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) connections: SecondaryMap<ConnectionId, Arc<Gate>>,
    /// The one that was made last.
    pub(crate) latest: Option<ConnectionId>,
}

impl Table {
    pub(crate) fn insert(&mut self, connection: ConnectionId, gate: Arc<Gate>) {
        self.connections.insert(connection, gate);
        self.latest = Some(connection);
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.connections.remove(connection);
        if self.latest == Some(connection) {
            self.latest = self.connections.keys().last();
        }
    }
}

/// What the game must know before it sends.
#[derive(Default)]
pub(crate) struct Gate {
    /// One bit per channel: its queue is full. At most 32 channels are configured.
    full: AtomicU32,
    /// The peer fell silent.
    pub(crate) is_interrupted: AtomicBool,
    /// This end has said good-bye.
    pub(crate) is_leaving: AtomicBool,
}

impl Gate {
    pub(crate) fn is_full(&self, channel: ChannelId) -> bool {
        self.full.load(Ordering::Acquire) & bit(channel) != 0
    }

    pub(crate) fn set_full(&self, channel: ChannelId, is_full: bool) {
        if is_full {
            self.full.fetch_or(bit(channel), Ordering::AcqRel);
        } else {
            self.full.fetch_and(!bit(channel), Ordering::AcqRel);
        }
    }
}

const fn bit(channel: ChannelId) -> u32 {
    1u32.wrapping_shl(channel.0 as u32)
}

/// The last look at connections and counters.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) taken_at: Option<StdInstant>,
    pub(crate) connections: Vec<ConnectionInfo>,
    pub(crate) network: NetworkStats,
}

impl Shared {
    pub(crate) fn new(commands: CommandQueue, events: EventQueue, facts: Facts) -> Self {
        Self {
            commands,
            events,
            facts,
            network_thread: OnceLock::new(),
            table: RwLock::default(),
            full_somewhere: AtomicBool::new(false),
            snapshot: Mutex::default(),
        }
    }

    /// Called by the network thread when it begins.
    pub(crate) fn is_served_here(&self) {
        let _first = self.network_thread.set(std::thread::current().id());
    }

    /// Whether this is the network thread: in an accept policy, say.
    pub(crate) fn is_network_thread(&self) -> bool {
        self.network_thread.get() == Some(&std::thread::current().id())
    }

    pub(crate) fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn table_mut(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn gate(&self, connection: ConnectionId) -> Option<Arc<Gate>> {
        self.table().connections.get(connection).cloned()
    }

    /// Looks at the last snapshot, or puts one there.
    pub(crate) fn with_snapshot<R>(&self, look: impl FnOnce(&mut Snapshot) -> R) -> R {
        look(&mut self.snapshot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
