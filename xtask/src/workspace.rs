//! The folder of the workspace.

use std::path::Path;

/// Returns the folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn the_workspace_root_contains_the_lock_file_of_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
