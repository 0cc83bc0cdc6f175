//! The config file of an IOC: devices, and plain PVs without code.
//!
//! ```
//! use wrapper::config::ConfigFile;
//! let file = ConfigFile::parse("lab.toml", r#"
//! [[pv]]
//! name = "lab:temperature"
//! value = 21.5
//! units = "C"
//! alarm_limits = [0, 60]
//!
//! [[group]]
//! prefix = "lab:{shutter}:"
//! macros = { shutter = "S1" }
//! [[group.pv]]
//! name = "state"
//! labels = ["Closed", "Open"]
//! "#)?;
//! assert_eq!(wrapper::Ioc::builder().group(file.group()?).names(), ["lab:temperature", "lab:S1:state"]);
//! # Ok::<(), wrapper::config::ConfigError>(())
//! ```

mod arguments;
mod pv;
mod services;
mod value;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

pub use arguments::Arguments;
pub use pv::PvTable;
pub use services::{AutosaveTable, SavedFields, StatusTable};
pub use value::ConfigValue;

use crate::device::RestartPolicy;
use crate::group::{GroupBuilder, GroupError};

/// Why a config file is refused: where, and the rule.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{file}:{line}: {reason}")]
    Wrong {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and the rule.
        reason: String,
    },
}

/// A device of the config file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceTable {
    /// Kind of device; the name of the table without it.
    pub kind: Option<String>,
    /// Prefix of its PVs; that of the kind without it.
    pub prefix: Option<String>,
    /// What the kind of device takes.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ConfigValue>")]
    pub arguments: toml::Table,
    /// When it is started again after a failure.
    #[serde(default)]
    pub restart: RestartTable,
}

/// When a device that has failed is started again.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartTable {
    /// How often in a row, 0 for never; without end without it.
    pub limit: Option<u32>,
    /// Seconds from the first failure to the next start, 0.2 without it; it doubles with each failure in a row.
    pub back_off: Option<f64>,
}

impl RestartTable {
    /// The policy.
    ///
    /// # Errors
    /// With the rule, when the time is none.
    pub fn policy(self) -> Result<RestartPolicy, String> {
        let mut policy = RestartPolicy::default();
        if let Some(limit) = self.limit {
            policy = policy.limit(limit);
        }
        match self.back_off {
            None => Ok(policy),
            Some(seconds) if (0.001..=86_400.0).contains(&seconds) => {
                Ok(policy.back_off(Duration::from_secs_f64(seconds)))
            }
            Some(seconds) => Err(format!("restart: back_off {seconds} is outside 0.001..=86400 s")),
        }
    }
}

/// PVs with a common prefix.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupTable {
    /// Stands before the names of its PVs; `{name}` is replaced by the macro.
    pub prefix: String,
    /// Values of macros.
    #[serde(default)]
    pub macros: BTreeMap<String, String>,
    /// Its PVs.
    #[serde(default)]
    #[schemars(with = "Vec<PvTable>")]
    pub pv: Vec<Spanned<PvTable>>,
}

/// All tables of the file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Config file of seqioc")]
struct Tables {
    /// Devices by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, DeviceTable>")]
    device: BTreeMap<String, Spanned<DeviceTable>>,
    /// Plain PVs.
    #[serde(default)]
    #[schemars(with = "Vec<PvTable>")]
    pv: Vec<Spanned<PvTable>>,
    /// Plain PVs with common prefixes.
    #[serde(default)]
    #[schemars(with = "Vec<GroupTable>")]
    group: Vec<Spanned<GroupTable>>,
    /// Where and how PVs are saved; not at all without it.
    #[schemars(with = "Option<AutosaveTable>")]
    autosave: Option<Spanned<AutosaveTable>>,
    /// The status PVs; unlisted behind the prefix of the first device without it.
    status: Option<StatusTable>,
}

/// A config file that was read.
#[derive(Debug)]
pub struct ConfigFile {
    name: String,
    text: String,
    tables: Tables,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or a key is unknown, missing, or of the wrong type.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text),
            Err(source) => Err(ConfigError::Read { file: name, source }),
        }
    }

    /// Reads a text; `name` stands in errors.
    ///
    /// # Errors
    /// When a key is unknown, missing, or of the wrong type.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let tables = toml::from_str(text).map_err(|error| ConfigError::Wrong {
            file: name.to_owned(),
            line: line(text, error.span()),
            reason: error.message().trim_end().replace('\n', ": "),
        })?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), tables })
    }

    /// The devices by name.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &DeviceTable)> {
        self.tables.device.iter().map(|(name, table)| (name.as_str(), table.get_ref()))
    }

    /// The error that something is wrong with a device.
    pub fn device_error(&self, name: &str, reason: impl std::fmt::Display) -> ConfigError {
        let span = self.tables.device.get(name).map(Spanned::span);
        self.wrong(span, format!("device {name:?}: {reason}"))
    }

    /// All plain PVs, in one group without prefix.
    ///
    /// # Errors
    /// When one cannot be: its name is taken, a value does not fit its type, limits are crossed.
    pub fn group(&self) -> Result<GroupBuilder, ConfigError> {
        let mut all = GroupBuilder::new("");
        for pv in &self.tables.pv {
            pv.get_ref().declare(&mut all).map_err(|error| self.wrong(Some(pv.span()), error))?;
        }
        for group in &self.tables.group {
            let table = group.get_ref();
            let mut faulty = group.span();
            all.group_with(&table.prefix, &table.macros, |inner| {
                table.pv.iter().try_for_each(|pv| {
                    faulty = pv.span();
                    pv.get_ref().declare(inner)
                })
            })
            .map_err(|error: GroupError| self.wrong(Some(faulty), error))?;
        }
        Ok(all)
    }

    fn wrong(&self, span: Option<Range<usize>>, reason: impl std::fmt::Display) -> ConfigError {
        let line = line(&self.text, span);
        ConfigError::Wrong { file: self.name.clone(), line, reason: reason.to_string() }
    }

    /// The JSON schema of config files, for editors that check them.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Tables).to_value()
    }
}

/// The line of a place in the text, from 1.
fn line(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start.min(text.len()));
    1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests;
