//! Mistakes that can be seen in literals.

use syn::{Error, Expr, ExprArray, ExprLit, Lit, LitStr, RangeLimits, Result, UnOp};

use crate::keys::Key;

const MAX_NAME: usize = 60;
const MAX_LABELS: usize = 16;
const MAX_LABEL: usize = 25;

/// The text of a literal.
pub(crate) fn text(expr: &Expr) -> Option<&LitStr> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}

/// # Errors
/// When no PV can have this name, whatever the prefix.
pub(crate) fn name(name: &LitStr) -> Result<()> {
    let text = name.value();
    if text.is_empty() {
        return Err(Error::new(name.span(), "a PV needs a name behind its prefix"));
    }
    // A macro has another length than its name.
    if text.contains('{') {
        return Ok(());
    }
    if text.len() > MAX_NAME {
        let rule =
            format!("a name has 1 to {MAX_NAME} bytes, this one has {} without its prefix", text.len());
        return Err(Error::new(name.span(), rule));
    }
    match text.chars().find(|c| c.is_whitespace() || c.is_control() || "$[]}".contains(*c)) {
        Some(bad) => Err(Error::new(name.span(), format!("a name must not have {bad:?}"))),
        None => Ok(()),
    }
}

/// # Errors
/// When two names of a struct are equal.
pub(crate) fn unique(names: &[LitStr]) -> Result<()> {
    for (at, name) in names.iter().enumerate() {
        if names[..at].iter().any(|other| other.value() == name.value()) {
            return Err(Error::new(name.span(), format!("the name {:?} is taken", name.value())));
        }
    }
    Ok(())
}

/// # Errors
/// When a key of a PV has a literal that cannot be.
pub(crate) fn key(key: &Key) -> Result<()> {
    let name = key.name.to_string();
    match key.arguments()?.first() {
        Some(Expr::Array(array)) if name == "labels" => labels(array),
        Some(limits) if name.ends_with("_limits") => crossed(limits),
        _ => Ok(()),
    }
}

fn labels(labels: &ExprArray) -> Result<()> {
    if let Some(extra) = labels.elems.iter().nth(MAX_LABELS) {
        let rule = format!("{} labels, at most {MAX_LABELS} fit", labels.elems.len());
        return Err(Error::new_spanned(extra, rule));
    }
    let long = labels.elems.iter().filter_map(text).find(|label| label.value().len() > MAX_LABEL);
    match long {
        None => Ok(()),
        Some(label) => {
            let rule = format!("a label of {} bytes, {MAX_LABEL} fit", label.value().len());
            Err(Error::new(label.span(), rule))
        }
    }
}

fn crossed(limits: &Expr) -> Result<()> {
    let Expr::Range(range) = limits else { return Ok(()) };
    if matches!(range.limits, RangeLimits::HalfOpen(_)) {
        return Err(Error::new_spanned(range, "limits are given with both ends: `low..=high`"));
    }
    let ends = (range.start.as_deref().and_then(number), range.end.as_deref().and_then(number));
    match ends {
        (Some(low), Some(high)) if low >= high => {
            Err(Error::new_spanned(range, "the lower limit must be below the upper one"))
        }
        _ => Ok(()),
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => number(&unary.expr).map(|number| -number),
        Expr::Paren(inside) => number(&inside.expr),
        Expr::Group(inside) => number(&inside.expr),
        _ => None,
    }
}
