//! Recorded links as scenarios: one saturating flow with a one-way delay of 20 ms, and a queue as in
//! Mahimahi's examples.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tickwire_sim::link::PipeConfig;
use tickwire_sim::mahimahi::LinkTrace;
use tickwire_sim::paths::{Flow, Scenario};

const QUEUE: u64 = 150_000;
const DELAY: Duration = Duration::from_millis(20);
const LASTS: Duration = Duration::from_secs(120);

/// Reads one bandwidth trace.
pub(crate) fn of_file(path: &Path) -> Result<Scenario, String> {
    let failed = |error: &dyn core::fmt::Display| {
        format!(
            "cannot read the bandwidth trace {}: {error}; check the path and the content of the file",
            path.display()
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let trace = LinkTrace::parse(&text).map_err(|error| failed(&error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let pipe = PipeConfig::Trace { trace, queue_bytes: QUEUE };
    Ok(Scenario::new(name, pipe, LASTS).flows(vec![Flow::bulk().delay(DELAY)]))
}

/// Reads the bandwidth traces in the folder that `TICKWIRE_TRACES` names, ordered by name.
pub(crate) fn of_folder() -> Result<Vec<Scenario>, String> {
    let folder = std::env::var_os("TICKWIRE_TRACES").map(PathBuf::from);
    let folder = folder
        .ok_or("TICKWIRE_TRACES is not set; set it to a folder of bandwidth traces (NAME.up, NAME.down)")?;
    let failed = |error: &dyn core::fmt::Display| {
        format!("cannot list the folder {} of TICKWIRE_TRACES: {error}; check the path", folder.display())
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|error| failed(&error))? {
        paths.push(entry.map_err(|error| failed(&error))?.path());
    }
    paths.sort();
    let is_recording = |path: &PathBuf| path.extension().is_some_and(|end| end == "up" || end == "down");
    paths.into_iter().filter(is_recording).map(|path| of_file(&path)).collect()
}
