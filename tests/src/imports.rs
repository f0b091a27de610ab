//! The modules of a crate: which file imports from which, and what types they name.

use std::collections::{BTreeMap, BTreeSet};

use crate::lexer::{is_word, words};
use crate::source::File;

/// The path of a module from the root of its crate, which is the empty path.
type Path = Vec<String>;

/// The modules of one crate that have files of their own.
#[derive(Debug)]
pub struct Crate {
    modules: BTreeMap<Path, Module>,
}

#[derive(Debug)]
struct Module {
    file: String,
    code: String,
    imports: Vec<Import>,
}

/// One name that a `use` brings in. It is `*` for everything of a module.
#[derive(Debug)]
struct Import {
    name: String,
    path: Path,
    /// Whether others may take it from here.
    is_exported: bool,
}

impl Crate {
    /// The crate whose root is the file at `root`.
    #[must_use]
    pub fn of(files: &[File], root: &str) -> Self {
        let mut found = Self { modules: BTreeMap::new() };
        found.add(files, root, Path::new());
        found
    }

    fn add(&mut self, files: &[File], path: &str, module: Path) {
        let Some(file) = files.iter().find(|file| file.path == path) else { return };
        let code = file.code();
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let owns_folder = module.is_empty() || name == "mod.rs";
        let folder = if owns_folder { parent } else { path.trim_end_matches(".rs") };
        for at in words(&code, "mod") {
            let Some((child, _)) = code[at + 3..].split_once(';') else { continue };
            let child = child.trim();
            if child.is_empty() || !child.chars().all(is_word) {
                continue;
            }
            let inner = [module.as_slice(), &[child.to_owned()]].concat();
            for place in [format!("{folder}/{child}.rs"), format!("{folder}/{child}/mod.rs")] {
                self.add(files, &place, inner.clone());
            }
        }
        let imports =
            statements(&code).flat_map(|(at, tree)| imports(tree, is_exported(&code, at))).collect();
        self.modules.insert(module, Module { file: file.path.clone(), code, imports });
    }

    /// Files that import from each other in a circle, one line for each circle.
    ///
    /// To export a name again is not to import it: an import through a file that does counts as one from the file that
    /// defines the name.
    #[must_use]
    pub fn circles(&self) -> Vec<String> {
        let edges: BTreeMap<&Path, BTreeSet<&Path>> =
            self.modules.keys().map(|module| (module, self.imported(module))).collect();
        let reached: BTreeMap<&Path, BTreeSet<&Path>> =
            edges.keys().map(|module| (*module, reached(&edges, module))).collect();
        let is_mutual = |a: &Path, b: &Path| reached[a].contains(b) && reached[b].contains(a);
        let mut faults = BTreeSet::new();
        for module in self.modules.keys().filter(|module| is_mutual(module, module)) {
            let circle = self.modules.iter().filter(|(other, _)| is_mutual(module, other));
            let names: Vec<&str> = circle.map(|(_, module)| module.file.as_str()).collect();
            faults.insert(format!("these import from each other: {}", names.join(", ")));
        }
        faults.into_iter().collect()
    }

    /// The modules that a module needs.
    fn imported(&self, from: &Path) -> BTreeSet<&Path> {
        let module = &self.modules[from];
        let code = without_statements(&module.code);
        let is_used = |import: &&Import| !import.is_exported || words(&code, &import.name).next().is_some();
        let mut paths: Vec<Path> =
            module.imports.iter().filter(is_used).map(|import| import.path.clone()).collect();
        paths.extend(paths_in(&code).into_iter().map(|path| {
            // A path may begin with what a `use` brought in.
            let import = module.imports.iter().find(|import| Some(&import.name) == path.first());
            import.map_or_else(|| path.clone(), |import| [&import.path, &path[1..]].concat())
        }));
        let needed = paths.iter().filter_map(|path| self.definition(from, path, &mut Vec::new()));
        needed.filter(|module| *module != from).collect()
    }

    /// The module that defines what a path names, as seen from `from`; none for other crates and for modules themselves.
    fn definition(&self, from: &Path, path: &[String], seen: &mut Vec<(Path, String)>) -> Option<&Path> {
        let (mut module, mut rest) = self.absolute(from, path)?;
        while let Some((first, others)) = rest.split_first() {
            let inner = [module.as_slice(), std::slice::from_ref(first)].concat();
            if !self.modules.contains_key(&inner) {
                break;
            }
            (module, rest) = (inner, others);
        }
        let name = rest.first()?;
        let (module, found) = self.modules.get_key_value(&module)?;
        if name == "*" || defines(&found.code, name) || seen.contains(&(module.clone(), name.clone())) {
            return Some(module);
        }
        seen.push((module.clone(), name.clone()));
        if let Some(import) = found.imports.iter().find(|import| import.name == *name) {
            return self.definition(module, &import.path, seen);
        }
        let globs = found.imports.iter().filter(|import| import.name == "*");
        let mut through = globs.filter_map(|glob| {
            let path = [&glob.path[..glob.path.len() - 1], std::slice::from_ref(name)].concat();
            self.definition(module, &path, seen).filter(|module| defines(&self.modules[*module].code, name))
        });
        Some(through.next().unwrap_or(module))
    }

