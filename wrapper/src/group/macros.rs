//! Macros in prefixes and names: `{name}`, with `{{` and `}}` for braces.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::GroupBuilder;

/// Values by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Macros(Arc<BTreeMap<String, String>>);

impl Macros {
    /// The text with each `{name}` replaced, once.
    ///
    /// # Errors
    /// With the rule, when a macro has no value or a brace has no partner.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            expanded.push_str(&rest[..at]);
            let tail = &rest[at..];
            rest = if tail.starts_with("{{") || tail.starts_with("}}") {
                expanded.push_str(&tail[..1]);
                &tail[2..]
            } else if let Some((name, behind)) =
                tail.strip_prefix('{').and_then(|inside| inside.split_once('}'))
            {
                let value = self.0.get(name).ok_or_else(|| format!("there is no macro {name:?}"))?;
                expanded.push_str(value);
                behind
            } else {
                return Err("a brace has no partner; {{ and }} stand for braces".to_owned());
            };
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

impl GroupBuilder {
    /// A group whose prefix and names may have macros: `{name}` stands for its value.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let mut group = GroupBuilder::with_macros("{beamline}:", [("beamline", "XF31ID"), ("axis", "x")])?;
    /// assert_eq!(group.pv("{axis}.VAL", 0.0).add()?.name(), "XF31ID:x.VAL");
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    ///
    /// # Errors
    /// When the prefix has a macro without a value.
    pub fn with_macros<K: Into<String>, V: Into<String>>(
        prefix: &str,
        macros: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, super::GroupError> {
        let macros = macros.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let macros = Macros(Arc::new(macros));
        let expanded = macros.expand(prefix).map_err(|rule| super::GroupError::new(prefix, rule))?;
        Ok(Self { macros, ..Self::new(expanded) })
    }

    /// As [`GroupBuilder::group`], with further macros for the prefix and the names in it.
    ///
    /// # Errors
    /// Those of `build`; when the prefix has a macro without a value.
    pub fn group_with<R>(
        &mut self,
        prefix: &str,
        macros: &BTreeMap<String, String>,
        build: impl FnOnce(&mut Self) -> Result<R, super::GroupError>,
    ) -> Result<R, super::GroupError> {
        let outer = self.macros.clone();
        let all = outer.0.iter().chain(macros).map(|(name, value)| (name.clone(), value.clone()));
        self.macros = Macros(Arc::new(all.collect()));
        let built = self.group(prefix, build);
        self.macros = outer;
        built
    }

    /// The value of a macro.
    pub fn macro_value(&self, name: &str) -> Option<&str> {
        self.macros.0.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, String> {
        let values = [("a", "1"), ("b", "{a}")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Macros(Arc::new(values.into())).expand(text)
    }

    #[test]
    fn macros_are_replaced_once_and_double_braces_are_braces() {
        assert_eq!(expand("x{a}:{b}{a}"), Ok("x1:{a}1".to_owned()));
        assert_eq!(expand("{{a}}"), Ok("{a}".to_owned()));
        assert_eq!(expand(""), Ok(String::new()));
    }

    #[test]
    fn an_unknown_macro_and_a_lonely_brace_are_named() {
        assert_eq!(expand("{c}"), Err("there is no macro \"c\"".to_owned()));
        assert!(expand("a{").unwrap_err().contains("no partner"));
        assert!(expand("a}").unwrap_err().contains("no partner"));
    }
}
