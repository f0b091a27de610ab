//! The server as a process, and what it answers on its console.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tickwire_core::crypto::Key;
use tickwire_server::keys;

use super::args::Args;
use super::tally::Tally;
use crate::process::{Child, Ending, Usage, beside};

/// A server that runs.
pub(super) struct Server {
    program: Program,
    pub(super) address: SocketAddr,
    pub(super) key: Key,
    /// Its files, until it has ended.
    _folder: TempDir,
}

/// Its process, and what that prints.
struct Program {
    child: Child,
    lines: Receiver<Value>,
}

/// What its ticks have done since it started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ticks {
    pub(super) ticks: u64,
    pub(super) overruns: u64,
    pub(super) skipped: u64,
    pub(super) busy_us: u64,
}

impl Ticks {
    pub(super) const fn since(self, earlier: Self) -> Self {
        Self {
            ticks: self.ticks.saturating_sub(earlier.ticks),
            overruns: self.overruns.saturating_sub(earlier.overruns),
            skipped: self.skipped.saturating_sub(earlier.skipped),
            busy_us: self.busy_us.saturating_sub(earlier.busy_us),
        }
    }
}

impl Server {
    /// Starts it, and waits until it listens.
    pub(super) fn start(args: &Args) -> Result<Self, String> {
        let program = beside("load-server", "`cargo xtask load` builds it")?;
        let folder = tempfile::Builder::new().prefix("tickwire-load-").tempdir().map_err(|error| {
            format!("no folder for the server in {}: {error}", std::env::temp_dir().display())
        })?;
        let config = json!({
            "bind_address": "127.0.0.1:0",
            "max_connections": args.clients,
            // All come from one address.
            "max_connections_per_address": args.clients,
            "network_update_rate": args.rate,
        });
        std::fs::write(folder.path().join("server.json"), config.to_string()).map_err(|error| {
            format!("cannot write to {}: {error}; check the disk", folder.path().display())
        })?;
        let (said, lines) = channel();
        let prepare = |command: &mut std::process::Command| {
            command.current_dir(folder.path()).arg("--json");
        };
        let hear = |line: String| serde_json::from_str(&line).unwrap_or(Value::Null);
        let child = Child::start("the server", &program, Ending::Stop("quit"), prepare, said, hear)?;
        let mut program = Program { child, lines };
        let listening = program.wait_for(|line| line["event"] == "listening")?;
        let text = |key: &str| listening[key].as_str().unwrap_or_default();
        let address = text("address").parse().map_err(|_| "the server printed no address")?;
        let key = keys::from_hex(text("key")).ok_or("the server printed no key")?;
        Ok(Self { program, address, key, _folder: folder })
    }

    pub(super) fn tell(&mut self, command: &str) {
        self.program.child.tell(command);
    }

    /// What it has sent and received.
    pub(super) fn tally(&mut self) -> Result<Tally, String> {
        self.tell("tally");
        let answer = self.program.wait_for(|line| line.get("tally").is_some())?;
        serde_json::from_value(answer["tally"].clone()).map_err(|error| error.to_string())
    }

    pub(super) fn ticks(&mut self) -> Result<Ticks, String> {
        self.tell("stats --json");
        let answer = self.program.wait_for(|line| line.get("tick_overruns").is_some())?;
        let number = |key: &str| answer[key].as_u64().unwrap_or(0);
        Ok(Ticks {
            ticks: number("ticks"),
            overruns: number("tick_overruns"),
            skipped: number("ticks_skipped"),
            busy_us: number("busy_us"),
        })
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        Usage::of(self.program.child.id())
    }

    /// Stops it in order. Says whether that went well.
    pub(super) fn stop(&mut self) -> bool {
        let child = &mut self.program.child;
        child.end();
        child.wait(PATIENCE);
        child.has_succeeded()
    }
}

impl Program {
    fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, String> {
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
}

const LOOK: Duration = Duration::from_millis(20);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