    /// A path from the root of the crate; none if it leads to another crate.
    fn absolute<'a>(&self, from: &Path, path: &'a [String]) -> Option<(Path, &'a [String])> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Path::new(), rest)),
            "self" => Some((from.clone(), rest)),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                Some((from[..from.len().checked_sub(ups)?].to_vec(), &path[ups..]))
            }
            _ => {
                let child = [from.as_slice(), std::slice::from_ref(first)].concat();
                self.modules.contains_key(&child).then(|| (from.clone(), path))
            }
        }
    }

    /// Types that share their name with another one of the crate.
    #[must_use]
    pub fn shared_names(&self, except: &[&str]) -> Vec<String> {
        let mut named: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for module in self.modules.values() {
            for name in types(&module.code) {
                named.entry(name).or_default().push(&module.file);
            }
        }
        named.retain(|name, files| files.len() > 1 && !except.contains(&name.as_str()));
        named
            .into_iter()
            .map(|(name, files)| format!("`{name}` is defined in {}", files.join(", ")))
            .collect()
    }
}

/// What is reached from a module over one import or more.
fn reached<'a>(edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>, from: &Path) -> BTreeSet<&'a Path> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<&Path> = edges[from].iter().copied().collect();
    while let Some(module) = waiting.pop() {
        if found.insert(module) {
            waiting.extend(&edges[module]);
        }
    }
    found
}

/// The `use` statements of a file: where each begins, and what follows the word.
fn statements(code: &str) -> impl Iterator<Item = (usize, &str)> {
    words(code, "use").filter_map(|at| {
        let rest = &code[at + 3..];
        let tree = &rest[..rest.find(';')?];
        tree.starts_with(char::is_whitespace).then_some((at, tree))
    })
}

/// Whether the statement at a place begins with `pub`.
fn is_exported(code: &str, at: usize) -> bool {
    let before = code[..at].trim_end();
    before.rsplit([';', '}', '\n']).next().unwrap_or_default().trim_start().starts_with("pub")
}

fn without_statements(code: &str) -> String {
    let mut left = code.to_owned();
    for (at, tree) in statements(code) {
        let end = at + 3 + tree.len();
        left.replace_range(at..end, &" ".repeat(end - at));
    }
    left
}

/// The names that the tree of a `use` brings in.
fn imports(tree: &str, is_exported: bool) -> Vec<Import> {
    let tree = tree.trim();
    if let Some((before, inner)) = tree.split_once('{') {
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        return split(inner).flat_map(|part| imports(&format!("{before}{part}"), is_exported)).collect();
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
    let mut path: Path = path.split("::").map(|part| part.trim().to_owned()).collect();
    let is_itself = path.len() > 1 && path.last().is_some_and(|last| last == "self");
    if is_itself {
        path.pop();
    }
    let name =
        alias.map_or_else(|| path.last().cloned().unwrap_or_default(), |alias| alias.trim().to_owned());
    if path.iter().all(String::is_empty) { Vec::new() } else { vec![Import { name, path, is_exported }] }
}

/// Parts between commas that no bracket encloses.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let mut before = ' ';
    text.split(move |c| {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        before = c;
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

/// The paths of two words and more in code.
fn paths_in(code: &str) -> Vec<Path> {
    let is_part = |c: char| is_word(c) || c == ':';
    let spans = code.split(|c| !is_part(c)).filter(|span| span.contains("::") && !span.starts_with(':'));
    let parts = |span: &str| span.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    spans.map(parts).filter(|path: &Path| path.len() > 1).collect()
}

/// Whether a file defines an item of this name.
fn defines(code: &str, name: &str) -> bool {
    let kinds = ["struct", "enum", "union", "trait", "type", "fn", "const", "static", "mod", "macro_rules!"];
    words(code, name).any(|at| {
        let before = code[..at].trim_end();
        before.len() < at && kinds.iter().any(|kind| before.ends_with(kind))
    })
}

/// The names of the types that a file defines, those of traits left out.
fn types(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for kind in ["struct", "enum", "union", "trait", "type"] {
        for at in words(code, kind) {
            let line = code[..at].rsplit('\n').next().unwrap_or_default();
            let is_associated = kind == "type" && line.starts_with(' ');
            let rest = code[at + kind.len()..].trim_start();
            let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
            if !is_associated && name.starts_with(char::is_uppercase) {
                names.push(name.to_owned());
            }
        }
    }
    names
}
