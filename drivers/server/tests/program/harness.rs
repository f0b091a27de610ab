//! A server process, and its clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tickwire_core::message::NetMessage;
use tickwire_core::{CloseReason, Config, ConnectOptions, Event, PublicKey};
use tickwire_native::{Client, ConnectError, Options};
use tickwire_server::{snapshot_config, world};

/// The longest wait of a test, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs in its own folder.
pub(crate) struct Program {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
    pub(crate) folder: Arc<TempDir>,
    /// The line that the program printed when it began to listen.
    pub(crate) listening: Value,
}

/// The end of a program that did not start a server.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) errors: String,
    pub(crate) out: String,
}

/// Returns the command that runs the program in `folder`.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire-server"));
    command.current_dir(folder).args(arguments);
    command
}

/// Runs the program until it ends.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let output = command(folder, arguments).stdin(Stdio::null()).output().unwrap();
    Ended {
        code: output.status.code(),
        errors: String::from_utf8(output.stderr).unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
    }
}

/// Returns a configuration for tests, which uses the loopback interface and contains the keys in `more`.
pub(crate) fn config(more: &str) -> String {
    format!("{{ \"bind_address\": \"127.0.0.1:0\", {more} }}")
}

impl Program {
    /// Starts a server with this configuration, and waits until it listens.
    pub(crate) fn start(more: &str) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), &config(more))
    }

    /// Starts a server with this configuration in a folder that another server may have used before.
    pub(crate) fn start_in(folder: Arc<TempDir>, config: &str) -> Self {
        std::fs::write(folder.path().join("server.json"), config).unwrap();
        Self::start_with(folder, &[])
    }

    /// Starts a server in a folder without a change of its files.
    pub(crate) fn start_with(folder: Arc<TempDir>, arguments: &[&str]) -> Self {
        let command = command(folder.path(), &[&["--json"], arguments].concat());
        Self::start_as(command, folder)
    }

    /// Starts a server with `command`, whose arguments must include `--json`, in a folder without a change of its
    /// files. Waits until the server listens.
    pub(crate) fn start_as(mut command: Command, folder: Arc<TempDir>) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        let errors = Arc::new(Mutex::new(String::new()));
        let (mut from, to) = (child.stderr.take().unwrap(), Arc::clone(&errors));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                to.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        let stdin = child.stdin.take();
        let mut program = Self { child, stdin, lines, errors, folder, listening: Value::Null };
        let line = program.line();
        program.listening = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(program.listening["event"], "listening");
        program
    }

    /// Returns the next line that the program prints.
    pub(crate) fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line came; {}", self.errors()))
    }

    /// Returns the lines that the program prints up to and including the first line that contains `wanted`.
    pub(crate) fn lines_until(&mut self, wanted: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.contains(wanted)) {
            lines.push(self.line());
        }
        lines
    }

    /// Writes a command to the console.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Writes a command to the console, and returns the first line of the reply.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.line()
    }

    /// Writes a command as [`Program::ask`] does, and returns the reply parsed as JSON.
    pub(crate) fn ask_json(&mut self, line: &str) -> Value {
        serde_json::from_str(&self.ask(line)).unwrap()
    }

    /// Closes the standard input of the program.
    pub(crate) fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Returns the program's standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Returns the program's log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listening["address"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn key(&self) -> PublicKey {
        self.listening["key"].as_str().unwrap().parse().unwrap()
    }

    /// Sends a signal to the program.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits for the end of the program. Returns its exit code, and the last line that it printed.
    pub(crate) fn end(mut self) -> (Option<i32>, Value) {
        let status = until(|| self.child.try_wait().unwrap());
        let last = self.lines.iter().last().unwrap_or_default();
        (status.code(), serde_json::from_str(&last).unwrap_or_default())
    }

    /// Connects a client to the server.
    pub(crate) fn join(&self) -> Client {
        self.try_join(ConnectOptions::new(self.key())).unwrap()
    }

    /// Connects a client to the server. Returns the error if the attempt fails.
    pub(crate) fn try_join(&self, options: ConnectOptions) -> Result<Client, ConnectError> {
        let client = client();
        client.connect(&self.address().into(), options.timeout(PATIENCE)).wait()?;
        // With the first message: the game knows it.
        until(|| (client.stats().messages_received >= 1).then_some(()));
        Ok(client)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Creates a client of the built-in world that is not connected.
pub(crate) fn client() -> Client {
    let mut config = Config::new(world::APPLICATION);
    config.channels[0].receipts = true;
    config.snapshots = snapshot_config::<world::World>().unwrap();
    Client::start(Options::new(config).registry(world::registry().unwrap())).unwrap()
}

/// Calls `ask` until it returns a value, and returns the value. Panics after [`PATIENCE`].
#[track_caller]
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "it did not happen within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the next message of type `T`, and drops all other messages.
#[track_caller]
pub(crate) fn next<T: NetMessage + 'static>(client: &Client) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(Event::Message { data, .. }) = client.wait_event(Duration::from_millis(50))
            && let Ok(message) = client.registry().decode(&data).unwrap().downcast::<T>()
        {
            return message;
        }
    }
    panic!("no such message came within {PATIENCE:?}");
}

/// Waits until the client's connection ends, and returns the reason.
#[track_caller]
pub(crate) fn ending(client: &Client) -> CloseReason {
    until(|| match client.wait_event(Duration::from_millis(50))? {
        Event::Closed { reason, .. } => Some(reason),
        _ => None,
    })
}
