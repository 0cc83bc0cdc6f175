//! `#[pv(...)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Error, Expr, Field, GenericArgument, Ident, LitStr, PathArguments, Result, Type};

use crate::field::Part;
use crate::hook::{self, private};
use crate::keys::Keys;
use crate::{check, keys::Key};

/// The `T` of a type `Outer<T>`.
pub(crate) fn inside<'a>(ty: &'a Type, outer: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == outer)?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
        }
        PathArguments::None | PathArguments::Parenthesized(_) => None,
    }
}

/// The first paragraph of a doc comment, as one line.
pub(crate) fn doc(field: &Field) -> Option<TokenStream> {
    let comments = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let text = |doc: &Attribute| check::text(&doc.meta.require_name_value().ok()?.value).map(LitStr::value);
    let comments: Vec<_> = comments.filter_map(text).collect();
    let lines = comments.iter().flat_map(|comment| comment.split('\n')).map(str::trim);
    let paragraph: Vec<_> =
        lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
    (!paragraph.is_empty()).then(|| {
        let doc = paragraph.join(" ");
        quote!(.doc(#doc))
    })
}

/// The name of a PV: the expression, and its text where that is known now.
pub(crate) struct Name {
    pub(crate) expr: TokenStream,
    pub(crate) known: Option<LitStr>,
}

/// Takes the name out of the keys; it is that of the field when none is given.
///
/// # Errors
/// When it cannot be the name of a PV.
pub(crate) fn name(keys: &mut Keys, ident: &Ident) -> Result<Name> {
    let Some(key) = keys.take("name")? else {
        let text = LitStr::new(&ident.unraw().to_string(), ident.span());
        check::name(&text)?;
        return Ok(Name { expr: quote!(#text), known: Some(text) });
    };
    let expr = key.value()?;
    match check::text(expr) {
        Some(text) => {
            check::name(text)?;
            Ok(Name { expr: quote!(#text), known: Some(text.clone()) })
        }
        None => Ok(Name { expr: quote!(::core::convert::AsRef::<str>::as_ref(&(#expr))), known: None }),
    }
}

/// The first value, so that a text may be written `"x"` and an array `[1, 2]`.
pub(crate) fn value(keys: &mut Keys) -> Result<Option<TokenStream>> {
    let Some(key) = keys.take("value")? else { return Ok(None) };
    Ok(Some(match key.value()? {
        text if check::text(text).is_some() => quote!(::core::convert::Into::into(#text)),
        Expr::Array(array) => {
            let elements = array.elems.iter();
            quote!(::std::vec![#(#elements),*])
        }
        Expr::Repeat(array) => {
            let (element, len) = (&array.expr, &array.len);
            quote!(::std::vec![#element; #len])
        }
        other => quote!(#other),
    }))
}

/// The calls for the keys that are the builder's own.
///
/// # Errors
/// When a literal in them cannot be.
pub(crate) fn calls(keys: &Keys) -> Result<TokenStream> {
    keys.iter().map(|key| check::key(key).and_then(|()| key.call())).collect()
}

/// # Errors
/// When puts to a PV that takes none have a hook.
pub(crate) fn check_rights(keys: &Keys, hooks: &[Key]) -> Result<()> {
    let put = hooks.iter().find(|hook| hook.name.to_string().starts_with("put"));
    match put.filter(|_| keys.has("read_only")) {
        Some(put) => Err(put.error("never runs: the PV is `read_only`")),
        None => Ok(()),
    }
}

/// The call for a PV that is the field of a record.
fn of_record(of: &Key, held: &Type, keys: &mut Keys) -> Result<TokenStream> {
    let [record, field] = &of.arguments()?[..] else {
        return Err(of.error("needs a record and the name of a field: `field(motor, \"RBV\")`"));
    };
    if let Some(name) = keys.take("name")? {
        return Err(name.error("is that of the field"));
    }
    let Some(value) = value(keys)? else {
        return Err(of.error("needs a first value: `value = ..`"));
    };
    let group = private("group");
    Ok(quote!(#group.field::<#held, _>(&#record, #field, #value)))
}

/// # Errors
/// When a key is wrong.
pub(crate) fn part(field: &Field, ident: &Ident, mut keys: Keys) -> Result<Part> {
    let ty = &field.ty;
    let held = inside(ty, "Pv").ok_or_else(|| Error::new_spanned(ty, "a field with #[pv] is a `Pv<T>`"))?;
    let hooks = hook::take_of_pv(&mut keys);
    check_rights(&keys, &hooks)?;
    let (group, this) = (private("group"), private("this"));
    let (start, known) = match keys.take("field")? {
        Some(of) => (of_record(&of, held, &mut keys)?, None),
        None => {
            let Name { expr, known } = name(&mut keys, ident)?;
            let start = match value(&mut keys)? {
                Some(value) => quote!(#group.pv::<#held>(#expr, #value)),
                None => quote!(#group.pv_undefined::<#held>(#expr)),
            };
            (start, known)
        }
    };
    let (doc, calls) = (doc(field), calls(&keys)?);
    Ok(Part {
        make: quote!(let #ident: #ty = #start #doc #calls .add()?;),
        hooks: hook::of_pv(&hooks, &quote!(#this.#ident))?,
        names: known.into_iter().collect(),
        ..Part::served(ident)
    })
}
