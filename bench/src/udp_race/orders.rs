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
    /// Connections that there will be.
    pub(crate) clients: usize,
    /// Clients: where the server is, and the key by which they know it.
    pub(crate) server: Option<(SocketAddr, Vec<u8>)>,
}

/// The work of a server from its next tick on.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// Ticks, and has nothing to say.
    Idle,
    /// Each `every`th tick, `count` messages to each client.
    Stream {
        /// Messages.
        count: u32,
        /// Ticks.
        every: u32,
    },
    /// Sends back what it gets, at once.
    Echo,
    /// Each `every`th tick, one message to all.
    Broadcast {
        /// Ticks.
        every: u32,
    },
}

/// The orders of the parent.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub(crate) enum Order {
    /// Server: changes what it does.
    Work(Work),
    /// Server: answers [`Answer::Usage`].
    Usage,
    /// Clients: all connect at once; answers [`Answer::Connected`].
    Connect,
    /// Clients: one after the other pings and waits for the echo, for so long; answers [`Answer::Latencies`].
    Ping {
        /// For how long.
        milliseconds: u64,
    },
    /// Clients: each sends a message this often, until told otherwise; zero is never. Answers [`Answer::Done`].
    Talk {
        /// Milliseconds between two messages of one client.
        every: u64,
    },
    /// Clients: forgets what was counted. Answers [`Answer::Done`].
    Reset,
    /// Clients: answers [`Answer::Counted`].
    Count,
    /// Clients: for broadcasts that all have received, how long that took; answers [`Answer::Latencies`].
    Broadcasts,
}

/// The answers of a child.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) enum Answer {
    /// Server: it can be connected to.
    Listening {
        /// Where.
        address: SocketAddr,
        /// Its public key, certificate or whatever its stack has.
        key: Vec<u8>,
    },
    /// Clients: they are prepared.
    Ready,
    /// It was done.
    Done,
    /// Of the server's process.
    Usage {
        /// Processor time so far, in nanoseconds.
        cpu: u64,
        /// Resident memory now, in bytes.
        memory: u64,
        /// Connections now.
        connected: usize,
    },
    /// How long it took until all were connected, in nanoseconds.
    Connected {
        /// Nanoseconds.
        elapsed: u64,
    },
    /// In nanoseconds.
    Latencies {
        /// The median.
        p50: u64,
        /// The 99th percentile.
        p99: u64,
        /// How many were measured.
        count: usize,
    },
    /// Messages that clients have received.
    Counted {
        /// Messages.
        messages: u64,
    },
}

impl Answer {
    /// Writes it to the parent.
    pub(crate) fn say(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }
}

/// Where the thread that listens to the parent and the server's loop meet.
pub(crate) struct Control {
    work: Mutex<Work>,
    /// Connections that the server has.
    pub(crate) connected: AtomicUsize,
    ticks: AtomicU64,
}

impl Control {
    /// Starts to listen to the parent. Usage is answered without disturbing the server's loop.
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
                other => anyhow::bail!("the server cannot follow the order {other:?}"),
            });
        });
        control
    }

    /// The current work.
    pub(crate) fn work(&self) -> Work {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a tick, and says what is to be sent in it.
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

/// The messages that a tick has to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    Nothing,
    /// So many messages to each client, each its own.
    Each(u32),
    /// One message to all.
    All,
}

/// Reads orders until the parent is gone; then the process ends.
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

/// Orders to clients, as a queue.
pub(crate) fn order_queue() -> mpsc::Receiver<Order> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || orders(|order| Ok(send.send(order)?)));
    receive
}
