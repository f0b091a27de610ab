//! The attributes of a component's field, and the code generated for the field.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{Expr, Field, Ident, Path, Result, parse_quote};

use crate::attributes::for_each;
use crate::ranges::{Bounds, Division, Range, step_alone};

/// The code generated for a field.
pub(crate) struct Quantised {
    /// The number of words of the field.
    pub(crate) words: TokenStream,
    /// The field's `FieldSpec`.
    pub(crate) spec: TokenStream,
    /// Writes the words.
    pub(crate) quantise: TokenStream,
    /// Reads the words.
    pub(crate) restore: TokenStream,
}

/// The way in which a field becomes words.
enum Form {
    /// A field without attributes. The type of the field alone determines the words that encode the field.
    Plain,
    Integer(Bounds),
    Float(Division),
    Rotation(Expr),
    Angle(Expr),
}

/// The attributes of a field, before they are checked against each other.
#[derive(Default)]
struct Marks {
    range: Option<Range>,
    step: Option<Expr>,
    bits: Option<Expr>,
    quat: Option<Expr>,
    angle: Option<Expr>,
    threshold: Option<Expr>,
    /// The attribute `position` or `velocity`, if the field has one of them.
    motion: Option<Ident>,
}

impl Marks {
    fn of(field: &Field) -> Result<Self> {
        let mut this = Self::default();
        for_each(&field.attrs, |meta| this.read(&meta))?;
        Ok(this)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let value = || meta.value()?.parse::<Expr>();
        let is_twice = match key.as_str() {
            "range" => self.range.replace(Range::of(&value()?)?).is_some(),
            "step" => self.step.replace(value()?).is_some(),
            "bits" => self.bits.replace(value()?).is_some(),
            "quat" => self.quat.replace(value()?).is_some(),
            "angle" => self.angle.replace(value()?).is_some(),
            "threshold" => self.threshold.replace(value()?).is_some(),
            "position" | "velocity" => self.motion.replace(Ident::new(&key, meta.path.span())).is_some(),
            _ => {
                return Err(meta.error(
                    "expected `range`, `step`, `bits`, `quat`, `angle`, `threshold`, `position` or `velocity`",
                ));
            }
        };
        if is_twice {
            return Err(meta.error(match key.as_str() {
                "position" | "velocity" => {
                    "a field is either a position or a velocity: give one of the two attributes, once"
                }
                _ => "this attribute is given twice: give the attribute once",
            }));
        }
        let forms = [self.range.is_some(), self.bits.is_some(), self.quat.is_some(), self.angle.is_some()];
        if forms.into_iter().filter(|is_given| *is_given).count() > 1 {
            return Err(
                meta.error("`range`, `bits`, `quat` and `angle` each set the encoding of a field: give only one of the four")
            );
        }
        Ok(())
    }

    /// Returns the form of the field. Rejects attributes that the form does not support.
    fn form(&mut self, field: &Field, krate: &Path) -> Result<Form> {
        let has_range = self.range.is_some();
        let form = match (self.range.take(), self.step.take()) {
            (Some(range), Some(step)) => Form::Float(range.divided(&step)?),
            (None, Some(step)) => return Err(step_alone(&step)),
            (Some(range), None) => Form::Integer(range.bounds(&field.ty)?),
            (None, None) => match (self.bits.take(), self.quat.take(), self.angle.take()) {
                (Some(bits), ..) => Form::Integer(of_bits(&bits, field, krate)),
                (_, Some(bits), _) => Form::Rotation(bits),
                (.., Some(bits)) => Form::Angle(bits),
                _ => Form::Plain,
            },
        };
        if let (Form::Plain, Some(threshold)) = (&form, &self.threshold) {
            return Err(syn::Error::new(
                threshold.span(),
                "`threshold` needs `range`, `bits`, `quat` or `angle` on the same field: give one of them",
            ));
        }
        if let (false, Some(motion)) = (has_range, &self.motion) {
            return Err(syn::Error::new(
                motion.span(),
                format!("`{motion}` needs a `range` on the same field: give a range"),
            ));
        }
        Ok(form)
    }
}

