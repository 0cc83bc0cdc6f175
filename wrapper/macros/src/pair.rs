//! `#[pair(...)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Field, Ident, LitStr, Result};

use crate::check;
use crate::field::Part;
use crate::hook::{self, private};
use crate::keys::{Key, Keys};
use crate::pv::{self, inside};

/// Applies the calls to one PV, or both, of the pair.
fn apply(method: &TokenStream, calls: &TokenStream) -> TokenStream {
    if calls.is_empty() {
        return TokenStream::new();
    }
    let pv = private("pv");
    quote!(.#method(|#pv| #pv #calls))
}

/// The keys in `setpoint(...)` or `readback(...)`.
fn of_one(keys: &mut Keys, one: &str) -> Result<TokenStream> {
    let Some(key) = keys.take(one)? else { return Ok(TokenStream::new()) };
    let name = &key.name;
    Ok(apply(&quote!(#name), &pv::calls(&key.inner()?)?))
}

/// A suffix: the call for it, and its text where that is known now.
fn suffix(keys: &mut Keys, method: &str, default: &str) -> Result<(TokenStream, Option<String>)> {
    let Some(key) = keys.take(method)? else { return Ok((TokenStream::new(), Some(default.to_owned()))) };
    let value = key.value()?;
    Ok((key.call()?, check::text(value).map(LitStr::value)))
}

/// A hook, and the end of the pair that it is for: puts come to the setpoint, all else is of the readback.
fn hooks(hooks: &[Key], pair: &TokenStream) -> Result<TokenStream> {
    let ends = hooks.iter().map(|hook| {
        let end = if is_put(hook) { quote!(#pair.setpoint) } else { quote!(#pair.readback) };
        hook::of_pv(std::slice::from_ref(hook), &end)
    });
    ends.collect()
}

fn is_put(hook: &Key) -> bool {
    hook.name.to_string().starts_with("put")
}

/// # Errors
/// When a key is wrong.
pub(crate) fn part(field: &Field, ident: &Ident, mut keys: Keys) -> Result<Part> {
    let ty = &field.ty;
    let held = inside(ty, "PvPair")
        .ok_or_else(|| Error::new_spanned(ty, "a field with #[pair] is a `PvPair<T>`"))?;
    let (name, found) = (pv::name(&mut keys, ident)?, hook::take_of_pv(&mut keys));
    pv::check_rights(&keys, &found)?;
    let (group, this, expr) = (private("group"), private("this"), &name.expr);
    let start = match pv::value(&mut keys)? {
        Some(value) => quote!(#group.pair::<#held>(#expr, #value)),
        None => quote!(#group.pair_undefined::<#held>(#expr)),
    };
    let setpoint = suffix(&mut keys, "setpoint_suffix", "")?;
    let readback = suffix(&mut keys, "readback_suffix", "_RBV")?;
    let names = [&setpoint.1, &readback.1].into_iter().flatten().filter_map(|suffix| {
        let name = name.known.as_ref()?;
        Some(LitStr::new(&(name.value() + suffix), name.span()))
    });
    let names: Vec<_> = names.collect();
    names.iter().try_for_each(check::name)?;
    let (setpoint, readback) = (setpoint.0, readback.0);
    let ones = [of_one(&mut keys, "setpoint")?, of_one(&mut keys, "readback")?];
    let (doc, calls) = (pv::doc(field), pv::calls(&keys)?);
    let both = apply(&quote!(both), &quote!(#doc #calls));
    let copies = found.iter().any(is_put).then(|| quote!(.without_copy()));
    let [one, other] = ones;
    Ok(Part {
        make: quote!(let #ident: #ty = #start #setpoint #readback #both #one #other #copies .add()?;),
        hooks: hooks(&found, &quote!(#this.#ident))?,
        names,
        ..Part::served(ident)
    })
}
