//! Checks that the tests named in docs/REQUIREMENTS.md exist.

use crate::lexer::{after_block, line, words};
use crate::source::{File, Member};

/// Returns whether the test `path` exists. The path has the form `crate::module::test_name`. The prefix `tickwire-`
/// of the crate's name is omitted.
///
/// The path may omit modules that are called `tests`. An ignored test does not count.
#[must_use]
pub fn has_test(path: &str, files: &[File], members: &[Member]) -> bool {
    let parts: Vec<&str> = path.split("::").collect();
    let [package, modules @ .., name] = parts.as_slice() else {
        return false;
    };
    let modules: Vec<&str> = modules.iter().copied().filter(|module| *module != "tests").collect();
    let Some(member) = members.iter().find(|member| short_name(member) == *package) else {
        return false;
    };
    let rust = files.iter().filter(|file| file.is_rust());
    let own = rust.filter_map(|file| Some((file, file_modules(&file.path, member, members)?)));
    let mut fitting = own.filter_map(|(file, own)| Some((file, modules.strip_prefix(own.as_slice())?)));
    fitting.any(|(file, inline)| {
        let code = file.code();
        let has_module = |module: &&str| words(&code, &format!("mod {module}")).next().is_some();
        inline.iter().all(has_module) && words(&code, &format!("fn {name}")).any(|at| is_test(&code, at))
    })
}

fn short_name(member: &Member) -> &str {
    member.name.strip_prefix("tickwire-").unwrap_or(&member.name)
}

/// Returns the modules that the path of a file represents, or `None` for a file of another package.
fn file_modules<'a>(path: &'a str, member: &Member, members: &[Member]) -> Option<Vec<&'a str>> {
    let is_inside = |member: &Member| path.starts_with(&format!("{}/", member.folder));
    let nested = members.iter().any(|other| other.folder.len() > member.folder.len() && is_inside(other));
    if !is_inside(member) || nested {
        return None;
    }
    let inner = path[member.folder.len() + 1..].strip_suffix(".rs")?;
    let inner = inner.strip_prefix("src/").or_else(|| inner.strip_prefix("tests/"))?;
    Some(inner.split('/').filter(|part| !["mod", "lib", "main", "tests"].contains(part)).collect())
}

/// Returns whether the function at `at` is a test that is not ignored.
fn is_test(code: &str, at: usize) -> bool {
    let above: Vec<&str> = code.lines().take(line(code, at) - 1).collect();
    let is_attribute = |line: &&&str| line.trim_start().starts_with("#[") || line.trim().is_empty();
    let attributes: Vec<&str> = above.iter().rev().take_while(is_attribute).map(|line| line.trim()).collect();
    let marks = ["#[test]", "#[quickcheck]", "#[async_std::test]", "#[wasm_bindgen_test]"];
    let is_ignored = attributes.iter().any(|line| line.starts_with("#[ignore"));
    let is_marked = attributes.iter().any(|line| marks.contains(line));
    !is_ignored && (is_marked || is_in_quickcheck(code, at))
}

fn is_in_quickcheck(code: &str, at: usize) -> bool {
    let starts = words(code, "quickcheck!").filter(|start| *start < at);
    let blocks = starts.filter_map(|start| code[start..].find('{').map(|open| start + open));
    blocks.into_iter().any(|open| open < at && at < after_block(code, open))
}

/// Returns whether the file `path` has an example that documentation tests compile. Examples marked `no_run` do not count.
/// If the file is not Rust source, a Rust file must include the file with `include_str!`.
#[must_use]
pub fn has_examples(path: &str, files: &[File]) -> bool {
    let Some(file) = files.iter().find(|file| file.path == path) else {
        return false;
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_included = |other: &File| {
        other.is_rust() && other.text.lines().any(|line| line.contains("include_str!") && line.contains(name))
    };
    if !file.is_rust() && !files.iter().any(is_included) {
        return false;
    }
    let fences = file.text.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = if file.is_rust() {
            line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))?.trim_start()
        } else {
            line
        };
        line.strip_prefix("```")
    });
    let opening = fences.step_by(2);
    opening.into_iter().any(|tag| matches!(tag.trim(), "" | "rust" | "should_panic" | "compile_fail"))
}

#[cfg(test)]
mod tests {
    use super::{has_examples, has_test};
    use crate::source::{File, Member};

    fn members() -> Vec<Member> {
        let member = |name: &str, folder: &str| Member {
            name: name.into(),
            folder: folder.into(),
            dependencies: Vec::new(),
        };
        vec![
            member("tickwire-core", "core"),
            member("tickwire-core-derive", "core/derive"),
            member("tickwire-tests", "tests"),
        ]
    }

    fn files() -> Vec<File> {
        vec![
            File::new(
                "core/src/channel/mod.rs",
                "#[test]\nfn holds() {}\n\n#[test]\n#[ignore]\nfn sleeps() {}",
            ),
            File::new("core/src/channel/tests.rs", "/// Why.\n#[test]\nfn also_holds() {}\nfn helper() {}"),
            File::new(
                "core/src/lib.rs",
                "mod inner {\n    quickcheck! {\n        fn law(x: u8) -> bool { x == x }\n    }\n    fn not_law() {}\n}",
            ),
            File::new("core/derive/src/lib.rs", "#[test]\nfn derives() {}"),
            File::new("tests/tests/acceptance.rs", "#[test]\nfn works() {}\n// #[test]\nfn talk() {}"),
        ]
    }

    #[test]
    fn a_test_is_found_by_its_crate_module_and_name() {
        for path in [
            "core::channel::holds",
            "core::channel::tests::holds",
            "core::channel::also_holds",
            "core::inner::law",
            "core-derive::derives",
            "tests::acceptance::works",
        ] {
            assert!(has_test(path, &files(), &members()), "{path} was not found");
        }
    }

    #[test]
    fn ignored_tests_and_functions_that_are_not_tests_are_not_found() {
        for path in [
            "core::channel::sleeps",
            "core::channel::helper",
            "core::channel::hold",
            "core::other::holds",
            "core::inner::not_law",
            "core::derives",
            "tests::acceptance::talk",
            "nobody::channel::holds",
            "holds",
        ] {
            assert!(!has_test(path, &files(), &members()), "{path} was found");
        }
    }

    #[test]
    fn only_a_compiled_documentation_example_counts_as_a_proof() {
        let files = [
            File::new("a.rs", "/// ```\n/// f();\n/// ```"),
            File::new("b.rs", "/// ```text\n/// f();\n/// ```"),
            File::new("c.md", "```rust\nf();\n```"),
            File::new("d.md", "```rust\nf();\n```"),
            File::new("e.rs", "#![doc = include_str!(\"../c.md\")]"),
        ];
        let found = ["a.rs", "b.rs", "c.md", "d.md", "e.rs", "f.rs"].map(|path| has_examples(path, &files));
        assert_eq!(found, [true, false, true, false, false, false]);
    }
}
