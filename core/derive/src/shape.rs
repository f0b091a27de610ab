//! The derive of `NetShape`, the layout of a type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Error, Field, Fields, Member, Path, Result, Variant, parse_quote};

use crate::attributes::{Container, FieldOptions, Limits, forbid};
use crate::ranges::Bounds;
use crate::text::{canonical, serde_note};

/// Permission for fields to have a range. Only the bits codec supports ranges.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum BoundsAllowed {
    Yes,
    No,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::of_part(&input.attrs)?;
    implement(input, &container.krate, BoundsAllowed::No)
}

/// Returns the `NetShape` implementation.
pub(crate) fn implement(input: &DeriveInput, krate: &Path, bounds: BoundsAllowed) -> Result<TokenStream> {
    let shape = match &input.data {
        Data::Struct(data) => {
            let fields = fields(&data.fields, krate, bounds)?;
            quote!(#krate::message::Shape::structure([#(#fields),*]))
        }
        Data::Enum(data) => {
            let variants = data.variants.iter().map(|variant| {
                forbid(&variant.attrs)?;
                let fields = fields(&variant.fields, krate, bounds)?;
                let (name, note) = (variant.ident.unraw().to_string(), note(variant_note(variant, bounds)));
                Ok(quote!(#krate::message::Variant::new(#name, [#(#fields),*]) #note))
            });
            let variants = variants.collect::<Result<Vec<_>>>()?;
            quote!(#krate::message::Shape::enumeration([#(#variants),*]))
        }
        Data::Union(_) => {
            return Err(Error::new_spanned(
                &input.ident,
                "a union has no single layout: use a struct or an enum",
            ));
        }
    };
    let note = note(serde_note(&input.attrs));
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#krate::message::NetShape));
    }
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::message::NetShape for #name #type_generics #where_clause {
            #[allow(unused_variables)]
            fn shape(shapes: &mut #krate::message::Shapes) -> #krate::message::Shape {
                #shape #note
            }
        }
    })
}

/// Returns a note for the hash of the shape. The bits codec writes a variant's index; other codecs may write the
/// variant's value, so the note includes the value.
fn variant_note(variant: &Variant, bounds: BoundsAllowed) -> String {
    let note = serde_note(&variant.attrs);
    match &variant.discriminant {
        Some((_, value)) if bounds == BoundsAllowed::No => format!("{note}={}", canonical(quote!(#value))),
        _ => note,
    }
}

fn fields(fields: &Fields, krate: &Path, bounds: BoundsAllowed) -> Result<Vec<TokenStream>> {
    fields
        .iter()
        .zip(fields.members())
        .map(|(field, member)| describe(field, &member, krate, bounds))
        .collect()
}

fn describe(field: &Field, member: &Member, krate: &Path, bounds: BoundsAllowed) -> Result<TokenStream> {
    let options = FieldOptions::of(field, krate)?;
    let ty = &field.ty;
    let shape = if options.opaque {
        let text = canonical(quote!(#ty));
        quote!(#krate::message::Shape::opaque(#text))
    } else if let Some(limits) = &options.limits {
        if bounds == BoundsAllowed::No {
            return Err(Error::new_spanned(
                field,
                "only the bits codec supports `range`, `step` and `bits`: remove the attribute, or use `codec = \"bits\"`",
            ));
        }
        match limits {
            Limits::Integer(Bounds { low, high }) => {
                quote!(#krate::message::derived::integer_shape::<#ty>(#low, #high))
            }
            Limits::Float(division) => {
                let stepped = quote!(<#ty as #krate::message::derived::SteppedBits>);
                let steps = parse_quote!(#krate::message::derived::Steps);
                let constant = division.constant(&steps, &quote!(#stepped::WIDTH));
                quote!({ #constant #stepped::steps_shape(&STEPS) })
            }
        }
    } else {
        quote!(shapes.of::<#ty>())
    };
    let name = match member {
        Member::Named(name) => name.unraw().to_string(),
        Member::Unnamed(place) => place.index.to_string(),
    };
    let note = note(serde_note(&field.attrs));
    Ok(quote!(#krate::message::Field::new(#name, #shape) #note))
}

fn note(text: String) -> Option<TokenStream> {
    if text.is_empty() { None } else { Some(quote!(.note(#text))) }
}
