//! The modules of a crate: the file of each module, and the names that the module defines, imports and mentions.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

use crate::source::File;
use crate::syntax::{self, is_for_tests, leave_tests_out};

/// A path in code, such as `super::frame::Frame`, and the number of its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mention {
    /// The names in the path, which `::` separates.
    pub path: Vec<String>,
    /// The number of the line, counted from 1.
    pub line: usize,
}

/// A name that a `use` brings into a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// The name in the module; `*` for a glob, and `_` for a trait that is imported only for its methods.
    pub name: String,
    /// The imported path, and the number of its line.
    pub from: Mention,
    /// `true` if other modules can import the name from this module.
    pub is_passed_on: bool,
}

/// A module of a crate, in its own file or inline.
#[derive(Clone, Default, Debug)]
pub struct Module {
    /// The path of the file that contains the module.
    pub file: String,
    /// The index of the parent module, or `None` for the root of the crate.
    pub parent: Option<usize>,
    /// The indexes of the child modules, by name.
    pub children: BTreeMap<String, usize>,
    /// The names of the items that the module defines.
    pub items: BTreeSet<String>,
    /// The names of the types and traits that the module defines.
    pub types: BTreeSet<String>,
    /// The names that the module imports.
    pub imports: Vec<Import>,
    /// The paths that the module's code mentions.
    pub mentions: Vec<Mention>,
}

/// Returns the modules of the crate whose root file is `root`. The root module comes first.
///
/// The function omits modules and items under `#[cfg(test)]`.
#[must_use]
pub fn of_crate(root: &str, files: &[File]) -> Vec<Module> {
    let texts = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    let mut reader = Reader { texts, modules: Vec::new() };
    let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
    reader.file(root, folder, None);
    reader.modules
}

struct Reader<'a> {
    texts: BTreeMap<&'a str, &'a str>,
    modules: Vec<Module>,
}

impl Reader<'_> {
    /// Reads the module in the file `path`. The files of its child modules are in `folder`.
    fn file(&mut self, path: &str, folder: &str, parent: Option<usize>) -> Option<usize> {
        let text = self.texts.get(path)?;
        let parsed = syntax::parse(path, text);
        Some(self.module(&parsed.items, path, folder, parent))
    }

    fn module(&mut self, items: &[Item], path: &str, folder: &str, parent: Option<usize>) -> usize {
        let own = self.modules.len();
        self.modules.push(Module { file: path.to_owned(), parent, ..Module::default() });
        let mut code = Code { module: Module::default(), inner: Vec::new() };
        items.iter().for_each(|item| code.visit_item(item));
        let Code { module: Module { items, types, imports, mentions, .. }, inner } = code;
        let children = inner.into_iter().filter_map(|child| {
            let name = child.ident.to_string();
            let stem = format!("{folder}/{name}");
            let index = if let Some((_, items)) = &child.content {
                Some(self.module(items, path, &stem, Some(own)))
            } else {
                let places = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
                places.iter().find_map(|place| self.file(place, &stem, Some(own)))
            };
            Some((name, index?))
        });
        let children = children.collect();
        let module = &mut self.modules[own];
        (module.children, module.items, module.types) = (children, items, types);
        (module.imports, module.mentions) = (imports, mentions);
        own
    }
}

/// Collects the names of one module from its syntax.
struct Code<'a> {
    module: Module,
    inner: Vec<&'a syn::ItemMod>,
}

/// Returns whether an item is a type or a trait.
const fn is_type(item: &Item) -> bool {
    matches!(
        item,
        Item::Enum(_)
            | Item::Struct(_)
            | Item::Trait(_)
            | Item::TraitAlias(_)
            | Item::Type(_)
            | Item::Union(_)
    )
}

/// Returns the name that an item defines in its module.
fn defined(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::TraitAlias(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

impl Code<'_> {
    fn leave_out(&mut self, _: Span) {}
}

impl<'a> Visit<'a> for Code<'a> {
    leave_tests_out!();

    fn visit_item(&mut self, item: &'a Item) {
        let name = defined(item).map(ToString::to_string);
        self.module.items.extend(name.clone());
        self.module.types.extend(name.filter(|_| is_type(item)));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            self.inner.push(item);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if !is_for_tests(&item.attrs) && item.leading_colon.is_none() {
            let is_passed_on = !matches!(item.vis, Visibility::Inherited);
            collect_imports(&item.tree, &mut Vec::new(), is_passed_on, &mut self.module.imports);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.leading_colon.is_none()
            && let Some(first) = path.segments.first()
        {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.module.mentions.push(Mention { path: names, line: line(&first.ident) });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'a syn::Macro) {
        visit::visit_macro(self, invocation);
        collect_mentions(invocation.tokens.clone(), &mut self.module.mentions);
    }

    /// Ignores `pub(in path)`, because the path states who may see an item, not what the item needs.
    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}

    fn visit_attribute(&mut self, _: &'a Attribute) {}
}

fn line(ident: &Ident) -> usize {
    ident.span().start().line
}

fn collect_imports(tree: &UseTree, path: &mut Vec<String>, is_passed_on: bool, imports: &mut Vec<Import>) {
    let mut import = |name: String, last: Option<&Ident>, at: usize| {
        let mut path = path.clone();
        path.extend(last.map(ToString::to_string).filter(|last| last != "self"));
        imports.push(Import { name, from: Mention { path, line: at }, is_passed_on });
    };
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            collect_imports(&inner.tree, path, is_passed_on, imports);
            path.pop();
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| collect_imports(tree, path, is_passed_on, imports));
        }
        UseTree::Name(one) if one.ident == "self" => {
            let name = path.last().cloned().unwrap_or_default();
            import(name, None, line(&one.ident));
        }
        UseTree::Name(one) => import(one.ident.to_string(), Some(&one.ident), line(&one.ident)),
        UseTree::Rename(one) => import(one.rename.to_string(), Some(&one.ident), line(&one.ident)),
        UseTree::Glob(glob) => import("*".to_owned(), None, glob.star_token.span.start().line),
    }
}

/// Collects the paths in the tokens of a macro, which the parser does not parse.
fn collect_mentions(tokens: TokenStream, mentions: &mut Vec<Mention>) {
    let mut path: Vec<String> = Vec::new();
    let mut at = 0;
    // How many colons stand before this token, and whether a dot does: then a field or a method follows.
    let (mut colons, mut is_field) = (0, false);
    let mut end = |path: &mut Vec<String>, line| {
        if !path.is_empty() {
            mentions.push(Mention { path: std::mem::take(path), line });
        }
    };
    let mut groups = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    end(&mut path, at);
                    at = line(&ident);
                }
                if !is_field && (colons != 2 || !path.is_empty()) {
                    path.push(ident.to_string());
                }
                (colons, is_field) = (0, false);
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            TokenTree::Punct(punct) => {
                end(&mut path, at);
                (colons, is_field) = (0, punct.as_char() == '.');
            }
            TokenTree::Group(group) => {
                end(&mut path, at);
                (colons, is_field) = (0, false);
                groups.push(group.stream());
            }
            TokenTree::Literal(_) => {
                end(&mut path, at);
                (colons, is_field) = (0, false);
            }
        }
    }
    end(&mut path, at);
    groups.into_iter().for_each(|group| collect_mentions(group, mentions));
}
