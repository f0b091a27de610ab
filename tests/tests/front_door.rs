//! The examples in the README and on the front page are those that the tests run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tickwire_tests::source;

fn text(path: &str) -> String {
    std::fs::read_to_string(source::root().join(path)).unwrap()
}

/// Returns the first Rust program of a Markdown page.
fn first_program(page: &str) -> &str {
    page.split("```rust\n").nth(1).unwrap().split("```").next().unwrap()
}

/// Returns the program of an example, without its tests and its first comment.
fn example(name: &str) -> String {
    let text = text(&format!("examples/{name}.rs"));
    let program = text.split("\n#[cfg(test)]").next().unwrap();
    program.split_inclusive('\n').skip_while(|line| line.starts_with("//!") || *line == "\n").collect()
}

#[test]
fn readme_and_front_page_contain_the_example_hello_of_15_to_25_lines() {
    let hello = example("hello");
    let program = first_program(&text("README.md")).to_owned();
    assert_eq!(program, hello);
    let lines = hello.lines().filter(|line| !line.is_empty()).count();
    assert!((15..=25).contains(&lines), "{lines} lines");

    let page = text("src/lib.rs");
    let commented = hello.lines().map(|line| format!("//! {line}").trim_end().to_owned() + "\n");
    assert!(page.contains(&commented.collect::<String>()), "the front page has another hello");
}

/// Returns the names of the examples in a package's manifest.
fn examples(manifest: &str) -> Vec<&str> {
    let tables = manifest.split("[[example]]\nname = \"").skip(1);
    tables.map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn the_readme_names_every_example_and_every_example_has_a_test() {
    let (manifest, readme) = (text("Cargo.toml"), text("README.md"));
    let names = examples(&manifest);
    assert!(names.len() >= 6, "{names:?}");
    for name in &names {
        assert!(readme.contains(&format!("`{name}`")), "the README does not name {name}");
        let table = format!("[[example]]\nname = \"{name}\"\ntest = true\n");
        assert!(manifest.contains(&table), "{name} is not tested");
        assert!(text(&format!("examples/{name}.rs")).contains("#[test]"), "{name} has no test");
    }
    let files = source::files();
    let in_folder = files.iter().filter(|file| file.path.starts_with("examples/"));
    assert_eq!(in_folder.count(), names.len(), "an example is not in the manifest");
}

#[test]
fn every_xtask_verb_that_the_readme_names_exists() {
    let readme = text("README.md");
    let verbs = readme.split("cargo xtask ").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
        &rest[..end]
    });
    let verbs: Vec<&str> = verbs.filter(|verb| !verb.is_empty() && !verb.starts_with('-')).collect();
    assert!(verbs.len() > 5, "{verbs:?}");
    let command = <xtask::Cli as clap::CommandFactory>::command();
    for verb in verbs {
        assert!(command.find_subcommand(verb).is_some(), "there is no `cargo xtask {verb}`");
    }
}

/// Returns the packages that are published. The manifests of the others contain `publish = false`.
fn published() -> Vec<(String, String)> {
    let members = source::members().into_iter();
    let manifests = members.map(|member| {
        let path = if member.folder.is_empty() { String::new() } else { format!("{}/", member.folder) };
        let manifest = text(&format!("{path}Cargo.toml"));
        (path, manifest)
    });
    manifests.filter(|(_, manifest)| !manifest.contains("publish = false")).collect()
}

#[test]
fn every_published_package_has_a_readme_licences_and_keywords() {
    let packages = published();
    assert_eq!(packages.len(), 6, "{packages:?}");
    for (folder, manifest) in &packages {
        for key in [
            "description = ",
            "rust-version.workspace = true",
            "license.workspace = true",
            "keywords.workspace = true",
            "categories = [",
            "readme = \"README.md\"",
        ] {
            assert!(manifest.contains(key), "{folder}Cargo.toml lacks `{key}`");
        }
        assert!(text(&format!("{folder}README.md")).len() > 200, "{folder}README.md");
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            assert_eq!(text(&format!("{folder}{licence}")), text(licence), "{folder}{licence}");
        }
    }
}
