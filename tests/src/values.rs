//! Counts the values that functions take as parameters.

use syn::visit::{self, Visit};
use syn::{FnArg, Signature, Type};

use crate::exceptions::Offence;
use crate::source::File;
use crate::syntax;

/// The largest number of values that a function may take. `self` and each member of a tuple count.
pub const VALUES_MAX: usize = 7;

/// Reports `file` if it has functions that take more than [`VALUES_MAX`] values, with the number of such functions.
#[must_use]
pub fn crowded_functions(file: &File) -> Option<Offence> {
    let mut finder = Finder { path: &file.path, found: Vec::new() };
    finder.visit_file(&syntax::parse(&file.path, &file.text));
    Offence::all(&file.path, &finder.found)
}

struct Finder<'a> {
    path: &'a str,
    found: Vec<String>,
}

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_signature(&mut self, signature: &'a Signature) {
        let values = signature.inputs.iter().map(|input| match input {
            FnArg::Receiver(_) => 1,
            FnArg::Typed(input) => members(&input.ty),
        });
        let values: usize = values.sum();
        if values > VALUES_MAX {
            let (name, line) = (&signature.ident, signature.ident.span().start().line);
            self.found.push(format!(
                "{}:{line}: `{name}` takes {values} values; the limit is {VALUES_MAX}",
                self.path
            ));
        }
        visit::visit_signature(self, signature);
    }
}

/// Returns the number of values in a parameter. Each member of a tuple counts as one value.
fn members(ty: &Type) -> usize {
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().map(members).sum(),
        Type::Reference(reference) => members(&reference.elem),
        Type::Paren(inner) => members(&inner.elem),
        Type::Group(inner) => members(&inner.elem),
        _ => 1,
    }
}
