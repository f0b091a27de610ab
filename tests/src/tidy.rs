//! Rules for the files of the workspace, beyond those of the compiler and the lints.
//!
//! Each rule takes files and returns faults, one line each, so that a test can pass it a bad file and check the faults.

use std::collections::BTreeSet;

use crate::exceptions::Offence;
use crate::lexer::{Keep, after_block, blank, is_word, line, words};
use crate::source::{File, Member};
use crate::syntax::without_tests;

/// The largest permitted number of lines of a function, from the line with `fn` to the line with the closing brace.
pub const FUNCTION_LINES_MAX: usize = 69;
/// The largest permitted number of lines of a file. Tests at the end of a shipped file do not count.
pub const FILE_LINES_MAX: usize = 449;

/// Returns the Rust files of product code: all Rust files outside of folders and modules for tests. The texts omit the
/// code under `#[cfg(test)]`.
#[must_use]
pub fn shipped(files: &[File]) -> Vec<File> {
    let tests = test_modules(files);
    let is_test = |file: &File| {
        file.path.split('/').any(|part| part == "tests" || part == "tests.rs")
            || tests.iter().any(|module| file.path.starts_with(module))
    };
    let rust = files.iter().filter(|file| file.is_rust() && !is_test(file));
    rust.map(|file| File::new(&*file.path, without_tests(&file.path, &file.text))).collect()
}

/// Returns the beginnings of the paths (`folder/name.` and `folder/name/`) of modules declared under `#[cfg(test)]`.
fn test_modules(files: &[File]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let stem = file.path.trim_end_matches(".rs");
        let folder = ["/mod", "/lib", "/main"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
        let code = file.code();
        for at in words(&code, "#[cfg(test)]") {
            let item: String = code[at..].split_inclusive([';', '{']).next().unwrap_or_default().into();
            let name = item.split("mod ").nth(1).and_then(|rest| rest.strip_suffix(';'));
            found.extend(
                name.iter().flat_map(|name| [format!("{folder}/{name}."), format!("{folder}/{name}/")]),
            );
        }
    }
    found
}

/// Returns all Rust files. The texts of shipped files omit the tests inside them.
#[must_use]
pub fn rust(files: &[File]) -> Vec<File> {
    let shipped = shipped(files);
    let find = |path: &str| shipped.iter().find(|other| other.path == path).cloned();
    let rust = files.iter().filter(|file| file.is_rust());
    rust.map(|file| find(&file.path).unwrap_or_else(|| file.clone())).collect()
}

/// Reports `file` if it has functions longer than [`FUNCTION_LINES_MAX`], with the number of such functions.
#[must_use]
pub fn long_functions(file: &File) -> Option<Offence> {
    let code = file.code();
    let mut found = Vec::new();
    for at in words(&code, "fn") {
        let Some((name, open)) = function(&code, at) else { continue };
        let lines = line(&code, after_block(&code, open)) - line(&code, at) + 1;
        if lines > FUNCTION_LINES_MAX {
            found.push(format!(
                "{}:{}: `{name}` has {lines} lines; the limit is {FUNCTION_LINES_MAX}",
                file.path,
                line(&code, at)
            ));
        }
    }
    Offence::all(&file.path, &found)
}

