//! Autosave and status in the config file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, ConfigFile};
use crate::autosave::Autosave;
use crate::ioc::IocBuilder;

/// What of a PV is saved.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SavedFields {
    /// The value, or nothing.
    Value(bool),
    /// These fields; the value is `VAL`.
    Fields(Vec<String>),
}

/// Where and how PVs are saved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutosaveTable {
    /// Folder of the files, from that of the config file on.
    pub dir: PathBuf,
    /// Seconds between two saves at least, 5 without it.
    pub period: Option<f64>,
    /// Backups that stay, 10 without it; 0 for none.
    pub backups: Option<usize>,
    /// Days for which a backup stays, 30 without it.
    pub keep_days: Option<f64>,
    /// Restores values by puts, which hooks and devices see.
    #[serde(default)]
    pub run_hooks: bool,
}

/// The status PVs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusTable {
    /// Their prefix, or `off`.
    pub prefix: String,
}

impl AutosaveTable {
    fn settings(&self, file: &str) -> Result<Autosave, String> {
        let path = Path::new(file);
        let dir = path.parent().unwrap_or(Path::new("")).join(&self.dir);
        let mut settings = Autosave::new(dir);
        if let Some(period) = self.period {
            settings = settings.period(duration("period", period, 0.1..=86_400.0, "s", 1.0)?);
        }
        if let Some(days) = self.keep_days {
            settings = settings.keep(duration("keep_days", days, 0.01..=36_500.0, "days", 86_400.0)?);
        }
        if let Some(backups) = self.backups {
            settings = settings.backups(backups);
        }
        Ok(if self.run_hooks { settings.run_hooks() } else { settings })
    }
}

fn duration(
    key: &str,
    value: f64,
    range: std::ops::RangeInclusive<f64>,
    units: &str,
    seconds: f64,
) -> Result<Duration, String> {
    if range.contains(&value) {
        return Ok(Duration::from_secs_f64(value * seconds));
    }
    Err(format!("autosave: {key} {value} is outside {}..={} {units}", range.start(), range.end()))
}

impl ConfigFile {
    /// Adds the services of the file to an IOC: where it saves, under the name of the file, and where it tells its status.
    ///
    /// Flags of the command line go before them.
    ///
    /// # Errors
    /// With the rule, when a setting cannot be.
    pub fn services(&self, mut builder: IocBuilder) -> Result<IocBuilder, ConfigError> {
        let stem = Path::new(&self.name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        builder = builder.name_file(stem.as_deref().unwrap_or_default());
        if let Some(table) = &self.tables.autosave {
            let settings = table.get_ref().settings(&self.name);
            let settings = settings.map_err(|rule| self.wrong(Some(table.span()), rule))?;
            builder = builder.autosave(settings);
        }
        Ok(match &self.tables.status {
            Some(status) => builder.place_status(&status.prefix),
            None => builder,
        })
    }
}
