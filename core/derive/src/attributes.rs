//! Parses the `#[net(…)]` attributes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Field, Ident, Lit, LitStr, Path, Result, parse_quote};

use crate::names;
use crate::ranges::{Bounds, Division, Range, step_alone};

/// The attributes of a message type, or of a type inside messages.
pub(crate) struct Container {
    pub(crate) krate: Path,
    pub(crate) name: Option<LitStr>,
    pub(crate) codec: Codec,
    pub(crate) message_type: Option<Expr>,
    pub(crate) route: Option<Route>,
    pub(crate) max: Option<Expr>,
}

/// The codec that writes a message.
pub(crate) enum Codec {
    Bits,
    Other(TokenStream),
}

/// The channel that carries a message.
pub(crate) enum Route {
    Number(Expr),
    Name(LitStr),
    /// The name of a variant of `Delivery`.
    Delivery(Ident),
}

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct FieldOptions {
    pub(crate) limits: Option<Limits>,
    pub(crate) opaque: bool,
}

/// The values that a field can hold.
pub(crate) enum Limits {
    Integer(Bounds),
    Float(Division),
}

impl Container {
    /// Reads the attributes of a message.
    pub(crate) fn of_message(attributes: &[Attribute]) -> Result<Self> {
        let mut codec = None;
        let mut this = Self::empty();
        for_each(attributes, |meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            match key.as_str() {
                "crate" => this.krate = path(&meta)?,
                "name" => this.name = Some(names::checked(meta.value()?.parse()?)?),
                "codec" => codec = Some(meta.value()?.parse()?),
                "type" => this.message_type = Some(meta.value()?.parse()?),
                "channel" => this.set_route(&meta, channel)?,
                "delivery" => this.set_route(&meta, delivery)?,
                "max" => this.max = Some(meta.value()?.parse()?),
                _ => {
                    let expected =
                        "expected `codec`, `name`, `type`, `channel`, `delivery`, `max` or `crate`";
                    return Err(meta.error(expected));
                }
            }
            Ok(())
        })?;
        if let Some(codec) = codec {
            this.codec = this.codec_of(&codec)?;
        }
        Ok(this)
    }

    /// Reads the attributes of a type that is used inside messages.
    pub(crate) fn of_part(attributes: &[Attribute]) -> Result<Self> {
        let mut this = Self::empty();
        for_each(attributes, |meta| {
            if meta.path.is_ident("crate") {
                this.krate = path(&meta)?;
                return Ok(());
            }
            Err(meta.error("expected `crate`; use the other attributes only on messages and fields"))
        })?;
        Ok(this)
    }

    fn empty() -> Self {
        Self {
            krate: parse_quote!(::tickwire_core),
            name: None,
            codec: Codec::Bits,
            message_type: None,
            route: None,
            max: None,
        }
    }

    fn set_route(
        &mut self,
        meta: &ParseNestedMeta<'_>,
        read: impl FnOnce(Expr) -> Result<Route>,
    ) -> Result<()> {
        let route = read(meta.value()?.parse()?)?;
        match self.route.replace(route) {
            None => Ok(()),
            Some(_) => Err(meta.error(
                "`channel` and `delivery` both choose the channel: give only one of the two, \
                                       once",
            )),
        }
    }

    fn codec_of(&self, codec: &Expr) -> Result<Codec> {
        let krate = &self.krate;
        let Expr::Lit(literal) = codec else {
            return Ok(Codec::Other(quote!(#codec)));
        };
        let name = if let Lit::Str(text) = &literal.lit { text.value() } else { String::new() };
        Ok(match name.as_str() {
            "bits" => Codec::Bits,
            "zerocopy" => Codec::Other(quote!(#krate::message::Zerocopy)),
            "messagepack" => Codec::Other(quote!(#krate::message::MessagePack)),
            "json" => Codec::Other(quote!(#krate::message::Json)),
            _ => {
                let expected =
                    "expected \"bits\", \"zerocopy\", \"messagepack\", \"json\" or the path of a codec";
                return Err(syn::Error::new(codec.span(), expected));
            }
        })
    }
}

impl FieldOptions {
    /// Reads the attributes of `field`.
    pub(crate) fn of(field: &Field, krate: &Path) -> Result<Self> {
        let mut opaque = false;
        let (mut range, mut step, mut bits) = (None, None, None);
        for_each(&field.attrs, |meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            let is_twice = match key.as_str() {
                "opaque" => std::mem::replace(&mut opaque, true),
                "range" => range.replace(Range::of(&meta.value()?.parse()?)?).is_some(),
                "step" => step.replace(meta.value()?.parse::<Expr>()?).is_some(),
                "bits" => bits.replace(meta.value()?.parse::<Expr>()?).is_some(),
                _ => return Err(meta.error("expected `range`, `step`, `bits` or `opaque`")),
            };
            if is_twice || (range.is_some() && bits.is_some()) {
                let fault = "an attribute is given twice, or `range` is given with `bits`: give each attribute once, and only \
                             one of `range` and `bits`";
                return Err(meta.error(fault));
            }
            Ok(())
        })?;
        let limits = match (range, step, bits) {
            (Some(range), Some(step), _) => Some(Limits::Float(range.divided(&step)?)),
            (None, Some(step), _) => return Err(step_alone(&step)),
            (Some(range), None, _) => Some(Limits::Integer(range.bounds(&field.ty)?)),
            (None, None, Some(bits)) => {
                let ty = &field.ty;
                let of_bits = quote!(<#ty as #krate::message::derived::BitsRange<{ #bits }>>);
                let (low, high) = (quote!(#of_bits::LOW), quote!(#of_bits::HIGH));
                Some(Limits::Integer(Bounds { low, high }))
            }
            (None, None, None) => None,
        };
        Ok(Self { limits, opaque })
    }
}

/// Reads `channel = …`: a number or a name.
fn channel(value: Expr) -> Result<Route> {
    let Expr::Lit(literal) = &value else { return Ok(Route::Number(value)) };
    match &literal.lit {
        Lit::Str(name) if name.value().is_empty() => Err(syn::Error::new(
            name.span(),
            "the name of the channel is empty: give the name that `ChannelConfig::named` sets",
        )),
        Lit::Str(name) => Ok(Route::Name(name.clone())),
        Lit::Int(number) if number.base10_parse::<u8>().is_ok_and(|number| number < names::CHANNELS) => {
            Ok(Route::Number(value))
        }
        _ => Err(syn::Error::new(
            value.span(),
            "expected the number of a channel, 0 to 31, or its name in quotes",
        )),
    }
}

/// Reads `delivery = …`.
fn delivery(value: Expr) -> Result<Route> {
    let text = match &value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
        _ => String::new(),
    };
    let variant = match text.as_str() {
        "unreliable" => "Unreliable",
        "sequenced" => "Sequenced",
        "reliable-unordered" => "ReliableUnordered",
        "reliable-ordered" => "ReliableOrdered",
        _ => {
            let expected =
                "expected \"unreliable\", \"sequenced\", \"reliable-unordered\" or \"reliable-ordered\"";
            return Err(syn::Error::new(value.span(), expected));
        }
    };
    Ok(Route::Delivery(Ident::new(variant, value.span())))
}

/// Rejects `#[net(…)]` on variants, which take no attributes.
pub(crate) fn forbid(attributes: &[Attribute]) -> Result<()> {
    for_each(attributes, |meta| Err(meta.error("variants take no `net` attributes: remove the attribute")))
}

pub(crate) fn for_each(
    attributes: &[Attribute],
    mut each: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("net"))
        .try_for_each(|attribute| attribute.parse_nested_meta(&mut each))
}

pub(crate) fn path(meta: &ParseNestedMeta<'_>) -> Result<Path> {
    let value = meta.value()?;
    if value.peek(LitStr) { value.parse::<LitStr>()?.parse() } else { value.call(Path::parse_mod_style) }
}
