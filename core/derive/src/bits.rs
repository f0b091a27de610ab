//! The derive of `NetSerialize`, which writes the fields of a type as bits.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Member, Path, Result, parse_quote};

use crate::attributes::{Container, FieldOptions, Limits};
use crate::shape::{self, BoundsAllowed};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::of_part(&input.attrs)?;
    let shape = shape::implement(input, &container.krate, BoundsAllowed::Yes)?;
    let bits = implement(input, &container.krate)?;
    Ok(quote!(#shape #bits))
}

/// Returns the `NetSerialize` implementation.
pub(crate) fn implement(input: &DeriveInput, krate: &Path) -> Result<TokenStream> {
    let (encode, decode) = match &input.data {
        Data::Struct(data) => structure(&data.fields, krate)?,
        Data::Enum(_) => enumeration(input, krate)?,
        Data::Union(_) => {
            return Err(Error::new_spanned(
                &input.ident,
                "a union has no single encoding: use a struct or an enum",
            ));
        }
    };
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#krate::message::NetSerialize));
    }
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_variables)]
        impl #impl_generics #krate::message::NetSerialize for #name #type_generics #where_clause {
            fn encode(
                &self,
                writer: &mut #krate::message::BitWriter<'_>,
            ) -> ::core::result::Result<(), #krate::message::EncodeError> {
                #encode
                ::core::result::Result::Ok(())
            }

            fn decode(
                reader: &mut #krate::message::BitReader<'_>,
            ) -> ::core::result::Result<Self, #krate::message::DecodeError> {
                #decode
            }
        }
    })
}

fn structure(fields: &Fields, krate: &Path) -> Result<(TokenStream, TokenStream)> {
    let parts = Parts::of(fields, None, krate)?;
    let (pattern, encode, decode) = (&parts.pattern, &parts.encode, &parts.decode);
    Ok((quote!(let Self { #pattern } = self; #encode), quote!(::core::result::Result::Ok(Self { #decode }))))
}

fn enumeration(input: &DeriveInput, krate: &Path) -> Result<(TokenStream, TokenStream)> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(input, "expected an enum: derive the trait on an enum"));
    };
    let Some(last) = data.variants.len().checked_sub(1) else {
        return Err(Error::new_spanned(
            &input.ident,
            "an enum without variants has no values: give it a variant",
        ));
    };
    let bits = usize::BITS - last.leading_zeros();
    let (mut encodes, mut decodes) = (Vec::new(), Vec::new());
    for (place, variant) in (0u64..).zip(&data.variants) {
        let parts = Parts::of(&variant.fields, Some(&variant.ident), krate)?;
        let (name, pattern, encode, decode) = (&variant.ident, &parts.pattern, &parts.encode, &parts.decode);
        encodes.push(quote!(Self::#name { #pattern } => { writer.put(#place, #bits)?; #encode }));
        decodes.push(quote!(#place => ::core::result::Result::Ok(Self::#name { #decode }),));
    }
    Ok((
        quote!(match self { #(#encodes)* }),
        quote!(match reader.take(#bits)? {
            #(#decodes)*
            _ => ::core::result::Result::Err(#krate::message::DecodeError::OutOfRange),
        }),
    ))
}

/// The code for the fields of a struct or variant: a pattern, the writing and the reading.
struct Parts {
    pattern: TokenStream,
    encode: TokenStream,
    decode: TokenStream,
}

impl Parts {
    fn of(fields: &Fields, variant: Option<&Ident>, krate: &Path) -> Result<Self> {
        let mut parts =
            Self { pattern: TokenStream::new(), encode: TokenStream::new(), decode: TokenStream::new() };
        for (place, (field, member)) in fields.iter().zip(fields.members()).enumerate() {
            let binding = format_ident!("field_{place}");
            let name = match &member {
                Member::Named(name) => name.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            let name = variant.map_or_else(|| name.clone(), |variant| format!("{}.{name}", variant.unraw()));
            let (encode, decode) = field_code(field, &binding, &name, krate)?;
            parts.pattern.extend(quote!(#member: #binding,));
            parts.encode.extend(encode);
            parts.decode.extend(quote!(#member: #decode,));
        }
        Ok(parts)
    }
}

fn field_code(
    field: &Field,
    binding: &Ident,
    name: &str,
    krate: &Path,
) -> Result<(TokenStream, TokenStream)> {
    let named = quote!(.map_err(|error| #krate::message::EncodeError::in_field(error, #name)));
    let ty = &field.ty;
    let bounds = match FieldOptions::of(field, krate)?.limits {
        Some(Limits::Integer(bounds)) => bounds,
        Some(Limits::Float(division)) => {
            let stepped = quote!(<#ty as #krate::message::derived::SteppedBits>);
            let steps =
                division.constant(&parse_quote!(#krate::message::derived::Steps), &quote!(#stepped::WIDTH));
            return Ok((
                quote!({ #steps #stepped::put_steps(#binding, &STEPS, writer)#named?; }),
                quote!({ #steps #stepped::take_steps(&STEPS, reader)? }),
            ));
        }
        None => {
            let serialize = quote!(<#ty as #krate::message::NetSerialize>);
            return Ok((
                quote!(#serialize::encode(#binding, writer)#named?;),
                quote!(#serialize::decode(reader)?),
            ));
        }
    };
    let (low, high) = (&bounds.low, &bounds.high);
    let consts = quote! {
        const LOW: #ty = #low;
        const HIGH: #ty = #high;
        const { assert!(LOW <= HIGH, "the range is empty: give the lower end first") };
    };
    Ok((
        quote!({ #consts #krate::message::derived::put_integer(writer, *#binding, LOW, HIGH)#named?; }),
        quote!({ #consts #krate::message::derived::take_integer(reader, LOW, HIGH)? }),
    ))
}
