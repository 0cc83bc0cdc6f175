//! The function that builds a group, from the parts of its fields.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, FieldsNamed, Result};

use crate::check;
use crate::field::Part;
use crate::hook::{self, private};
use crate::keys::Keys;

fn named(input: &DeriveInput) -> Result<&FieldsNamed> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields),
            Fields::Unnamed(_) | Fields::Unit => {
                Err(Error::new_spanned(&input.ident, "a group has named fields"))
            }
        },
        Data::Enum(_) | Data::Union(_) => Err(Error::new_spanned(&input.ident, "a group is a struct")),
    }
}

/// The results, or all errors at once.
fn all<T>(results: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut errors: Option<Error> = None;
    let mut good = Vec::new();
    for result in results {
        match (result, &mut errors) {
            (Ok(value), _) => good.push(value),
            (Err(error), Some(errors)) => errors.combine(error),
            (Err(error), None) => errors = Some(error),
        }
    }
    errors.map_or(Ok(good), Err)
}

/// Hooks of the whole group, from the attributes of the struct.
fn own_hooks(input: &DeriveInput) -> Result<TokenStream> {
    let of_fields = ["pv", "pair", "arg", "init"];
    let misplaced = |name| input.attrs.iter().find(|attribute| attribute.path().is_ident(name));
    if let Some(attribute) = of_fields.into_iter().find_map(misplaced) {
        return Err(Error::new_spanned(attribute, "this attribute is for fields; a struct has #[group(..)]"));
    }
    let groups = input.attrs.iter().filter(|attribute| attribute.path().is_ident("group"));
    let hooks = all(groups.map(|group| hook::of_group(&Keys::of(group)?)))?;
    Ok(quote!(#(#hooks)*))
}

/// # Errors
/// When the struct is none of a group.
pub(crate) fn group(input: &DeriveInput) -> Result<TokenStream> {
    let fields = named(input)?;
    let own = own_hooks(input);
    let parts = all(fields.named.iter().map(Part::of));
    let (own, parts) = match (own, parts) {
        (Ok(own), Ok(parts)) => (own, parts),
        (Err(mut errors), Err(others)) => {
            errors.combine(others);
            return Err(errors);
        }
        (Err(errors), _) | (_, Err(errors)) => return Err(errors),
    };
    let names: Vec<_> = parts.iter().flat_map(|part| part.names.clone()).collect();
    check::unique(&names)?;
    Ok(implement(input, fields, &own, &parts))
}

fn implement(input: &DeriveInput, fields: &FieldsNamed, own: &TokenStream, parts: &[Part]) -> TokenStream {
    let (name, vis) = (&input.ident, &input.vis);
    let (impls, types, bounds) = input.generics.split_for_impl();
    let (group, this) = (private("group"), private("this"));
    let idents = fields.named.iter().filter_map(|field| field.ident.as_ref());
    let parameters: Vec<_> = parts.iter().map(|part| &part.parameter).collect();
    let makes = parts.iter().map(|part| &part.make);
    let hooks = parts.iter().map(|part| &part.hooks);
    // Read once, so that a PV that only clients use is no dead code, nor an argument that only fields use.
    let served = parts.iter().filter_map(|part| part.served.as_ref());
    let result = quote!(::core::result::Result<::std::sync::Arc<Self>, ::wrapper::GroupError>);
    let of_trait = parameters.iter().all(|parameter| parameter.is_empty()).then(|| {
        quote!(
            impl #impls ::wrapper::PvGroup for #name #types #bounds {
                fn build(#group: &mut ::wrapper::GroupBuilder) -> #result {
                    Self::build(#group)
                }
            }
        )
    });
    quote!(
        impl #impls #name #types #bounds {
            /// Adds the PVs and hooks of the group.
            ///
            /// # Errors
            /// When a PV cannot be built.
            #[allow(clippy::too_many_arguments)]
            #vis fn build(#group: &mut ::wrapper::GroupBuilder, #(#parameters)*) -> #result {
                #[allow(unused_imports)]
                use ::wrapper::PvGroup as _;
                #(#makes)*
                let #this = ::std::sync::Arc::new(Self { #(#idents),* });
                _ = (#(&#this.#served,)*);
                #own
                #(#hooks)*
                ::core::result::Result::Ok(#this)
            }
        }
        #of_trait
    )
}
