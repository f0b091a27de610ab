//! State that the game's threads and the network thread share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::Instant as StdInstant;

use slotmap::SecondaryMap;
use tickwire_core::message::{Dispatcher, Registry};
use tickwire_core::{ChannelConfig, ChannelId, ConnectionId, MessageId, PublicKey};

use crate::clock::Clock;
use crate::command::Command;
use crate::command_queue::CommandQueue;
use crate::error::CommandError;
use crate::event_queue::EventQueue;
use crate::shared_worlds::SharedWorlds;
use crate::stats::{ClockReport, ConnectionInfo, NetworkStats};

/// The id of the network thread, once this thread runs.
#[derive(Clone, Default)]
pub(crate) struct NetworkThreadId(Arc<OnceLock<ThreadId>>);

impl NetworkThreadId {
    /// Returns whether the calling thread is the network thread.
    pub(crate) fn is_here(&self) -> bool {
        self.0.get() == Some(&std::thread::current().id())
    }
}

/// A dispatcher without handlers, which only validates messages.
type Screen = Dispatcher<(), (), ConnectionId>;

/// The state that all handles of an endpoint share.
pub(crate) struct Shared {
    pub(crate) commands: CommandQueue,
    pub(crate) events: EventQueue,
    pub(crate) worlds: SharedWorlds,
    pub(crate) facts: Facts,
    /// The id of the network thread. This thread must not wait for its own answer.
    pub(crate) network_thread: NetworkThreadId,
    /// The connections. The mutex is locked while a message is numbered and queued, so that the numbers follow the
    /// order of the queue.
    table: Mutex<Table>,
    /// `true` if a channel may be full on some connection.
    pub(crate) full_somewhere: AtomicBool,
    /// The number of panics in accept policies.
    pub(crate) policy_panics: Arc<AtomicU64>,
    snapshot: Mutex<Snapshot>,
    clocks: Mutex<ClockReport>,
    /// Validates the messages of a game that takes events itself, and keeps the budgets for invalid messages.
    screen: Mutex<Screen>,
    /// The number of invalid messages.
    pub(crate) messages_rejected: AtomicU64,
}

/// Properties that do not change while the endpoint runs.
pub(crate) struct Facts {
    pub(crate) registry: Arc<Registry>,
    /// `true` if the driver drops invalid messages for a game that takes events itself.
    pub(crate) screens_messages: bool,
    pub(crate) channels: Vec<ChannelConfig>,
    pub(crate) max_message: usize,
    /// Whether the endpoint replicates worlds.
    pub(crate) has_worlds: bool,
    pub(crate) clock: Clock,
    pub(crate) local_address: SocketAddr,
    pub(crate) public_key: PublicKey,
}

/// The connections on which the game may send.
pub(crate) struct Table {
    connections: SecondaryMap<ConnectionId, Row>,
    /// The connection that was established most recently. After the end of that connection, any remaining connection.
    pub(crate) latest: Option<ConnectionId>,
    /// The number of connections established since the start.
    pub(crate) born: u64,
    /// The number of broadcasts since the start, for each channel.
    broadcasts: Vec<u64>,
}

/// The shared state of one connection.
pub(crate) struct Row {
    pub(crate) gate: Arc<Gate>,
    /// For each channel, the number of messages sent on it minus the number of its broadcasts, modulo 2^64.
    sent: Vec<u64>,
}

impl Table {
    fn new(channels: usize) -> Self {
        Self { connections: SecondaryMap::new(), latest: None, born: 0, broadcasts: vec![0; channels] }
    }

