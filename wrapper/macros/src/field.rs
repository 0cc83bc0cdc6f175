//! What a field contributes to the function that builds its group.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Error, Expr, Field, Ident, LitStr, Result, Type};

use crate::hook::private;
use crate::keys::{Key, Keys};
use crate::pv::inside;
use crate::{check, pair, pv};

const ATTRIBUTES: [&str; 5] = ["pv", "pair", "group", "arg", "init"];

/// The code of one field.
#[derive(Default)]
pub(crate) struct Part {
    /// A parameter of the function.
    pub(crate) parameter: TokenStream,
    /// Makes the field, as a local variable of its name.
    pub(crate) make: TokenStream,
    /// Runs when the struct is there.
    pub(crate) hooks: TokenStream,
    /// Names of PVs that are known now.
    pub(crate) names: Vec<LitStr>,
    /// Set for what clients or other fields use, also where the methods of the author do not.
    pub(crate) served: Option<Ident>,
}

impl Part {
    pub(crate) fn served(ident: &Ident) -> Self {
        Self { served: Some(ident.clone()), ..Self::default() }
    }

    /// # Errors
    /// When an attribute is wrong.
    pub(crate) fn of(field: &Field) -> Result<Self> {
        let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "fields need names"))?;
        let kind = |attribute: &&Attribute| ATTRIBUTES.iter().any(|name| attribute.path().is_ident(name));
        let mut attributes = field.attrs.iter().filter(kind);
        let attribute = attributes.next();
        if let Some(second) = attributes.next() {
            return Err(Error::new_spanned(second, "a field has one of pv, pair, group, arg, init"));
        }
        match attribute {
            Some(pv) if pv.path().is_ident("pv") => pv::part(field, ident, Keys::of(pv)?),
            Some(pair) if pair.path().is_ident("pair") => pair::part(field, ident, Keys::of(pair)?),
            Some(group) if group.path().is_ident("group") => nested(field, ident, Keys::of(group)?),
            Some(arg) if arg.path().is_ident("arg") => argument(field, ident, arg),
            Some(init) => Ok(local(field, ident, &init.parse_args::<Expr>()?)),
            None if inside(&field.ty, "Pv").is_some() => pv::part(field, ident, Keys::default()),
            None if inside(&field.ty, "PvPair").is_some() => pair::part(field, ident, Keys::default()),
            None => Ok(local(field, ident, &syn::parse_quote!(::core::default::Default::default()))),
        }
    }
}

fn argument(field: &Field, ident: &Ident, attribute: &Attribute) -> Result<Part> {
    attribute.meta.require_path_only()?;
    let ty = &field.ty;
    Ok(Part { parameter: quote!(#ident: #ty,), ..Part::served(ident) })
}

fn local(field: &Field, ident: &Ident, value: &Expr) -> Part {
    let ty = &field.ty;
    Part { make: quote!(let #ident: #ty = #value;), ..Part::default() }
}

/// A group in this one: another struct, or what a closure makes.
fn nested(field: &Field, ident: &Ident, mut keys: Keys) -> Result<Part> {
    let (prefix, with, args) = (keys.take("prefix")?, keys.take("with")?, keys.take("args")?);
    keys.end("prefix, args, with")?;
    let make = match with {
        Some(with) => {
            if let Some(args) = args {
                return Err(args.error("are for a struct; a closure given by `with` sees all there is"));
            }
            by_closure(&field.ty, ident, prefix.as_ref(), &with)?
        }
        None => by_struct(&field.ty, ident, prefix.as_ref(), args.as_ref())?,
    };
    Ok(Part { make, ..Part::served(ident) })
}

fn prefix_text(prefix: &Key) -> Result<TokenStream> {
    let expr = prefix.value()?;
    Ok(match check::text(expr) {
        Some(text) => quote!(#text),
        None => quote!(::core::convert::AsRef::<str>::as_ref(&(#expr))),
    })
}

fn by_closure(ty: &Type, ident: &Ident, prefix: Option<&Key>, with: &Key) -> Result<TokenStream> {
    let (group, closure) = (private("group"), with.value()?);
    let made = match prefix.map(prefix_text).transpose()? {
        Some(prefix) => quote!(#group.group(#prefix, #closure)?),
        None => quote!(#group.with(#closure)?),
    };
    Ok(quote!(let #ident: #ty = #made;))
}

fn by_struct(ty: &Type, ident: &Ident, prefix: Option<&Key>, args: Option<&Key>) -> Result<TokenStream> {
    let inner = inside(ty, "Arc").ok_or_else(|| {
        Error::new_spanned(ty, "a group is an `Arc<Struct>`, or made by `with = |group| ..`")
    })?;
    let prefix = match prefix {
        Some(prefix) => prefix_text(prefix)?,
        None => {
            let text = format_ident!("{ident}").unraw().to_string() + ":";
            quote!(#text)
        }
    };
    let (group, args) = (private("group"), args.map(Key::arguments).transpose()?.unwrap_or_default());
    Ok(quote!(let #ident: #ty = #group.group(#prefix, |#group| <#inner>::build(#group, #(#args),*))?;))
}
