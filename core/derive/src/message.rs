//! `NetMessage`: name, type, channel, bound and codec.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Error, LitStr, Result};

use crate::attributes::{Codec, Container};
use crate::bits;
use crate::shape::{self, BoundsAllowed};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a message has one name, so it cannot be generic: derive `NetSerialize` or `NetShape` here, \
             and wrap each use in a message of its own",
        ));
    }
    let container = Container::of_message(&input.attrs)?;
    let krate = &container.krate;
    let (codec, bounds, bits) = match &container.codec {
        Codec::Bits => (quote!(#krate::message::Bits), BoundsAllowed::Yes, bits::implement(input, krate)?),
        Codec::Other(path) => (path.clone(), BoundsAllowed::No, TokenStream::new()),
    };
    let shape = shape::implement(input, krate, bounds)?;
    let ident = &input.ident;
    let name =
        container.name.clone().unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
    let message_type = container.message_type.as_ref().map(|value| {
        quote! {
            const TYPE: ::core::option::Option<#krate::message::MessageType> =
                ::core::option::Option::Some(#krate::message::MessageType(#value));
        }
    });
    let channel = container
        .channel
        .as_ref()
        .map(|value| quote!(const CHANNEL: #krate::event::ChannelId = #krate::event::ChannelId(#value);));
    let max = container.max.as_ref().map(|value| quote!(const MAX_SIZE: usize = #value;));
    Ok(quote! {
        #shape
        #bits
        #[automatically_derived]
        impl #krate::message::NetMessage for #ident {
            const NAME: &'static str = #name;
            #message_type
            #channel
            #max
            type Codec = #codec;
        }
    })
}
