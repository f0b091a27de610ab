//! The server under attack.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use tickwire_core::PublicKey;
use tickwire_core::message::Registry;
use tickwire_server::world;

use crate::process::{Console, Usage, beside};

/// The server's address, and the values that a client needs to connect to it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) key: PublicKey,
    pub(super) registry: Arc<Registry>,
}

/// A running server.
pub(super) struct SiegeServer {
    console: Console,
    pub(super) target: Target,
    folder: TempDir,
}

/// Counters of the server's ticks since it started.
#[derive(Clone, Copy, Debug)]
pub(super) struct TickCounters {
    pub(super) ticks: u64,
    pub(super) overruns: u64,
}

impl SiegeServer {
    /// Starts the server, and waits until it listens.
    pub(super) fn start() -> Result<Self, String> {
        let program = beside("tickwire-server", "`cargo xtask siege` builds it")?;
        let folder = tempfile::Builder::new().prefix("tickwire-siege-").tempdir().map_err(|error| {
            format!("cannot create a folder in {}: {error}; check the disk", std::env::temp_dir().display())
        })?;
        let config = json!({
            "bind_address": SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).to_string(),
            "max_connections": PLACES,
            "max_connections_per_address": 64,
            "log_file_path": LOG,
            // Who vanished gives its place up soon, so that one attack does not take from the next.
            "idle_timeout": "2 s",
            "resume_window": "2 s",
        });
        std::fs::write(folder.path().join("server.json"), config.to_string()).map_err(|error| {
            format!("cannot write to {}: {error}; check the disk", folder.path().display())
        })?;
        let (console, address, key) = Console::start(&program, folder.path())?;
        let registry = world::registry().map_err(|error| error.to_string())?;
        Ok(Self { console, target: Target { address, key, registry }, folder })
    }

    pub(super) fn counters(&mut self) -> Result<TickCounters, String> {
        let answer = self.console.counters()?;
        let number = |key: &str| answer[key].as_u64().unwrap_or(0);
        Ok(TickCounters { ticks: number("ticks"), overruns: number("tick_overruns") })
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        Usage::of(self.console.child.id())
    }

    /// Returns the number of bytes in the server's log, including rotated files.
    pub(super) fn log_bytes(&self) -> u64 {
        let Ok(files) = std::fs::read_dir(self.folder.path()) else { return 0 };
        let logs = files.flatten().filter(|file| file.file_name().to_string_lossy().starts_with(LOG));
        logs.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }

    /// Stops the server in order. Returns whether it ended with success.
    pub(super) fn stop(&mut self) -> bool {
        self.console.stop()
    }
}

/// The maximum number of connections of the server.
pub(super) const PLACES: usize = 256;
const LOG: &str = "server.log";
