//! Another library that replicates the worlds of R1 and R2, measured by a program of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The report of the program.
#[derive(Clone, Debug, Deserialize)]
pub struct Peer {
    /// The name of the library.
    pub name: String,
    /// The version of the library.
    pub version: String,
    /// The measurements.
    pub runs: Vec<PeerRun>,
}

/// The cost of replicating a world of 1,000 entities to a number of clients.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct PeerRun {
    /// The number of clients.
    pub clients: usize,
    /// The number of entities that move.
    pub moving: usize,
    /// `true` if the game quantises its components before the library writes them; `false` if they are 32-bit floats.
    pub is_quantised: bool,
    /// The number of bytes per second and client, without packet headers.
    pub bytes_per_second: f64,
    /// The time of the server per tick, in milliseconds.
    pub server_ms: f64,
}

impl Peer {
    /// Runs the program, and returns its report.
    ///
    /// # Errors
    /// If the program cannot be started, fails, or prints anything but a report.
    pub fn measure(program: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("cannot start {}", program.display()))?;
        if !output.status.success() {
            bail!("{} ended with {}", program.display(), output.status);
        }
        serde_json::from_slice(&output.stdout).context("the program printed no report")
    }

    /// Returns the name and the version of the library, with the form of the components, and the measurement for each
    /// form.
    pub fn runs(&self, clients: usize, moving: usize) -> impl Iterator<Item = (String, PeerRun)> {
        let runs = self.runs.iter().filter(move |run| run.clients == clients && run.moving == moving);
        runs.map(|run| {
            let form = if run.is_quantised { "quantised by the game" } else { "floats" };
            (format!("{} {}, {form}", self.name, self.version), *run)
        })
    }
}
