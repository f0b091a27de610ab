//! The derive of `NetMessage`, which sets a message's name, type number, channel, size limit and codec.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Error, Expr, LitStr, Result};

use crate::attributes::{Codec, Container, Route};
use crate::bits;
use crate::names;
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
    let name = match &container.name {
        Some(name) => name.clone(),
        None => names::checked(LitStr::new(&ident.unraw().to_string(), ident.span()))?,
    };
    let Constants { message_type, route, max } = Constants::of(&container);
    Ok(quote! {
        #shape
        #bits
        #[automatically_derived]
        impl #krate::message::NetMessage for #ident {
            const NAME: &'static str = #name;
            #message_type
            #route
            #max
            type Codec = #codec;
        }
        // The compiler evaluates a constant only where it is used, so the constants are used here.
        const _: () = {
            let _ = <#ident as #krate::message::NetMessage>::TYPE;
            let _ = <#ident as #krate::message::NetMessage>::ROUTE;
            let _ = <#ident as #krate::message::NetMessage>::MAX_SIZE;
        };
    })
}

/// The constants of an implementation that have defaults. The compiler checks each constant when it compiles the message.
struct Constants {
    message_type: Option<TokenStream>,
    route: Option<TokenStream>,
    max: Option<TokenStream>,
}

impl Constants {
    fn of(container: &Container) -> Self {
        let krate = &container.krate;
        let message_type = container.message_type.as_ref().map(|value| {
            let check = check(value, quote!(#krate::message::derived::is_user_type), TYPE);
            quote! {
                const TYPE: ::core::option::Option<#krate::message::MessageType> =
                    ::core::option::Option::Some(#krate::message::MessageType(#check));
            }
        });
        let route = container.route.as_ref().map(|route| {
            let route = match route {
                Route::Number(value) => {
                    let check = check(value, quote!(#krate::message::derived::is_channel), CHANNEL);
                    quote!(Channel(#krate::event::ChannelId(#check)))
                }
                Route::Name(name) => quote!(Named(#name)),
                Route::Delivery(variant) => quote!(Delivery(#krate::message::derived::Delivery::#variant)),
            };
            quote!(const ROUTE: #krate::message::Route = #krate::message::Route::#route;)
        });
        let max = container.max.as_ref().map(|value| {
            let check = check(value, quote!(#krate::message::derived::is_message_size), MAX);
            quote!(const MAX_SIZE: usize = #check;)
        });
        Self { message_type, route, max }
    }
}

/// Returns an expression for `value`, which the compiler checks with `is_valid`.
fn check(value: &Expr, is_valid: TokenStream, expected: &str) -> TokenStream {
    quote_spanned!(value.span()=> {
        let value = #value;
        ::core::assert!(#is_valid(value), #expected);
        value
    })
}

const TYPE: &str = "types below 0x1000 belong to the protocol: give the message a type from 0x1000 on";
const CHANNEL: &str = "a connection has at most 32 channels: give a number from 0 to 31";
const MAX: &str = "a message has at most 2^28 bytes: give a smaller `max`";
