//! The filters of a name as JSON5 writes them: names and settings, in the order written.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::error::FilterError;

/// The value of one setting.
#[derive(Clone, Debug, PartialEq)]
enum Setting {
    /// A number without fraction or exponent.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// A text in quotes.
    Text(String),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// Scalars only: whatever is nested deeper is refused where it opens, so hostile depth costs nothing.
struct SettingVisitor;

impl Visitor<'_> for SettingVisitor {
    type Value = Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a text")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Setting, E> {
        Ok(Setting::Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Setting, E> {
        Ok(i64::try_from(number).map_or(Setting::Number(number as f64), Setting::Whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Setting, E> {
        Ok(Setting::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Setting, E> {
        Ok(Setting::Text(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SettingVisitor)
    }
}

/// The entries of an object, in the order written.
struct Entries<V>(Vec<(String, V)>);

/// Collects the entries of an object.
struct EntriesVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<V> {
    type Value = Entries<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<V>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntriesVisitor(PhantomData))
    }
}

/// One filter as it is written.
pub(super) struct Written {
    /// The name of the filter.
    pub(super) name: String,
    settings: Vec<(String, Setting)>,
}

/// Reads the object; each filter stands in it once.
pub(super) fn parse(text: &str) -> Result<Vec<Written>, FilterError> {
    let Entries(filters) = json5::from_str::<Entries<Entries<Setting>>>(text)
        .map_err(|error| FilterError::Json(error.to_string()))?;
    if let Some(name) = twice(&filters) {
        return Err(FilterError::FilterTwice(name));
    }
    Ok(filters.into_iter().map(|(name, Entries(settings))| Written { name, settings }).collect())
}

/// The first key that stands a second time.
fn twice<V>(entries: &[(String, V)]) -> Option<String> {
    let again = |(at, (key, _)): &(usize, &(String, V))| entries[..*at].iter().any(|(known, _)| known == key);
    entries.iter().enumerate().find(again).map(|(_, (key, _))| key.clone())
}

impl Written {
    /// The settings, when all of them are `known` ones.
    pub(super) fn settings(
        self,
        filter: &'static str,
        known: &'static [&'static str],
    ) -> Result<Settings, FilterError> {
        if let Some(name) = twice(&self.settings) {
            return Err(FilterError::SettingTwice { filter, name });
        }
        // Base also takes the first letters of a name; a slip of the pen would then choose a filter.
        match self.settings.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(FilterError::UnknownSetting { filter, name: name.clone(), known }),
            None => Ok(Settings { filter, list: self.settings }),
        }
    }
}

/// The settings of one filter.
pub(super) struct Settings {
    filter: &'static str,
    list: Vec<(String, Setting)>,
}

impl Settings {
    /// The value of a setting that is written.
    fn find(&self, name: &str) -> Option<&Setting> {
        self.list.iter().find(|(known, _)| known == name).map(|(_, setting)| setting)
    }

    /// The error that `name` is not `wanted`.
    fn wrong(&self, name: &'static str, wanted: impl Into<String>) -> FilterError {
        let given = self.find(name).map_or_else(String::new, Setting::to_string);
        FilterError::Setting { filter: self.filter, name, given, wanted: wanted.into() }
    }

    /// A whole number of 32 bits; quoted ones count, as in base.
    pub(super) fn whole(&self, name: &'static str) -> Result<Option<i32>, FilterError> {
        let Some(setting) = self.find(name) else { return Ok(None) };
        let number = match setting {
            Setting::Whole(number) => i32::try_from(*number).ok(),
            Setting::Number(number) => Some(*number as i32).filter(|whole| f64::from(*whole) == *number),
            Setting::Text(text) => whole_number(text),
        };
        number.map(Some).ok_or_else(|| self.wrong(name, "a whole number of 32 bits"))
    }

    /// A number, not a NaN; quoted ones count, as in base.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<f64>, FilterError> {
        let Some(setting) = self.find(name) else { return Ok(None) };
        let number = match setting {
            Setting::Whole(number) => Some(*number as f64),
            Setting::Number(number) => Some(*number),
            Setting::Text(text) => text.trim().parse().ok(),
        };
        let number = number.filter(|number| !number.is_nan());
        number.map(Some).ok_or_else(|| self.wrong(name, "a number"))
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.find(name).map(|setting| match setting {
            Setting::Text(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// One of the words.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<T>, FilterError> {
        let Some(setting) = self.find(name) else { return Ok(None) };
        let meant = |(word, _): &&(&str, T)| matches!(setting, Setting::Text(text) if text == word);
        match choices.iter().find(meant) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                Err(self.wrong(name, format!("one of {words:?}")))
            }
        }
    }

    /// The error that a setting is out of its range.
    pub(super) fn refuse(&self, name: &'static str, wanted: &'static str) -> FilterError {
        self.wrong(name, wanted)
    }

    /// The error that a setting is not there.
    pub(super) fn missing(&self, name: &'static str) -> FilterError {
        FilterError::Missing { filter: self.filter, name }
    }
}

/// A whole number of 32 bits as C reads it: blanks and a sign in front, `0x` for hexadecimal, `0` for octal.
pub(super) fn whole_number(text: &str) -> Option<i32> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    // `from_str_radix` would take a second sign.
    if !digits.starts_with(|digit: char| digit.is_digit(radix)) {
        return None;
    }
    let number = i64::from_str_radix(digits, radix).ok()?;
    i32::try_from(if negative { -number } else { number }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_c_reads_them() {
        for (text, wanted) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("+7", Some(7)),
            (" 7", Some(7)),
            ("0", Some(0)),
            ("010", Some(8)),
            ("0x10", Some(16)),
            ("-0X1f", Some(-31)),
            ("2147483647", Some(i32::MAX)),
            ("-2147483648", Some(i32::MIN)),
            ("2147483648", None),
            ("99999999999999999999", None),
            ("", None),
            ("-", None),
            ("--7", None),
            ("0x", None),
            ("0x+5", None),
            ("09", None),
            ("7 ", None),
            ("7a", None),
        ] {
            assert_eq!(whole_number(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn the_order_written_is_kept() {
        let names: Vec<_> = parse("{z:{},a:{},m:{}}").unwrap().into_iter().map(|w| w.name).collect();
        assert_eq!(names, ["z", "a", "m"]);
    }
}