/// Returns the name of the function whose `fn` is at `at`, and the position of its body. `None` for a function without
/// a body.
fn function(code: &str, at: usize) -> Option<(&str, usize)> {
    let rest = code[at + 2..].trim_start();
    let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
    let mut depth = 0_usize;
    for (place, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '{' if depth == 0 => return (!name.is_empty()).then_some((name, at + place)),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Returns the lint tables (`[workspace.lints.*]`) of `manifest`, the text of the workspace's `Cargo.toml`.
#[must_use]
pub fn lints(manifest: &str) -> String {
    let tables = manifest.split("\n[").filter(|table| table.starts_with("workspace.lints."));
    tables.map(|table| format!("[{}\n", table.trim_end())).collect()
}

/// Reports `file` if it is longer than [`FILE_LINES_MAX`], with the number of its lines.
#[must_use]
pub fn long_file(file: &File) -> Option<Offence> {
    let number = file.text.lines().count();
    let text = format!("{}: the file has {number} lines; the limit is {FILE_LINES_MAX}", file.path);
    (number > FILE_LINES_MAX).then(|| Offence { path: file.path.clone(), number, text })
}

/// Returns the places at which the code of a file contains one of the words in `forbidden`.
#[must_use]
pub fn forbidden_words(file: &File, forbidden: &[&str]) -> Vec<String> {
    let code = file.code();
    let found = forbidden.iter().flat_map(|word| words(&code, word).map(move |at| (word, at)));
    found.map(|(word, at)| format!("{}:{}: `{word}`", file.path, line(&code, at))).collect()
}

/// Returns the places at which a file uses or imports the clock of the standard library, `std::time::Instant`.
#[must_use]
pub fn clocks(file: &File) -> Vec<String> {
    let code = file.code();
    let statement = |at: usize| code[at..].split([';', ')', '=']).next().unwrap_or_default();
    let is_clock = |at: &usize| words(statement(*at), "Instant").next().is_some();
    let found = words(&code, "std::time").filter(is_clock);
    found
        .map(|at| {
            format!(
                "{}:{}: uses the clock of the standard library; use the core's `Instant` instead",
                file.path,
                line(&code, at)
            )
        })
        .collect()
}

/// Returns the places at which a file has a note about unfinished work, or calls a macro for unfinished work or for
/// debugging.
#[must_use]
pub fn unfinished(file: &File) -> Vec<String> {
    let notes = blank(&file.text, Keep::CodeAndComments);
    let code = file.code();
    let in_notes =
        ["TODO", "FIXME", "XXX"].into_iter().flat_map(|word| words(&notes, word).map(move |at| (word, at)));
    let macros = ["todo!", "unimplemented!", "dbg!"];
    let in_code = macros.into_iter().flat_map(|word| words(&code, word).map(move |at| (word, at)));
    let mut faults: Vec<String> =
        in_notes.map(|(word, at)| format!("{}:{}: {word}", file.path, line(&notes, at))).collect();
    faults.extend(in_code.map(|(word, at)| format!("{}:{}: {word}", file.path, line(&code, at))));
    faults
}

/// Returns the public enums that are not `#[non_exhaustive]`, and are not in `except`. A later version
/// cannot add variants to such an enum without breaking users' code.
#[must_use]
pub fn exhaustive_enums(file: &File, except: &[&str]) -> Vec<String> {
    let code = file.code();
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let mut faults = Vec::new();
    for (number, text) in lines.iter().enumerate() {
        let Some(rest) = text.strip_prefix("pub enum ") else { continue };
        let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        let above = lines[..number].iter().rev().take_while(|line| line.is_empty() || line.starts_with("#["));
        if !above.into_iter().any(|line| *line == "#[non_exhaustive]") && !except.contains(&name) {
            faults.push(format!(
                "{}:{}: `{name}` is not #[non_exhaustive]; add the attribute",
                file.path,
                number + 1
            ));
        }
    }
    faults
}

/// Returns the dependencies of `member` for which `is_wrong` returns `true`. A dependency of the package's tests counts
/// only if it is a package of the workspace.
#[must_use]
pub fn wrong_arrows(member: &Member, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let is_own = |name: &str| name == "tickwire" || name.starts_with("tickwire-");
    let counted = member.dependencies.iter().filter(|one| !one.is_for_tests || is_own(&one.name));
    let wrong = counted.filter(|one| is_wrong(&one.name));
    wrong.map(|one| format!("{} must not depend on {}", member.name, one.name)).collect()
}

/// Returns the snapshot files with which no test compares a value.
///
/// A snapshot file belongs to the source file that its header names. This source file must contain the snapshot's
/// name, either in quotes or as the name of the test.
#[must_use]
pub fn lonely_snapshots(files: &[File]) -> Vec<String> {
    let snapshots = files.iter().filter(|file| file.path.ends_with(".snap"));
    snapshots
        .filter(|file| !is_compared(file, files))
        .map(|file| format!("{}: no test uses this snapshot; delete the file", file.path))
        .collect()
}

fn is_compared(snapshot: &File, files: &[File]) -> bool {
    let stem = snapshot.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".snap");
    let name = stem.rsplit("__").next().unwrap_or_default();
    let unnumbered = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    let head = snapshot.text.lines().find_map(|line| line.strip_prefix("source: "));
    let source = head.map(|path| path.trim().trim_matches('"'));
    let Some(source) = files.iter().find(|file| Some(file.path.as_str()) == source) else {
        return false;
    };
    let is_quoted = source.text.contains(&format!("\"{name}\""));
    let has_function = |name: &str| words(&source.text, &format!("fn {name}")).next().is_some();
    is_quoted
        || [name, unnumbered].iter().any(|name| has_function(name) || has_function(&format!("test_{name}")))
}

/// Returns the paragraphs of documentation comments that begin with What, Who, Whoever or That which, because such
/// a sentence hides its subject. The function ignores examples.
#[must_use]
pub fn hidden_subjects(file: &File) -> Vec<String> {
    let comments = blank(&file.text, Keep::CodeAndComments);
    let mut faults = Vec::new();
    let (mut is_inside, mut is_example) = (false, false);
    for (number, text) in comments.lines().map(str::trim).enumerate() {
        let text = text.strip_prefix("////").map_or(text, |_| "");
        let words = text.strip_prefix("///").or_else(|| text.strip_prefix("//!")).map(str::trim);
        is_example = words.is_some_and(|words| is_example != words.starts_with("```"));
        let opening = words.filter(|words| !is_inside && !is_example && hides_its_subject(words));
        faults.extend(opening.map(|words| format!("{}:{}: {words}", file.path, number + 1)));
        is_inside = words.is_some_and(|words| !words.is_empty() && !words.starts_with("# "));
    }
    faults
}

fn hides_its_subject(sentence: &str) -> bool {
    ["What", "Who", "Whoever", "That which"].iter().any(|opening| {
        sentence.strip_prefix(opening).is_some_and(|rest| !rest.starts_with(|c| is_word(c) || c == '\''))
    })
}

/// Returns the places at which a file contains an absolute path of a developer's machine.
#[must_use]
pub fn machine_paths(file: &File) -> Vec<String> {
    let folders = [concat!("/", "work"), concat!("/", "root"), concat!("/", "home")];
    let mut faults = Vec::new();
    for folder in folders {
        for (at, _) in file.text.match_indices(folder) {
            let before = file.text[..at].chars().next_back();
            let after = file.text[at + folder.len()..].chars().next();
            let is_inner = |c: char| is_word(c) || "-.$}~:*".contains(c);
            if !before.is_some_and(is_inner) && !after.is_some_and(|c| is_word(c) || c == '-') {
                faults.push(format!(
                    "{}:{}: contains an absolute path of a developer's machine; use a relative path",
                    file.path,
                    line(&file.text, at)
                ));
            }
        }
    }
    faults
}

/// Returns the links between documents for whose target `exists` returns `false`.
#[must_use]
pub fn broken_links(file: &File, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let targets = file.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with(['#', '<']));
    let path = |target: &str| {
        let target = target.split('#').next().unwrap_or_default();
        if folder.is_empty() { target.to_owned() } else { format!("{folder}/{target}") }
    };
    let broken = local.filter(|target| !exists(&path(target)));
    broken
        .map(|target| {
            format!("{}: the target of the link {target} does not exist; correct the link", file.path)
        })
        .collect()
}
