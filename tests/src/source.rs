//! The files of the workspace, and the packages that cargo lists as its members.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::lexer::{self, Keep};

/// A file of the workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// The path of the file from the root of the workspace, with `/` between folders.
    pub path: String,
    /// The text of the file.
    pub text: String,
}

impl File {
    /// Creates a file with the given path and text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Returns the text of the file with spaces in place of comments, strings and character literals. Line numbers do not
    /// change.
    #[must_use]
    pub fn code(&self) -> String {
        lexer::blank(&self.text, Keep::Code)
    }

    /// Returns whether the file is a Rust source file.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Returns the folder that contains the workspace's `Cargo.toml`.
#[must_use]
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("the package of the tests is in a folder of the workspace").to_owned()
}

/// Returns the text files of the workspace, ordered by path. Folders of generated files, such as `target`, and hidden
/// files and folders are omitted, except `.ci`, `.cargo` and `.github`.
#[must_use]
pub fn files() -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root(), &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).ok()?;
        let path = path.strip_prefix(root()).ok()?.to_str()?.replace('\\', "/");
        Some(File { path, text })
    };
    paths.into_iter().filter_map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace can be listed") {
        let path = entry.expect("an entry of a folder can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_hidden = name.starts_with('.') && ![".ci", ".cargo", ".github"].contains(&name);
        if path.is_dir() && !is_hidden && !["target", "node_modules", "corpus", "artifacts"].contains(&name) {
            collect(&path, paths);
        } else if path.is_file() && !is_hidden && is_written_by_a_person(&path) {
            paths.push(path);
        }
    }
}

fn is_written_by_a_person(path: &Path) -> bool {
    let known = [
        "rs", "toml", "md", "sh", "js", "mjs", "ts", "html", "css", "py", "lua", "as", "c", "h", "cpp",
        "json", "yml", "yaml", "snap", "txt", "service",
    ];
    path.extension().and_then(|end| end.to_str()).is_none_or(|end| known.contains(&end))
}

/// A package of the workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The name of the package.
    pub name: String,
    /// The folder of the package, as a path from the root of the workspace. Empty for the package in the root.
    pub folder: String,
    /// The packages that the package depends on.
    pub dependencies: Vec<Dependency>,
}

/// A package that a [`Member`] depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dependency {
    /// The name of the package.
    pub name: String,
    /// `true` if only the tests of the depending package need the dependency.
    pub is_for_tests: bool,
}

/// Returns the packages of the workspace, as cargo lists them.
#[must_use]
pub fn members() -> Vec<Member> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo speaks JSON");
    array(&metadata, "packages").iter().map(member).collect()
}

fn member(package: &Value) -> Member {
    let manifest = Path::new(text(package, "manifest_path"));
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root()).ok());
    let dependency = |one: &Value| Dependency {
        name: text(one, "name").to_owned(),
        is_for_tests: one.get("kind").and_then(Value::as_str) == Some("dev"),
    };
    Member {
        name: text(package, "name").to_owned(),
        folder: folder.and_then(Path::to_str).unwrap_or_default().replace('\\', "/"),
        dependencies: array(package, "dependencies").iter().map(dependency).collect(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::{files, members};

    #[test]
    fn the_list_of_source_files_contains_no_build_output() {
        let files = files();
        for path in ["core/src/lib.rs", "docs/DESIGN.md", ".ci/run", ".cargo/config.toml", "LICENSE-MIT"] {
            assert!(files.iter().any(|file| file.path == path), "{path} is missing");
        }
        assert!(
            files.iter().all(|file| !file.path.starts_with("target/") && !file.path.starts_with(".git/"))
        );
    }

    #[test]
    fn workspace_members_list_their_folder_and_their_test_dependencies() {
        let members = members();
        let core = members.iter().find(|member| member.name == "tickwire-core").unwrap();
        assert_eq!(core.folder, "core");
        assert!(core.dependencies.iter().any(|one| one.name == "quickcheck" && one.is_for_tests));
        assert!(core.dependencies.iter().any(|one| one.name == "slotmap" && !one.is_for_tests));
    }
}