fn of_bits(bits: &Expr, field: &Field, krate: &Path) -> Bounds {
    let ty = &field.ty;
    let integer = quote!(<#ty as #krate::snapshot::derived::Bounded>::Integer);
    let of_bits = quote!(<#integer as #krate::snapshot::derived::BitsRange<{ #bits }>>);
    Bounds { low: quote!(#of_bits::LOW), high: quote!(#of_bits::HIGH) }
}

impl Quantised {
    pub(crate) fn of(field: &Field, name: &str, binding: &Ident, krate: &Path) -> Result<Self> {
        let mut marks = Marks::of(field)?;
        let form = marks.form(field, krate)?;
        let snapshot = quote!(#krate::snapshot);
        let Code { words, kind, quantise, restore } = Code::of(&form, field, binding, krate);
        let threshold = marks.threshold.map(|threshold| {
            quote_spanned! {threshold.span()=> .threshold({
                #[allow(clippy::unnecessary_cast, clippy::cast_lossless)]
                const THRESHOLD: f64 = (#threshold) as f64;
                const { ::core::assert!(THRESHOLD >= 0.0, "the threshold is negative: give 0 or more") };
                THRESHOLD
            })}
        });
        let motion = marks.motion.map(|motion| quote!(.#motion()));
        let spec = quote!(#snapshot::FieldSpec::new(#name, #kind) #threshold #motion);
        Ok(Self { words, spec, quantise, restore })
    }
}

/// The code generated for a field, with the field's kind instead of its `FieldSpec`.
struct Code {
    words: TokenStream,
    kind: TokenStream,
    quantise: TokenStream,
    restore: TokenStream,
}

impl Code {
    fn of(form: &Form, field: &Field, binding: &Ident, krate: &Path) -> Self {
        let ty = &field.ty;
        let of = |name: &str| {
            let name = Ident::new(name, ty.span());
            quote!(<#ty as #krate::snapshot::derived::#name>)
        };
        let (of_type, consts, arguments, words) = match form {
            Form::Plain => {
                let value = quote!(<#ty as #krate::snapshot::NetValue>);
                (value.clone(), TokenStream::new(), [quote!(), quote!()], quote!(#value::WORDS))
            }
            Form::Integer(Bounds { low, high }) => {
                let bounded = of("Bounded");
                let consts = quote! {
                    const LOW: #bounded::Integer = #low;
                    const HIGH: #bounded::Integer = #high;
                    const { ::core::assert!(LOW <= HIGH, "the range is empty: give the lower end first") };
                };
                let count = quote!(#krate::snapshot::derived::integer_words(LOW as i128, HIGH as i128));
                let words = quote!({ #consts #bounded::COUNT * #count });
                (bounded, consts, [quote!(LOW, HIGH), quote!(LOW, HIGH)], words)
            }
            Form::Float(division) => {
                let stepped = of("Stepped");
                let steps = parse_quote!(#krate::snapshot::Steps);
                let consts = division.constant(&steps, &quote!(#stepped::WIDTH));
                let words = quote!(#stepped::WORDS);
                (stepped, consts, [quote!(STEPS), quote!(&STEPS)], words)
            }
            Form::Rotation(bits) => {
                let text =
                    "the components of a quaternion have 2 to 15 bits each: give a number in this range";
                let consts = bits_constant(bits, &quote!(2), &quote!(15), text);
                (of("Rotated"), consts, [quote!(BITS), quote!(BITS)], quote!(4))
            }
            Form::Angle(bits) => {
                let angled = of("Angled");
                let text = "an angle has 1 to 22 bits as an `f32`, or 1 to 32 as an `f64`: give a number in this range";
                let consts = bits_constant(bits, &quote!(1), &quote!(#angled::BITS), text);
                let words = quote!(#angled::WORDS);
                (angled, consts, [quote!(BITS), quote!(BITS)], words)
            }
        };
        let [by_value, by_reference] = arguments;
        let comma = (!matches!(form, Form::Plain)).then(|| quote!(,));
        Self {
            words,
            kind: quote!({ #consts #of_type::kind(#by_value) }),
            quantise: quote!({ #consts #of_type::quantise(#binding, #by_reference #comma words); }),
            restore: quote!({ #consts #of_type::restore(#by_reference #comma words) }),
        }
    }
}

/// Returns the constant `BITS`, checked to lie between two bounds.
fn bits_constant(bits: &Expr, low: &TokenStream, high: &TokenStream, text: &str) -> TokenStream {
    quote_spanned! {bits.span()=>
        const BITS: u8 = #bits;
        const { ::core::assert!(BITS >= #low && BITS <= #high, #text) };
    }
}
