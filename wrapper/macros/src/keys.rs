//! What stands in an attribute: `flag`, `key = value` and `key(arguments)`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, Meta, Result, Token, parenthesized};

/// What a key was given.
pub(crate) enum Given {
    Flag,
    Value(Expr),
    List(TokenStream),
}

/// One entry of an attribute.
pub(crate) struct Key {
    pub(crate) name: Ident,
    pub(crate) given: Given,
}

impl Parse for Key {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        let given = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Given::Value(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let inside;
            parenthesized!(inside in input);
            Given::List(inside.parse()?)
        } else {
            Given::Flag
        };
        Ok(Self { name, given })
    }
}

impl Key {
    pub(crate) fn error(&self, rule: &str) -> Error {
        Error::new_spanned(&self.name, format!("`{}` {rule}", self.name))
    }

    /// The value of `key = value`.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn value(&self) -> Result<&Expr> {
        match &self.given {
            Given::Value(value) => Ok(value),
            Given::Flag | Given::List(_) => Err(self.error("needs a value: `key = value`")),
        }
    }

    /// The arguments of `key(a, b)`, the value of `key = a`, none of `key`.
    ///
    /// # Errors
    /// When they are no expressions.
    pub(crate) fn arguments(&self) -> Result<Vec<Expr>> {
        match &self.given {
            Given::Flag => Ok(Vec::new()),
            Given::Value(Expr::Tuple(tuple)) => Ok(tuple.elems.iter().cloned().collect()),
            Given::Value(value) => Ok(vec![value.clone()]),
            Given::List(list) => {
                let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
                Ok(parser.parse2(list.clone())?.into_iter().collect())
            }
        }
    }

    /// The keys inside of `key(...)`.
    ///
    /// # Errors
    /// When they are no keys.
    pub(crate) fn inner(&self) -> Result<Keys> {
        match &self.given {
            Given::List(list) => Keys::parse(list.clone()),
            Given::Flag | Given::Value(_) => Err(self.error("needs keys: `key(units = \"mm\")`")),
        }
    }

    /// The call of the builder's method of this name.
    ///
    /// # Errors
    /// Those of [`Key::arguments`].
    pub(crate) fn call(&self) -> Result<TokenStream> {
        let (name, arguments) = (&self.name, self.arguments()?);
        // Labels are taken as a slice.
        let reference =
            (name == "labels" && matches!(arguments.first(), Some(Expr::Array(_)))).then(|| quote!(&));
        Ok(quote!(.#name(#(#reference #arguments),*)))
    }
}

/// The entries of an attribute that nobody has taken yet.
#[derive(Default)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// # Errors
    /// When the attribute is not a list of keys.
    pub(crate) fn of(attribute: &Attribute) -> Result<Self> {
        match &attribute.meta {
            Meta::Path(_) => Ok(Self::default()),
            Meta::List(list) => Self::parse(list.tokens.clone()),
            Meta::NameValue(_) => {
                Err(Error::new_spanned(attribute, "keys stand in parentheses: `#[pv(units = \"mm\")]`"))
            }
        }
    }

    fn parse(tokens: TokenStream) -> Result<Self> {
        let keys = Punctuated::<Key, Token![,]>::parse_terminated.parse2(tokens)?;
        Ok(Self(keys.into_iter().collect()))
    }

    /// Takes the key of this name out.
    ///
    /// # Errors
    /// When it is said twice.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<Key>> {
        let mut found = self.0.extract_if(.., |key| key.name == name);
        let first = found.next();
        match found.next() {
            Some(second) => Err(second.error("is said twice")),
            None => Ok(first),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|key| key.name == name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// Takes the keys that `wanted` is true for.
    pub(crate) fn take_all(&mut self, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        self.0.extract_if(.., |key| wanted(key)).collect()
    }

    /// # Errors
    /// When a key is left; `known` says which there are.
    pub(crate) fn end(&self, known: &str) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(key) => Err(key.error(&format!("is not known here; there are {known}"))),
        }
    }
}
