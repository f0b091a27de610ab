//! The derives of `NetComponent` and `NetValue`, which convert a type to words and back.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{
    Data, DataEnum, DeriveInput, Error, Expr, Fields, Ident, LitStr, Member, Path, Result, parse_quote,
};

use crate::attributes::{Container, for_each, forbid, path};
use crate::component_field::Quantised;
use crate::names;

/// The attributes of a component.
struct Options {
    krate: Path,
    name: Option<LitStr>,
    group: Option<LitStr>,
    hz: Option<Expr>,
    /// The name of a variant of `Prediction`.
    predictor: Option<Ident>,
}

impl Options {
    fn of(input: &DeriveInput) -> Result<Self> {
        let krate = parse_quote!(::tickwire_core);
        let mut this = Self { krate, name: None, group: None, hz: None, predictor: None };
        for_each(&input.attrs, |meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            match key.as_str() {
                "crate" => this.krate = path(&meta)?,
                "name" => this.name = Some(names::of_component(meta.value()?.parse()?)?),
                "group" => this.group = Some(names::of_group(meta.value()?.parse()?)?),
                "hz" => this.hz = Some(meta.value()?.parse()?),
                "predictor" => this.predictor = Some(predictor(&meta.value()?.parse()?)?),
                _ => return Err(meta.error("expected `name`, `group`, `hz`, `predictor` or `crate`")),
            }
            Ok(())
        })?;
        Ok(this)
    }
}

fn predictor(name: &LitStr) -> Result<Ident> {
    let variant = match name.value().as_str() {
        "last" => "Last",
        "linear" => "Linear",
        "velocity" => "Velocity",
        _ => return Err(Error::new(name.span(), "expected \"last\", \"linear\" or \"velocity\"")),
    };
    Ok(Ident::new(variant, name.span()))
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a component has one name, so it cannot be generic: derive `NetValue` here, and make it a field of a \
             component",
        ));
    }
    let Options { krate, name, group, hz, predictor } = Options::of(input)?;
    let value = implement(input, &krate)?;
    let ident = &input.ident;
    let name = match name {
        Some(name) => name,
        None => names::of_component(LitStr::new(&ident.unraw().to_string(), ident.span()))?,
    };
    let group = group.map(|group| quote!(.group(#group)));
    let hz = hz.map(|hz| quote!(.hz(#hz)));
    let predictor = predictor.map(|variant| quote!(.predictor(#krate::snapshot::Prediction::#variant)));
    Ok(quote! {
        #value
        #[automatically_derived]
        impl #krate::snapshot::NetComponent for #ident {
            const NAME: &'static str = #name;

            fn spec() -> #krate::snapshot::ComponentSpec {
                #krate::snapshot::ComponentSpec::new(Self::NAME) #group #hz #predictor
                    .fields_of(<Self as #krate::snapshot::NetValue>::kind())
            }
        }
    })
}

pub(crate) fn derive_value(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::of_part(&input.attrs)?;
    implement(input, &container.krate)
}

/// The bodies of the functions of a `NetValue` implementation.
struct Value {
    words: TokenStream,
    kind: TokenStream,
    quantise: TokenStream,
    restore: TokenStream,
}

fn implement(input: &DeriveInput, krate: &Path) -> Result<TokenStream> {
    let value = match &input.data {
        Data::Struct(data) => Value::of_structure(&data.fields, krate)?,
        Data::Enum(data) => Value::of_choice(&input.ident, data, krate)?,
        Data::Union(_) => {
            return Err(Error::new_spanned(&input.ident, "a union has no single value: use a struct"));
        }
    };
    let Value { words, kind, quantise, restore } = value;
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#krate::snapshot::NetValue));
    }
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::snapshot::NetValue for #name #type_generics #where_clause {
            const WORDS: usize = #words;

            fn kind() -> #krate::snapshot::FieldKind {
                #kind
            }

            #[inline]
            #[allow(unused_variables)]
            fn quantise(&self, words: &mut #krate::snapshot::ComponentWords<'_>) {
                #quantise
            }

            #[inline]
            #[allow(unused_variables)]
            fn restore(words: &mut #krate::snapshot::WordReader<'_>) -> Self {
                #restore
            }
        }
    })
}

impl Value {
    fn of_structure(fields: &Fields, krate: &Path) -> Result<Self> {
        let (mut pattern, mut words, mut kinds) = (TokenStream::new(), quote!(0), Vec::new());
        let (mut quantise, mut restore) = (TokenStream::new(), TokenStream::new());
        for (place, (field, member)) in fields.iter().zip(fields.members()).enumerate() {
            let binding = format_ident!("field_{place}");
            let name = match &member {
                Member::Named(name) => name.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            let own = Quantised::of(field, &name, &binding, krate)?;
            let Quantised { words: own_words, spec, quantise: put, restore: take } = own;
            pattern.extend(quote!(#member: #binding,));
            words.extend(quote!(+ #own_words));
            kinds.push(spec);
            quantise.extend(put);
            restore.extend(quote!(#member: #take,));
        }
        Ok(Self {
            words,
            kind: quote!(#krate::snapshot::FieldKind::structure([#(#kinds),*])),
            quantise: quote!(let Self { #pattern } = self; #quantise),
            restore: quote!(Self { #restore }),
        })
    }

    fn of_choice(ident: &Ident, data: &DataEnum, krate: &Path) -> Result<Self> {
        for variant in &data.variants {
            forbid(&variant.attrs)?;
            if !variant.fields.is_empty() {
                return Err(Error::new_spanned(
                    variant,
                    "an enum in a component has no fields: make them fields of the component, next to the \
                     enum",
                ));
            }
        }
        let variants: Vec<&Ident> = data.variants.iter().map(|variant| &variant.ident).collect();
        let Some((last, others)) = variants.split_last() else {
            return Err(Error::new_spanned(
                ident,
                "an enum without variants has no values: give it a variant",
            ));
        };
        let names = variants.iter().map(|variant| variant.unraw().to_string());
        let places = 0u32..;
        let takes = others.iter().zip(places.clone()).map(|(name, place)| quote!(#place => Self::#name {},));
        let puts = variants.iter().zip(places).map(|(name, place)| quote!(Self::#name {} => #place,));
        Ok(Self {
            words: quote!(1),
            kind: quote!(#krate::snapshot::FieldKind::choice([#(#names),*])),
            quantise: quote!(words.put(match self { #(#puts)* });),
            restore: quote!(match words.take() { #(#takes)* _ => Self::#last {} }),
        })
    }
}
