//! `#[derive(PvGroup)]`: a struct of PVs becomes the calls of a `GroupBuilder`.
//!
//! It is documented where it is used, as `wrapper::PvGroup`.

mod check;
mod expand;
mod field;
mod hook;
mod keys;
mod pair;
mod pv;

use proc_macro::TokenStream;

/// Derives `PvGroup` and a `build` function from the fields of a struct.
#[proc_macro_derive(PvGroup, attributes(pv, pair, group, arg, init))]
pub fn derive_pv_group(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand::group(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
