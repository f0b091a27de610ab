//! A server and its clients, as two child processes.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::measure::now;
use crate::orders::{Answer, Order, Setup, Work};
use crate::stack::Stack;

/// The server process and the client process. Dropping the value ends both processes.
pub(crate) struct Pair {
    server: Process,
    clients: Process,
}

/// The use of the machine by the server's process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// The processor time since the start of the process, in nanoseconds.
    pub(crate) cpu: u64,
    /// The resident memory, in bytes.
    pub(crate) memory: u64,
    /// The time of the request, in nanoseconds.
    pub(crate) at: u64,
}

/// Percentiles of round trips or other times, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latencies {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
}

impl Pair {
    /// Starts both processes. No client is connected yet.
    pub(crate) fn start(stack: Stack, clients: usize) -> Result<Self> {
        let mut setup = Setup { stack, clients, server: None };
        let mut server = Process::start("server", &setup)?;
        let Answer::Listening { address, key } = server.answer()? else {
            bail!("the server process did not report its address; its error output is above")
        };
        setup.server = Some((address, key));
        let mut clients = Process::start("clients", &setup)?;
        let Answer::Ready = clients.answer()? else {
            bail!("the client process did not report that it is ready; its error output is above")
        };
        Ok(Self { server, clients })
    }

    pub(crate) fn work(&mut self, work: Work) -> Result<()> {
        match self.server.ask(Order::Work(work))? {
            Answer::Done => Ok(()),
            other => {
                bail!(
                    "the server process sent an unexpected answer: {other:?}; this is a bug in the benchmark"
                )
            }
        }
    }

    pub(crate) fn usage(&mut self) -> Result<Usage> {
        match self.server.ask(Order::Usage)? {
            Answer::Usage { cpu, memory, .. } => Ok(Usage { cpu, memory, at: now() }),
            other => {
                bail!(
                    "the server process sent an unexpected answer: {other:?}; this is a bug in the benchmark"
                )
            }
        }
    }

    /// Connects all clients. Returns the time until all were connected, in nanoseconds.
    pub(crate) fn connect(&mut self) -> Result<u64> {
        match self.clients.ask(Order::Connect)? {
            Answer::Connected { elapsed } => Ok(elapsed),
            other => {
                bail!(
                    "the client process sent an unexpected answer: {other:?}; this is a bug in the benchmark"
                )
            }
        }
    }

    pub(crate) fn ping(&mut self, time: Duration) -> Result<Latencies> {
        self.latencies(Order::Ping { milliseconds: time.as_millis() as u64 })
    }

    pub(crate) fn broadcasts(&mut self) -> Result<Latencies> {
        self.latencies(Order::Broadcasts)
    }

    fn latencies(&mut self, order: Order) -> Result<Latencies> {
        match self.clients.ask(order)? {
            Answer::Latencies { p50, p99, count } if count >= 10 => Ok(Latencies { p50, p99 }),
            other => {
                bail!(
                    "expected latencies of at least 10 samples from the client process, got {other:?}; repeat the round \
                     without other load"
                )
            }
        }
    }

    pub(crate) fn tell_clients(&mut self, order: Order) -> Result<()> {
        match self.clients.ask(order)? {
            Answer::Done => Ok(()),
            other => {
                bail!(
                    "the client process sent an unexpected answer: {other:?}; this is a bug in the benchmark"
                )
            }
        }
    }

    /// Returns the number of messages that clients have received since the counters were reset.
    pub(crate) fn received(&mut self) -> Result<u64> {
        match self.clients.ask(Order::Count)? {
            Answer::Counted { messages } => Ok(messages),
            other => {
                bail!(
                    "the client process sent an unexpected answer: {other:?}; this is a bug in the benchmark"
                )
            }
        }
    }
}

struct Process {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(role: &str, setup: &Setup) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(role)
            .arg(serde_json::to_string(setup)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the {role}"))?;
        let orders = child.stdin.take().context("the child process has no standard input")?;
        let answers =
            BufReader::new(child.stdout.take().context("the child process has no standard output")?).lines();
        Ok(Self { child, orders, answers })
    }

    fn ask(&mut self, order: Order) -> Result<Answer> {
        let mut line = serde_json::to_vec(&order)?;
        line.push(b'\n');
        self.orders.write_all(&line)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer> {
        let line = self.answers.next().context("a child process has ended; its error output is above")??;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}
