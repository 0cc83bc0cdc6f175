//! Values in the config file.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// A value of any type.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ConfigValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number; also `nan` and `inf`.
    Number(f64),
    /// A text.
    Text(String),
    /// Several values.
    Array(Vec<ConfigValue>),
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Array(values) => write!(f, "an array of {}", values.len()),
        }
    }
}

/// A type that a value can become.
pub(super) trait FromConfig: Sized {
    /// What it is, for errors.
    const WHAT: &'static str;

    fn from_config(value: &ConfigValue) -> Option<Self>;
}

/// The value as `T`.
///
/// # Errors
/// With the rule, when it does not fit.
pub(super) fn convert<T: FromConfig>(value: &ConfigValue) -> Result<T, String> {
    T::from_config(value).ok_or_else(|| format!("the value {value} is not {}", T::WHAT))
}

macro_rules! whole {
    ($($rust:ty => $what:literal),+) => {$(
        impl FromConfig for $rust {
            const WHAT: &'static str = $what;

            fn from_config(value: &ConfigValue) -> Option<Self> {
                match value {
                    ConfigValue::Integer(number) => Self::try_from(*number).ok(),
                    _ => None,
                }
            }
        }
    )+};
}

whole!(u8 => "a whole number of 0 to 255", i16 => "a whole number of 16 bits", i32 => "a whole number of 32 bits");

impl FromConfig for f64 {
    const WHAT: &'static str = "a number";

    fn from_config(value: &ConfigValue) -> Option<Self> {
        match value {
            ConfigValue::Integer(number) => Some(*number as Self),
            ConfigValue::Number(number) => Some(*number),
            _ => None,
        }
    }
}

impl FromConfig for f32 {
    const WHAT: &'static str = "a number";

    fn from_config(value: &ConfigValue) -> Option<Self> {
        f64::from_config(value).map(|number| number as Self)
    }
}

impl FromConfig for bool {
    const WHAT: &'static str = "true or false";

    fn from_config(value: &ConfigValue) -> Option<Self> {
        match value {
            ConfigValue::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

impl FromConfig for String {
    const WHAT: &'static str = "a text";

    fn from_config(value: &ConfigValue) -> Option<Self> {
        match value {
            ConfigValue::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromConfig for crate::FixedString {
    const WHAT: &'static str = "a text of at most 39 bytes";

    fn from_config(value: &ConfigValue) -> Option<Self> {
        match value {
            ConfigValue::Text(text) if text.len() < 40 => Some(text.as_str().into()),
            _ => None,
        }
    }
}

impl<T: FromConfig> FromConfig for Vec<T> {
    const WHAT: &'static str = "an array of values of its type";

    fn from_config(value: &ConfigValue) -> Option<Self> {
        match value {
            ConfigValue::Array(values) => values.iter().map(T::from_config).collect(),
            _ => None,
        }
    }
}
