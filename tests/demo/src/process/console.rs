//! A server as a process, and the lines of JSON that it prints.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tickwire_core::PublicKey;

use super::{Child, Ending};

/// A dedicated server that was started with `--json`, and its output.
pub(crate) struct Console {
    pub(crate) child: Child,
    lines: Receiver<Value>,
}

impl Console {
    /// Starts `program` in a folder with a `server.json`, and waits until the server listens. Also returns the server's
    /// address and public key.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<(Self, SocketAddr, PublicKey), String> {
        let (said, lines) = channel();
        let prepare = |command: &mut std::process::Command| {
            command.current_dir(folder).arg("--json");
        };
        let hear = |line: String| serde_json::from_str(&line).unwrap_or(Value::Null);
        let child = Child::start("the server", program, Ending::Stop("quit"), prepare, said, hear)?;
        let mut console = Self { child, lines };
        let listening = console.wait_for(|line| line["event"] == "listening")?;
        let text = |key: &str| listening[key].as_str().unwrap_or_default();
        let address = text("address").parse().map_err(
            |_| "the server printed no valid address; build the server and this program from the same source",
        )?;
        let key = text("key").parse().map_err(|error| {
            format!(
                "the server printed no valid key: {error}; build the server and this program from the same source"
            )
        })?;
        Ok((console, address, key))
    }

    /// Waits for the next line for which `wanted` returns `true`.
    pub(crate) fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let start = Instant::now();
        loop {
            // Whether it had ended before there was nothing more to read.
            let has_ended = self.child.has_ended();
            match self.lines.recv_timeout(LOOK) {
                Ok(line) if wanted(&line) => return Ok(line),
                Ok(_) => {}
                Err(_) if has_ended || start.elapsed() > PATIENCE => return Err(self.child.obituary()),
                Err(_) => {}
            }
        }
    }

    /// Requests the server's counters.
    pub(crate) fn counters(&mut self) -> Result<Value, String> {
        self.child.tell("stats --json");
        self.wait_for(|line| line.get("tick_overruns").is_some())
    }

    /// Stops the server in order. Returns whether it ended with success.
    pub(crate) fn stop(&mut self) -> bool {
        self.child.end();
        self.child.wait(PATIENCE);
        self.child.has_succeeded()
    }
}

const LOOK: Duration = Duration::from_millis(20);
/// The longest wait for an answer of the server.
const PATIENCE: Duration = Duration::from_secs(30);