    /// Adds a connection. Returns the number of connections that were added before it.
    pub(crate) fn insert(&mut self, connection: ConnectionId, gate: Arc<Gate>) -> u64 {
        let sent = self.broadcasts.iter().map(|count| count.wrapping_neg()).collect();
        self.connections.insert(connection, Row { gate, sent });
        self.latest = Some(connection);
        self.born += 1;
        self.born - 1
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.connections.remove(connection);
        if self.latest == Some(connection) {
            self.latest = self.connections.keys().last();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.connections.clear();
        self.latest = None;
    }

    pub(crate) fn get(&self, connection: ConnectionId) -> Option<&Gate> {
        self.connections.get(connection).map(|row| &*row.gate)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Gate)> {
        self.connections.iter().map(|(connection, row)| (connection, &*row.gate))
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Counts a message that was queued for sending, and returns its id in the core. The core numbers the messages of each
    /// connection and channel from 0, in the order of the queue. This table stays locked while a message is queued, so
    /// both orders are equal.
    pub(crate) fn count(&mut self, connection: ConnectionId, channel: ChannelId) -> MessageId {
        let channel = usize::from(channel.0);
        let all = self.broadcasts.get(channel).copied().unwrap_or(0);
        let Some(sent) = self.connections.get_mut(connection).and_then(|row| row.sent.get_mut(channel))
        else {
            return MessageId(0);
        };
        let number = sent.wrapping_add(all);
        *sent = sent.wrapping_add(1);
        MessageId(number)
    }

    /// Counts a message that was queued for all connections except `except`. `except` contains no connection twice.
    pub(crate) fn count_broadcast(&mut self, channel: ChannelId, except: &[ConnectionId]) {
        let channel = usize::from(channel.0);
        if let Some(all) = self.broadcasts.get_mut(channel) {
            *all += 1;
        }
        for connection in except {
            if let Some(sent) =
                self.connections.get_mut(*connection).and_then(|row| row.sent.get_mut(channel))
            {
                *sent = sent.wrapping_sub(1);
            }
        }
    }
}

/// The state of a connection that the game checks before it sends.
#[derive(Default)]
pub(crate) struct Gate {
    /// One bit per channel: the channel's queue is full. At most 32 channels are configured.
    full: AtomicU32,
    /// `true` if the connection is interrupted.
    pub(crate) is_interrupted: AtomicBool,
    /// `true` if this end is closing the connection.
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

/// The latest reports of connections and counters.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) taken_at: Option<StdInstant>,
    pub(crate) connections: Vec<ConnectionInfo>,
    pub(crate) network: NetworkStats,
}

impl Shared {
    pub(crate) fn new(commands: CommandQueue, events: EventQueue, facts: Facts) -> Self {
        let table = Mutex::new(Table::new(facts.channels.len()));
        let screen = Mutex::new(Dispatcher::new(Arc::clone(&facts.registry)));
        Self {
            commands,
            events,
            worlds: SharedWorlds::default(),
            facts,
            network_thread: NetworkThreadId::default(),
            table,
            full_somewhere: AtomicBool::new(false),
            policy_panics: Arc::default(),
            snapshot: Mutex::default(),
            clocks: Mutex::default(),
            screen,
            messages_rejected: AtomicU64::new(0),
        }
    }

    /// Registers the calling thread as the network thread, when this thread begins.
    pub(crate) fn is_served_here(&self) {
        let _first = self.network_thread.0.set(std::thread::current().id());
    }

    /// Returns whether the calling thread is the network thread, for example in an accept policy.
    pub(crate) fn is_network_thread(&self) -> bool {
        self.network_thread.is_here()
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a command, and waits for space if the queue is full.
    ///
    /// # Errors
    /// [`CommandError`] with the command, if the queue is full and the caller is the network thread, which must not wait
    /// for itself.
    pub(crate) fn insist(&self, command: Command) -> Result<(), (CommandError, Command)> {
        let may_wait = !self.is_network_thread();
        self.commands.insist(command, may_wait).map_err(|command| (CommandError::QueueFull, command))
    }

    /// Stores a new report on clocks. The network thread calls this method.
    pub(crate) fn report_clocks(&self, report: ClockReport) {
        *self.clocks.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    /// Returns the latest report on clocks.
    pub(crate) fn clocks(&self) -> ClockReport {
        *self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the stored snapshot to `look`.
    pub(crate) fn with_snapshot<R>(&self, look: impl FnOnce(&mut Snapshot) -> R) -> R {
        look(&mut self.snapshot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_counted_per_connection_and_channel() {
        let (mut table, mut ids) = (Table::new(2), slotmap::SlotMap::<ConnectionId, ()>::with_key());
        let mut make = |table: &mut Table| {
            let id = ids.insert(());
            (id, table.insert(id, Arc::default()))
        };
        let (one, born) = make(&mut table);
        assert_eq!(born, 0);
        let [first, second] = [ChannelId(0), ChannelId(1)];
        assert_eq!(table.count(one, first), MessageId(0));
        table.count_broadcast(first, &[]);
        table.count_broadcast(second, &[one]);
        let (two, born) = make(&mut table);
        assert_eq!((born, table.born), (1, 2));
        assert_eq!([first, second].map(|channel| table.count(one, channel).0), [2, 0]);
        assert_eq!([first, second].map(|channel| table.count(two, channel).0), [0, 0]);
        table.count_broadcast(first, &[one]);
        assert_eq!([one, two].map(|id| table.count(id, first).0), [3, 2]);
        table.remove(two);
        assert_eq!((table.len(), table.latest), (1, Some(one)));
    }
}
