//! The server process, and the answers on its console.

use std::net::SocketAddr;

use serde_json::json;
use tempfile::TempDir;
use tickwire_core::PublicKey;

use super::args::Args;
use super::tally::Tally;
use crate::process::{Console, Usage, beside};

/// A running server.
pub(super) struct LoadServer {
    program: Console,
    pub(super) address: SocketAddr,
    pub(super) key: PublicKey,
    /// The server's folder, which exists until the server has ended.
    _folder: TempDir,
}

/// Counters of the server's ticks since it started.
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

impl LoadServer {
    /// Starts the server, and waits until it listens.
    pub(super) fn start(args: &Args) -> Result<Self, String> {
        let program = beside("load-server", "`cargo xtask load` builds it")?;
        let folder = tempfile::Builder::new().prefix("tickwire-load-").tempdir().map_err(|error| {
            format!("cannot create a folder in {}: {error}; check the disk", std::env::temp_dir().display())
        })?;
        let config = json!({
            "bind_address": "127.0.0.1:0",
            "max_connections": args.clients,
            // All come from one address.
            "max_connections_per_address": args.clients,
            "handshakes_per_second": 10_000,
            "handshake_burst": args.clients.max(64),
            "network_update_rate": args.rate,
        });
        std::fs::write(folder.path().join("server.json"), config.to_string()).map_err(|error| {
            format!("cannot write to {}: {error}; check the disk", folder.path().display())
        })?;
        let (program, address, key) = Console::start(&program, folder.path())?;
        Ok(Self { program, address, key, _folder: folder })
    }

    pub(super) fn tell(&mut self, command: &str) {
        self.program.child.tell(command);
    }

    /// Returns the numbers of messages that the server has sent and received.
    pub(super) fn tally(&mut self) -> Result<Tally, String> {
        self.tell("tally");
        let answer = self.program.wait_for(|line| line.get("tally").is_some())?;
        serde_json::from_value(answer["tally"].clone()).map_err(|error| error.to_string())
    }

    pub(super) fn ticks(&mut self) -> Result<Ticks, String> {
        let answer = self.program.counters()?;
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

    /// Stops the server in order. Returns whether it ended with success.
    pub(super) fn stop(&mut self) -> bool {
        self.program.stop()
    }
}
