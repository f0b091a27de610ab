//! The ranges and steps in field attributes.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprRange, Lit, LitStr, Path, RangeLimits, Result, Type};

/// The bounds of an integer field, both included.
pub(crate) struct Bounds {
    pub(crate) low: TokenStream,
    pub(crate) high: TokenStream,
}

/// A range with both ends.
pub(crate) struct Range {
    low: Expr,
    end: Expr,
    is_closed: bool,
}

/// The range and the step of a float.
pub(crate) struct Division {
    low: TokenStream,
    high: TokenStream,
    step: TokenStream,
    /// The place in the source that an error of the range or step points to.
    span: Span,
}

impl Range {
    pub(crate) fn of(value: &Expr) -> Result<Self> {
        let range = match value {
            Expr::Range(range) => range.clone(),
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => range_in(text)?,
                _ => return Err(not_a_range(value)),
            },
            _ => return Err(not_a_range(value)),
        };
        let is_closed = matches!(range.limits, RangeLimits::Closed(_));
        let (Some(low), Some(end)) = (range.start, range.end) else { return Err(not_a_range(value)) };
        Ok(Self { low: *low, end: *end, is_closed })
    }

    /// Returns the bounds of a range of integers. `ty` is the type of the field.
    pub(crate) fn bounds(&self, ty: &Type) -> Result<Bounds> {
        if [&self.low, &self.end].into_iter().any(is_float) || is_float_type(ty) {
            return Err(Error::new(
                self.low.span(),
                "a float needs a `step` with its `range`, such as `range = -1.0..=1.0, step = 0.01`",
            ));
        }
        let (low, end) = (&self.low, &self.end);
        let high = if self.is_closed { quote!(#end) } else { quote!((#end) - 1) };
        Ok(Bounds { low: quote!(#low), high })
    }

    /// Returns the range, divided into steps.
    pub(crate) fn divided(&self, step: &Expr) -> Result<Division> {
        if !self.is_closed {
            return Err(Error::new(
                self.end.span(),
                "a range with a `step` includes both ends: write `..=` between them",
            ));
        }
        let (low, high, span) = (&self.low, &self.end, step.span());
        Ok(Division { low: quote!(#low), high: quote!(#high), step: quote!(#step), span })
    }
}

impl Division {
    /// Returns the constant `STEPS`, for a field whose float has `width` bits. `steps` is the path of `Steps`.
    pub(crate) fn constant(&self, steps: &Path, width: &TokenStream) -> TokenStream {
        let (low, high, step) = (&self.low, &self.high, &self.step);
        quote_spanned! {self.span=>
            #[allow(clippy::unnecessary_cast, clippy::cast_lossless)]
            const STEPS: #steps =
                match #steps::for_width((#low) as f64, (#high) as f64, (#step) as f64, #width) {
                    ::core::result::Result::Ok(steps) => steps,
                    ::core::result::Result::Err(error) => ::core::panic!("{}", error.text()),
                };
        }
    }
}

/// Returns the error of a `step` without a `range`.
pub(crate) fn step_alone(step: &Expr) -> Error {
    Error::new(step.span(), "`step` divides a `range`: give `range = low..=high` with it")
}

fn range_in(text: &LitStr) -> Result<ExprRange> {
    let parse = |input: syn::parse::ParseStream<'_>| input.parse::<ExprRange>();
    let range = parse.parse_str(&text.value());
    range.map_err(|error| Error::new(text.span(), error))
}

fn not_a_range(value: &Expr) -> Error {
    Error::new(value.span(), "expected a range with both ends, such as `0..=9`")
}

fn is_float(value: &Expr) -> bool {
    match value {
        Expr::Lit(literal) => matches!(literal.lit, Lit::Float(_)),
        Expr::Unary(unary) => is_float(&unary.expr),
        Expr::Paren(paren) => is_float(&paren.expr),
        _ => false,
    }
}

/// Returns `true` if the type is named as a float, or as an array of floats.
fn is_float_type(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => is_float_type(&array.elem),
        Type::Path(path) => path.path.is_ident("f32") || path.path.is_ident("f64"),
        _ => false,
    }
}
