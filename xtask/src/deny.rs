//! `deny`: checks the dependency tree against the rules of `deny.toml`.
//!
//! Building cargo-deny takes minutes, too long for each run of CI. If cargo-deny is not installed, this module reads
//! `deny.toml` and `cargo metadata`, and itself checks bans, licences and sources.

use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::command::Command;
use crate::metadata::{Package, Workspace};
use crate::spdx;
use crate::workspace;

/// Check bans, licences and sources of all dependencies against deny.toml
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Args {
    /// Use the built-in check even if cargo-deny is installed
    #[arg(long)]
    builtin: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.builtin && Command::cargo("deny --version").succeeds() {
        return Command::cargo("deny --locked check bans licenses sources").run();
    }
    let rules = Rules::read(&fs::read_to_string(workspace::root().join("deny.toml"))?)?;
    let workspace = Workspace::load()?;
    let faults = rules.faults(&workspace)?;
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    println!(
        "the dependencies, licences and sources of {} packages comply with deny.toml",
        workspace.packages.len()
    );
    Ok(())
}

/// The fields of `deny.toml` that this program reads.
#[derive(Deserialize, Debug)]
struct Rules {
    advisories: Advisories,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize, Debug)]
struct Advisories {
    ignore: Vec<Exception>,
}

#[derive(Deserialize, Debug)]
struct Exception {
    id: String,
    reason: String,
}

#[derive(Deserialize, Debug)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize, Debug)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize, Debug)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    /// The packages that may depend on the banned package.
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

impl Rules {
    fn read(text: &str) -> Result<Self> {
        basic_toml::from_str(text).context("cannot read deny.toml")
    }

    fn faults(&self, workspace: &Workspace) -> Result<Vec<String>> {
        let mut faults = self.undated_exceptions();
        for package in &workspace.packages {
            faults.extend(self.licence_fault(package)?);
            faults.extend(self.source_fault(package, workspace.is_member(package)));
            faults.extend(self.ban_fault(package, &workspace.packages));
            if workspace.is_member(package) {
                faults.extend(wildcard_faults(package));
            }
        }
        Ok(faults)
    }

    fn undated_exceptions(&self) -> Vec<String> {
        let undated = self.advisories.ignore.iter().filter(|exception| !starts_with_date(&exception.reason));
        let text = "the reason does not begin with a date; write YYYY-MM-DD";
        undated.map(|exception| format!("exception {} of deny.toml: {text}", exception.id)).collect()
    }

    fn licence_fault(&self, package: &Package) -> Result<Option<String>> {
        let Package { name, version, .. } = package;
        let Some(licence) = &package.license else {
            let file = package.license_file.as_deref().unwrap_or("(none)");
            return Ok(Some(format!(
                "{name} {version}: the manifest names the licence file {file} instead of a licence expression; \
                 replace the package"
            )));
        };
        let met = spdx::is_met(licence, &self.licenses.allow)
            .with_context(|| format!("cannot check the licence of {name} {version}"))?;
        Ok((!met).then(|| {
            format!("{name} {version}: deny.toml does not allow the licence {licence:?}; replace the package")
        }))
    }

    fn source_fault(&self, package: &Package, is_member: bool) -> Option<String> {
        let Package { name, version, source, .. } = package;
        let Some(source) = source else {
            return (!is_member).then(|| {
                format!("{name} {version}: the package is outside the workspace; move it into the workspace")
            });
        };
        let registry = source.strip_prefix("registry+");
        let is_allowed =
            registry.is_some_and(|url| self.sources.allow_registry.iter().any(|allowed| allowed == url));
        let text = "use the package of an allowed registry";
        (!is_allowed)
            .then(|| format!("{name} {version}: deny.toml does not allow the source {source}; {text}"))
    }

    fn ban_fault(&self, package: &Package, all: &[Package]) -> Option<String> {
        let ban = self.bans.deny.iter().find(|ban| ban.name == package.name)?;
        // What others test themselves with is not built here.
        let is_built = |user: &Package, kind: Option<&str>| user.source.is_none() || kind != Some("dev");
        let depends = |other: &&Package| {
            let mut dependencies = other.dependencies.iter();
            dependencies.any(|one| one.name == ban.name && is_built(other, one.kind.as_deref()))
        };
        let is_wrapper = |other: &&Package| ban.wrappers.contains(&other.name);
        let users: Vec<&str> =
            all.iter().filter(depends).filter(|other| !is_wrapper(other)).map(|other| &*other.name).collect();
        if users.is_empty() {
            return None;
        }
        Some(format!(
            "{} is banned ({}), but used by {}; remove the dependency",
            ban.name,
            ban.reason,
            users.join(", ")
        ))
    }
}

/// Returns whether a text begins with a date in the form `YYYY-MM-DD`.
fn starts_with_date(text: &str) -> bool {
    let shape = "dddd-dd-dd";
    text.len() >= shape.len()
        && text.chars().zip(shape.chars()).all(|(c, s)| if s == 'd' { c.is_ascii_digit() } else { c == s })
}

fn wildcard_faults(package: &Package) -> Vec<String> {
    let loose = package.dependencies.iter().filter(|one| one.source.is_some() && one.req == "*");
    loose.map(|one| format!("{} accepts any version of {}; name a version", package.name, one.name)).collect()
}

#[cfg(test)]
mod tests;
