//! What a device is made with.

use serde::de::DeserializeOwned;

/// The `arguments` of a device in the config file.
#[derive(Clone, Debug, Default)]
pub struct Arguments(toml::Table);

impl From<toml::Table> for Arguments {
    fn from(table: toml::Table) -> Self {
        Self(table)
    }
}

impl Arguments {
    /// The settings of a device, by the names and types of the fields of `T`.
    ///
    /// ```
    /// #[derive(Default, serde::Deserialize)]
    /// #[serde(default, deny_unknown_fields)]
    /// struct Settings {
    ///     delay: f64,
    /// }
    /// let settings: Settings = wrapper::config::Arguments::default().parse()?;
    /// assert_eq!(settings.delay, 0.0);
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// With the rule, when one is unknown, missing or of the wrong type.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, String> {
        toml::Value::Table(self.0).try_into().map_err(|error: toml::de::Error| {
            format!("arguments: {}", error.message().trim_end().replace('\n', ": "))
        })
    }

    /// Nothing, for a device that takes no arguments.
    ///
    /// # Errors
    /// When there are some.
    pub fn none(self) -> Result<(), String> {
        match self.0.keys().next() {
            Some(key) => Err(format!("arguments: this kind of device takes none, not {key:?}")),
            None => Ok(()),
        }
    }
}
