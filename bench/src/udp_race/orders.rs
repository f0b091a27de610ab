//! The messages between the parent and its children: one JSON object per line, on standard input and output.

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::measure;
use crate::stack::Stack;

/// The settings that a child is started with.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) stack: Stack,
    /// The number of clients.
    pub(crate) clients: usize,
    /// The address of the server and the key that identifies it. `None` for a server.
    pub(crate) server: Option<(SocketAddr, Vec<u8>)>,
}

/// The work of a server from its next tick on.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// Runs ticks without messages.
    Idle,
    /// Sends `count` messages to each client in every `every`th tick.
    Stream {
        /// The number of messages for each client.
        count: u32,
        /// The interval in ticks.
        every: u32,
    },
    /// Sends received messages back immediately.
    Echo,
    /// Sends one message to all clients in every `every`th tick.
    Broadcast {
        /// The interval in ticks.
        every: u32,
    },
}

/// An order of the parent process.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub(crate) enum Order {
    /// Order to a server: changes its work.
    Work(Work),
    /// Order to a server: requests [`Answer::Usage`].
    Usage,
    /// Order to clients: connects all clients at once. The answer is [`Answer::Connected`].
    Connect,
    /// Order to clients: the clients take turns, and each sends a ping and waits for the echo. The answer is
    /// [`Answer::Latencies`] with the round-trip times.
    Ping {
        /// The duration of the measurement, in milliseconds.
        milliseconds: u64,
    },
    /// Order to clients: makes each client send one message every `every` milliseconds. Zero stops the messages. The answer
    /// is [`Answer::Done`].
    Talk {
        /// The time between two messages of one client, in milliseconds.
        every: u64,
    },
    /// Order to clients: resets the counters. The answer is [`Answer::Done`].
    Reset,
    /// Order to clients: requests [`Answer::Counted`].
    Count,
    /// Order to clients: requests [`Answer::Latencies`] of the broadcasts that all clients received. The time of a
    /// broadcast is the time from its sending to its receipt by the final client.
    Broadcasts,
}

/// An answer of a child process.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) enum Answer {
    /// The server accepts connections.
    Listening {
        /// The address of the server.
        address: SocketAddr,
        /// The public key or certificate of the server, in the form that its stack uses.
        key: Vec<u8>,
    },
    /// The clients are ready to connect.
    Ready,
    /// The order was executed.
    Done,
    /// The processor time, the memory and the connections of the server's process.
    Usage {
        /// The processor time so far, in nanoseconds.
        cpu: u64,
        /// The resident memory, in bytes.
        memory: u64,
        /// The number of connections.
        connected: usize,
    },
    /// All clients are connected.
    Connected {
        /// The time from [`Order::Connect`] until all clients were connected, in nanoseconds.
        elapsed: u64,
    },
    /// Percentiles of measured times, in nanoseconds. The first fifth of the times is warm-up and does not count.
    Latencies {
        /// The median, in nanoseconds.
        p50: u64,
        /// The 99th percentile, in nanoseconds.
        p99: u64,
        /// The number of measured times after the warm-up.
        count: usize,
    },
    /// The number of messages that all clients together have received since the latest [`Order::Reset`].
    Counted {
        /// The number of messages.
        messages: u64,
    },
}

impl Answer {
    /// Writes the answer to the parent.
    pub(crate) fn say(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }
}

/// The state that the server's loop shares with the thread that reads the parent's orders.
pub(crate) struct Control {
    work: Mutex<Work>,
    /// The number of connections of the server.
    pub(crate) connected: AtomicUsize,
    ticks: AtomicU64,
}

impl Control {
    /// Starts a thread that reads the parent's orders. The thread itself answers requests for usage, so that the
    /// server's loop is not disturbed.
    pub(crate) fn listen() -> Arc<Self> {
        let control = Arc::new(Self {
            work: Mutex::new(Work::Idle),
            connected: AtomicUsize::new(0),
            ticks: AtomicU64::new(0),
        });
        let to_change = Arc::clone(&control);
        std::thread::spawn(move || {
            orders(|order| match order {
                Order::Work(work) => {
                    *to_change.work.lock().unwrap_or_else(PoisonError::into_inner) = work;
                    Answer::Done.say()
                }
                Order::Usage => Answer::Usage {
                    cpu: measure::cpu_nanoseconds(),
                    memory: measure::resident_bytes()?,
                    connected: to_change.connected.load(Ordering::Relaxed),
                }
                .say(),
                other => anyhow::bail!(
                    "the server cannot follow the order {other:?}; this is a bug in the benchmark"
                ),
            });
        });
        control
    }

    /// Returns the current work.
    pub(crate) fn work(&self) -> Work {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a tick, and returns the messages that are due in it.
    pub(crate) fn tick(&self) -> Due {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let is_turn = |every: u32| tick.is_multiple_of(u64::from(every.max(1)));
        match self.work() {
            Work::Stream { count, every } if is_turn(every) => Due::Each(count),
            Work::Broadcast { every } if is_turn(every) => Due::All,
            _ => Due::Nothing,
        }
    }
}

/// The messages that are due in a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    Nothing,
    /// This number of messages for each client. Each message is different.
    Each(u32),
    /// One message for all clients.
    All,
}

/// Reads orders until the parent has ended, and then ends the process.
fn orders(mut carry_out: impl FnMut(Order) -> Result<()>) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let result = serde_json::from_str(&line).map_err(Into::into).and_then(&mut carry_out);
        if let Err(error) = result {
            eprintln!("cannot follow the order {line}: {error:#}");
            std::process::exit(1);
        }
    }
    std::process::exit(0);
}

/// Starts a thread that reads the orders to clients, and returns the orders as a queue.
pub(crate) fn order_queue() -> mpsc::Receiver<Order> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || orders(|order| Ok(send.send(order)?)));
    receive
}
