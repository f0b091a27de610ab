//! Finds the parts of a file that are compiled only for tests, with a parser.

use proc_macro2::Span;
use syn::visit::Visit;
use syn::{Attribute, File};

/// Parses the text of the file `path`. If the text is not valid Rust, the function panics with a message that names
/// `path`.
#[must_use]
pub fn parse(path: &str, text: &str) -> File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns whether an item with these attributes is compiled only for tests.
#[must_use]
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        let tokens = attribute.meta.require_list().map(|list| list.tokens.to_string().replace(' ', ""));
        let is_test = |tokens: String| tokens == "test" || tokens.starts_with("all(test,");
        attribute.path().is_ident("cfg") && tokens.is_ok_and(is_test)
    };
    attributes.iter().any(is_test)
}

/// Defines the methods of a [`Visit`] that stop at items which are compiled only for tests, and pass their spans to
/// `self.leave_out`.
macro_rules! leave_tests_out {
    () => {
        $crate::syntax::leave_tests_out! {
            visit_arm: Arm,
            visit_expr_block: ExprBlock,
            visit_expr_call: ExprCall,
            visit_expr_method_call: ExprMethodCall,
            visit_field: Field,
            visit_field_value: FieldValue,
            visit_impl_item_const: ImplItemConst,
            visit_impl_item_fn: ImplItemFn,
            visit_item_const: ItemConst,
            visit_item_enum: ItemEnum,
            visit_item_fn: ItemFn,
            visit_item_impl: ItemImpl,
            visit_item_macro: ItemMacro,
            visit_item_static: ItemStatic,
            visit_item_struct: ItemStruct,
            visit_item_trait: ItemTrait,
            visit_item_type: ItemType,
            visit_local: Local,
            visit_stmt_macro: StmtMacro,
            visit_variant: Variant,
        }
    };
    ($($visit:ident: $node:ident),* $(,)?) => {$(
        fn $visit(&mut self, node: &'a syn::$node) {
            if $crate::syntax::is_for_tests(&node.attrs) {
                self.leave_out(syn::spanned::Spanned::span(node));
            } else {
                syn::visit::$visit(self, node);
            }
        }
    )*};
}
pub(crate) use leave_tests_out;

/// Returns the text with items that are compiled only for tests replaced by spaces. Line numbers do not change.
#[must_use]
pub fn without_tests(path: &str, text: &str) -> String {
    let mut tests = Tests { spans: Vec::new() };
    tests.visit_file(&parse(path, text));
    let mut lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    for span in tests.spans {
        let (start, end) = (span.start(), span.end());
        for (index, line) in lines.iter_mut().enumerate().take(end.line).skip(start.line - 1) {
            let from = if index + 1 == start.line { start.column } else { 0 };
            let to = if index + 1 == end.line { end.column } else { line.len() };
            // The comma after a field goes with it.
            let is_comma = index + 1 == end.line && line.get(to) == Some(&',');
            line[from..to + usize::from(is_comma)].fill(' ');
        }
    }
    let lines = lines.into_iter().map(|line| line.into_iter().collect::<String>());
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_end().to_owned() + "\n"
}

struct Tests {
    spans: Vec<Span>,
}

impl Tests {
    fn leave_out(&mut self, span: Span) {
        self.spans.push(span);
    }
}

impl<'a> Visit<'a> for Tests {
    leave_tests_out!();
    leave_tests_out! {
        visit_item_mod: ItemMod,
        visit_item_use: ItemUse,
    }
}

#[cfg(test)]
mod tests {
    use super::without_tests;

    #[test]
    fn without_tests_removes_test_code_at_any_position_in_a_file() {
        let text = "struct A {\n    #[cfg(test)]\n    b: [u8; 3],\n    c: u8,\n}\nfn f(a: &A) {\n    #[cfg(test)]\n    \
                    a.g();\n    h('ä'); /* ü */ #[cfg(test)] k(); l();\n}\n#[cfg(all(test, unix))]\nmod tests {\n    fn t() {}\n}\n";
        let rest = without_tests("a.rs", text);
        let words: Vec<&str> = rest.split_whitespace().collect();
        let expected = "struct A { c: u8, } fn f(a: &A) { ; h('ä'); /* ü */ ; l(); }";
        assert_eq!(words.join(" "), expected);
        assert_eq!(rest.lines().nth(3), Some("    c: u8,"));
    }
}
