//! The packages of the workspace, as `cargo metadata` lists them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command::Command;

/// The fields of `cargo metadata` that this program reads.
#[derive(Deserialize, Debug)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    workspace_members: Vec<String>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize, Debug, Default)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) license_file: Option<String>,
    /// The registry or repository of the package. `None` for a package in a local folder.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<CargoTarget>,
}

#[derive(Deserialize, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) source: Option<String>,
    pub(crate) req: String,
    /// The kind of the dependency: `dev` or `build`. `None` for a normal dependency.
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize, Debug)]
pub(crate) struct CargoTarget {
    name: String,
    kind: Vec<String>,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let text = Command::cargo("metadata --format-version 1 --locked").output()?;
        serde_json::from_str(&text).context("cannot read the output of `cargo metadata`")
    }

    pub(crate) fn is_member(&self, package: &Package) -> bool {
        self.workspace_members.contains(&package.id)
    }

    pub(crate) fn has_bin(&self, package: &str, bin: &str) -> bool {
        let is_bin =
            |target: &CargoTarget| target.name == bin && target.kind.iter().any(|kind| kind == "bin");
        self.member(package).is_some_and(|package| package.targets.iter().any(is_bin))
    }

    fn member(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name && self.is_member(package))
    }
}

#[cfg(test)]
mod tests {
    use super::Workspace;

    #[test]
    fn the_metadata_lists_workspace_members_but_no_dependencies() {
        let workspace = Workspace::load().unwrap();
        assert!(workspace.member("tickwire-core").is_some());
        assert!(workspace.has_bin("xtask", "xtask"));
        assert!(!workspace.has_bin("tickwire-core", "xtask"));
        assert!(workspace.member("clap").is_none(), "a dependency is not a member");
    }
}
