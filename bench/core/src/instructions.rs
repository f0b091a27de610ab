//! Reads the counts of instructions that gungraun recorded.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

/// The counts of callgrind for one case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// The number of instructions.
    pub(crate) instructions: u64,
    /// The estimated number of cycles: 1 for an instruction or a cache hit, 5 for a hit in the last-level cache, and 35
    /// for a memory access.
    pub(crate) cycles: u64,
}

/// Returns the counts of a stack's case, or `None` if this run did not measure the case.
pub(crate) fn read(summaries: &Path, stack: &str, case: &str) -> Result<Option<Counted>> {
    let name = format!("{stack}.{}", case.replace('.', "_"));
    let folder = summaries.join("tickwire-core-bench/instructions");
    let groups = ["costs", "peers_group"].map(|group| folder.join(group).join(&name).join("summary.json"));
    let Some(path) = groups.into_iter().find(|path| path.is_file()) else { return Ok(None) };
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let summary: Value =
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))?;
    let metric = |name: &str| {
        let value =
            find(&summary, name).and_then(|metric| metric.pointer("/values/new")).and_then(Value::as_u64);
        value.ok_or_else(|| anyhow!("the metric {name} is missing in {}", path.display()))
    };
    Ok(Some(Counted { instructions: metric("Ir")?, cycles: metric("EstimatedCycles")? }))
}

/// Returns the first value whose key is `name`, at any depth.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => {
            fields.get(name).or_else(|| fields.values().find_map(|field| find(field, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}
