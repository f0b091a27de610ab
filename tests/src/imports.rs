//! The imports between the files of a crate, and the cycles among these imports.
//!
//! A file imports from a second file if it imports or mentions an item that the second file defines. A re-exported name
//! counts as an import from the file that defines the name. A `mod.rs` that only declares and re-exports modules
//! therefore has no part in any cycle.

use std::collections::{BTreeMap, BTreeSet};

use crate::exceptions::Offence;
use crate::modules::{self, Import, Mention, Module};
use crate::source::File;

/// The largest number of re-exports that a name may pass through. A `use` that names itself would otherwise be followed
/// without end.
const RESOLVE_DEPTH_MAX: usize = 16;

/// A graph of imports: for each file, the files from which it imports, each with the number of the first line that
/// shows the import.
pub type Graph = BTreeMap<String, BTreeMap<String, usize>>;

/// The item or module to which a path leads.
#[derive(Clone, Copy)]
enum Place {
    /// An item that the module with this index defines.
    Item(usize),
    /// The module with this index.
    Module(usize),
}

/// Returns the root files of the workspace's libraries and programs.
#[must_use]
pub fn roots(files: &[File]) -> Vec<&str> {
    let is_root = |path: &str| {
        let Some((_, inner)) = path.rsplit_once("src/") else {
            return false;
        };
        let parts: Vec<&str> = inner.split('/').collect();
        matches!(
            parts.as_slice(),
            ["lib.rs" | "main.rs"] | ["bin", _] | [_, "main.rs"] | ["bin", _, "main.rs"]
        )
    };
    files.iter().map(|file| file.path.as_str()).filter(|path| is_root(path)).collect()
}

/// Returns the graph of imports of the crate whose root file is `root`.
#[must_use]
pub fn graph(root: &str, files: &[File]) -> Graph {
    let modules = modules::of_crate(root, files);
    let mut graph: Graph = modules.iter().map(|module| (module.file.clone(), BTreeMap::new())).collect();
    for (index, module) in modules.iter().enumerate() {
        for mention in needs(module) {
            let Some(Place::Item(target)) = resolve(&modules, index, &mention.path, 0) else { continue };
            let target = &modules[target].file;
            if *target != module.file
                && let Some(needed) = graph.get_mut(&module.file)
            {
                let line = needed.entry(target.clone()).or_insert(mention.line);
                *line = mention.line.min(*line);
            }
        }
    }
    graph
}

/// Returns the names that a module mentions, and the names that it imports privately, because a trait can be used
/// without being mentioned.
fn needs(module: &Module) -> impl Iterator<Item = &Mention> {
    let own = module.imports.iter().filter(|import| !import.is_passed_on && import.name != "*");
    own.map(|import| &import.from).chain(&module.mentions)
}

/// Returns the item or module to which a path in the code of a module leads, or `None` if it is in another crate.
fn resolve(modules: &[Module], at: usize, path: &[String], depth: usize) -> Option<Place> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => inside(modules, 0, rest, depth),
        "self" => inside(modules, at, rest, depth),
        "super" => {
            let parent = modules[at].parent?;
            if rest.first().is_some_and(|next| next == "super") {
                resolve(modules, parent, rest, depth)
            } else {
                inside(modules, parent, rest, depth)
            }
        }
        _ => inside(modules, at, path, depth),
    }
}

/// Returns the item or module to which a path relative to a module leads.
fn inside(modules: &[Module], at: usize, path: &[String], depth: usize) -> Option<Place> {
    let Some((first, rest)) = path.split_first() else {
        return Some(Place::Module(at));
    };
    if depth > RESOLVE_DEPTH_MAX {
        return None;
    }
    let module = &modules[at];
    let child = module.children.get(first).copied();
    if let (Some(child), false) = (child, rest.is_empty()) {
        return inside(modules, child, rest, depth);
    }
    if module.items.contains(first) {
        return Some(Place::Item(at));
    }
    if let Some(child) = child {
        return Some(Place::Module(child));
    }
    let named = module.imports.iter().filter(|import| import.name == *first);
    let through = |import: &Import| {
        let path = [import.from.path.as_slice(), rest].concat();
        // `use rand;` brings in a crate under its own name, and leads nowhere in this one.
        (import.from.path.as_slice() != std::slice::from_ref(first))
            .then(|| resolve(modules, at, &path, depth + 1))?
    };
    let globs = module.imports.iter().filter(|import| import.name == "*");
    let through_glob = |import: &Import| match resolve(modules, at, &import.from.path, depth + 1)? {
        Place::Module(other) => inside(modules, other, path, depth + 1),
        Place::Item(_) => None,
    };
    named.filter_map(through).next().or_else(|| globs.filter_map(through_glob).next())
}

/// Returns the import cycles of a graph. A cycle is a group of files in which each file imports each other file,
/// directly or through further files.
///
/// The path of an offence is the first entry of `names` that is a file of the cycle. Without such an entry, the path is the
/// first file of the cycle in alphabetical order. The number of an offence is the number of files in the cycle.
#[must_use]
pub fn circles(graph: &Graph, names: &[(&str, usize)]) -> Vec<Offence> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (file.as_str(), reachable(graph, file))).collect();
    let mut placed = BTreeSet::new();
    let mut circles = Vec::new();
    for (file, others) in &reach {
        if others.contains(file) && !placed.contains(file) {
            let is_inside = |other: &&str| reach[*other].contains(file);
            let circle: Vec<&str> = others.iter().copied().filter(is_inside).collect();
            let name = names.iter().map(|(name, _)| *name).find(|name| circle.contains(name)).unwrap_or(file);
            let text = describe(&circle, graph);
            circles.push(Offence { path: name.to_owned(), number: circle.len(), text });
            placed.extend(circle);
        }
    }
    circles
}

/// Describes a cycle: a line for each import between files of the cycle.
fn describe(circle: &[&str], graph: &Graph) -> String {
    let mut text =
        format!("{} files import each other in a cycle; move the shared items to one file:", circle.len());
    for file in circle {
        let needed = graph.get(*file).into_iter().flatten();
        for (other, line) in needed.filter(|(other, _)| circle.contains(&other.as_str())) {
            text += &format!("\n    {file}:{line} imports {other}");
        }
    }
    text
}

/// Reports the type names that more than one file of a crate defines, except the names in `except`. The root file of the
/// crate is `root`.
#[must_use]
pub fn shared_names(root: &str, files: &[File], except: &[&str]) -> Option<Offence> {
    // Two types of one name in one file are alternatives, of which a feature chooses.
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for module in modules::of_crate(root, files) {
        for name in module.types {
            places.entry(name).or_default().insert(module.file.clone());
        }
    }
    places.retain(|name, files| files.len() > 1 && !except.contains(&name.as_str()));
    let line = |(name, files): (String, BTreeSet<String>)| {
        let files: Vec<String> = files.into_iter().collect();
        format!("`{name}` is defined in {}; rename all types but one", files.join(", "))
    };
    Offence::all(root, &places.into_iter().map(line).collect::<Vec<_>>())
}

fn reachable<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    found
}
