//! Keys that name a method to call: `put = Self::set`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Expr, Result};

use crate::keys::{Key, Keys};

/// Key, method of the builder, what the method of the author gets behind `self`.
type Hook = (&'static str, &'static str, &'static [&'static str]);

const OF_PV: [Hook; 4] = [
    ("put", "on_put", &["pv", "value"]),
    ("get", "on_get", &["pv"]),
    ("startup", "on_startup_of", &["pv"]),
    ("scan", "scan", &["pv"]),
];

const OF_GROUP: [Hook; 4] = [
    ("put", "on_any_put", &["pv", "value"]),
    ("get", "on_any_get", &["pv"]),
    ("startup", "on_startup", &[]),
    ("shutdown", "on_shutdown", &[]),
];

/// A name that no expression of an author can see.
pub(crate) fn private(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn find(table: &[Hook], key: &Key) -> Option<(Hook, bool)> {
    let name = key.name.to_string();
    let plain = name.strip_suffix("_async");
    let hook = table.iter().find(|hook| hook.0 == plain.unwrap_or(&name))?;
    Some((*hook, plain.is_some()))
}

/// Takes the hooks of a PV out of its keys.
pub(crate) fn take_of_pv(keys: &mut Keys) -> Vec<Key> {
    keys.take_all(|key| find(&OF_PV, key).is_some())
}

/// The calls that give `pv` its hooks.
///
/// # Errors
/// When what is given is not the path of a method.
pub(crate) fn of_pv(hooks: &[Key], pv: &TokenStream) -> Result<TokenStream> {
    hooks.iter().map(|key| call(&OF_PV, key, Some(pv))).collect()
}

/// The calls for the hooks of a whole group.
///
/// # Errors
/// When a key is no such hook, or what is given is not the path of a method.
pub(crate) fn of_group(keys: &Keys) -> Result<TokenStream> {
    keys.iter()
        .map(|key| {
            let has_no_async = key.name == "put_async" || key.name == "get_async";
            if find(&OF_GROUP, key).is_none() || has_no_async {
                let known = "put, get, startup, startup_async, shutdown, shutdown_async";
                return Err(key.error(&format!("is not known here; a whole group has {known}")));
            }
            call(&OF_GROUP, key, None)
        })
        .collect()
}

fn call(table: &[Hook], key: &Key, pv: Option<&TokenStream>) -> Result<TokenStream> {
    let Some(((name, method, gets), is_async)) = find(table, key) else { return Ok(TokenStream::new()) };
    let (group, this) = (private("group"), private("this"));
    let arguments = key.arguments()?;
    let (period, path) = match (&arguments[..], name) {
        ([period, path @ Expr::Path(_)], "scan") => (Some(period), path),
        (_, "scan") => {
            return Err(key.error("needs a period and a method: `scan(Scan::every(PERIOD), Self::tick)`"));
        }
        ([path @ Expr::Path(_)], _) => (None, path),
        _ => return Err(key.error(&format!("needs the path of a method: `{name} = Self::method`"))),
    };
    let gets: Vec<_> = gets.iter().map(|name| private(name)).collect();
    let method = if is_async { format_ident!("{method}_async") } else { format_ident!("{method}") };
    let receiver = if is_async { quote!(::std::sync::Arc::clone(&#this)) } else { quote!(&#this) };
    let hook = quote!({
        let #this = ::std::sync::Arc::clone(&#this);
        move |#(#gets),*| #path(#receiver, #(#gets),*)
    });
    let before: Vec<_> =
        pv.map(|pv| quote!(&#pv)).into_iter().chain(period.map(|period| quote!(#period))).collect();
    // What runs at the start and the stop of a group cannot be said wrongly.
    let done = if pv.is_some() || !gets.is_empty() { quote!(?;) } else { quote!(;) };
    Ok(quote!(#group.#method(#(#before,)* #hook)#done))
}
