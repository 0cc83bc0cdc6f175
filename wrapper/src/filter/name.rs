//! A PV name and what is written behind it.

/// A PV name cut into the name of PV and field, the long-string mark, and the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modifiers<'a> {
    /// The PV and its field: all in front of the first `$`, `[` or `{`.
    pub(crate) base: &'a str,
    /// True with a `$` behind the field: the text is wanted as the elements of a CHAR array.
    pub(crate) long_string: bool,
    /// What is left, for [`Filters::open`](super::Filters::open): `[..]`, `{..}`, both in this order, or nothing.
    pub(crate) filters: &'a str,
}

/// Cuts a name at its first modifier; no name of ours holds one of `$ [ ] { }`.
///
/// Whether the filters are well formed is found when they are opened, as base answers a search by record and
/// field alone.
pub(crate) fn split(name: &str) -> Modifiers<'_> {
    let (base, rest) = name.split_at(name.find(['$', '[', '{']).unwrap_or(name.len()));
    let filters = rest.strip_prefix('$');
    Modifiers { base, long_string: filters.is_some(), filters: filters.unwrap_or(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_its_first_modifier() {
        for (name, base, long_string, filters) in [
            ("X", "X", false, ""),
            ("", "", false, ""),
            ("X.VAL", "X.VAL", false, ""),
            ("X.$", "X.", true, ""),
            ("X$", "X", true, ""),
            ("X.VAL$", "X.VAL", true, ""),
            ("X.[2:4]", "X.", false, "[2:4]"),
            ("X[2:4]", "X", false, "[2:4]"),
            ("X.VAL$[0:3]", "X.VAL", true, "[0:3]"),
            ("X.VAL$[0:3]{arr:{}}", "X.VAL", true, "[0:3]{arr:{}}"),
            ("a:b.c.VAL{\"dbnd\":{\"abs\":1}}", "a:b.c.VAL", false, "{\"dbnd\":{\"abs\":1}}"),
            ("X.{\"a$[\":1}", "X.", false, "{\"a$[\":1}"),
            ("µ.[1]", "µ.", false, "[1]"),
            // Out of order: what is left does not open.
            ("X.[2:4]$", "X.", false, "[2:4]$"),
            ("X.$$", "X.", true, "$"),
        ] {
            let found = split(name);
            assert_eq!(found, Modifiers { base, long_string, filters }, "{name}");
        }
    }
}
