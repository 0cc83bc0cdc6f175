//! A plain PV of the config file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::services::SavedFields;
use super::value::{ConfigValue, FromConfig, convert};
use crate::group::{GroupBuilder, GroupError, PvBuilder};
use crate::pv_type::{Choice, PvType};
use crate::{AlarmSeverity, FixedString};

/// Element type of a PV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Off and On.
    Bool,
    /// 8 bits without sign; arrays only.
    Byte,
    /// 16 bits.
    Short,
    /// 32 bits.
    Long,
    /// 32 bits.
    Float,
    /// 64 bits.
    Double,
    /// At most 39 bytes.
    String,
    /// A text of any length.
    Text,
    /// One of the labels.
    Enum,
}

/// Who may put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Everybody.
    #[default]
    Rw,
    /// Nobody.
    Ro,
}

/// How bad an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// No alarm.
    None,
    /// To be seen to.
    Minor,
    /// To be seen to at once.
    Major,
    /// The value means nothing.
    Invalid,
}

impl From<Severity> for AlarmSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::None => Self::NoAlarm,
            Severity::Minor => Self::Minor,
            Severity::Major => Self::Major,
            Severity::Invalid => Self::Invalid,
        }
    }
}

/// A plain PV.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PvTable {
    /// Name, behind the prefix of its group.
    pub name: String,
    /// Element type; without it that of the value: long, double, bool, text, enum where there are labels.
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    /// First value; without it the PV is undefined (UDF, INVALID) until the first put.
    pub value: Option<ConfigValue>,
    /// Makes an array of up to so many elements, a text of so many bytes.
    pub max_length: Option<usize>,
    /// Engineering units.
    pub units: Option<String>,
    /// Decimals shown.
    pub precision: Option<u8>,
    /// Range for displays.
    pub display_limits: Option<[f64; 2]>,
    /// Range that a put may ask for.
    pub control_limits: Option<[f64; 2]>,
    /// From these limits on the value is a MAJOR alarm.
    pub alarm_limits: Option<[f64; 2]>,
    /// From these limits on the value is a MINOR alarm.
    pub warning_limits: Option<[f64; 2]>,
    /// Record type whose fields it serves: `ai`, `bo`, and so on.
    pub record: Option<String>,
    /// Way back that a value goes before an alarm ends (HYST).
    pub hysteresis: Option<f64>,
    /// Its alarm group: members show the worst alarm of all, within this table of PVs.
    pub alarm_group: Option<String>,
    /// Alarm severity of each label.
    pub state_severities: Option<Vec<Severity>>,
    /// Alarm severity of a change of state (COSV).
    pub change_severity: Option<Severity>,
    /// Change that is told to monitors (MDEL), and to archivers (ADEL).
    pub deadbands: Option<[f64; 2]>,
    /// Labels of an enum, at most 16 of 25 bytes.
    pub labels: Option<Vec<String>>,
    /// Who may put.
    #[serde(default)]
    pub access: Access,
    /// Publishes equal values too.
    #[serde(default)]
    pub every_post: bool,
    /// Updates that wait for a slow client.
    pub feed_depth: Option<u16>,
    /// Saves the value, or a list of fields, where the IOC runs with autosave.
    pub autosave: Option<SavedFields>,
    /// What it is.
    #[serde(default)]
    pub doc: String,
    /// Other full names.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl PvTable {
    /// Adds the PV to a group.
    pub(super) fn declare(&self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let array = match &self.value {
            Some(ConfigValue::Array(_)) => true,
            _ => self.max_length.is_some() && !matches!(self.kind(), Some(Kind::Text)),
        };
        match (self.kind(), array) {
            (None, _) => Err(self.error("it needs a type or a value")),
            (Some(Kind::Bool), false) => self.add::<bool>(group),
            (Some(Kind::Short), false) => self.add::<i16>(group),
            (Some(Kind::Long), false) => self.add::<i32>(group),
            (Some(Kind::Float), false) => self.add::<f32>(group),
            (Some(Kind::Double), false) => self.add::<f64>(group),
            (Some(Kind::String), false) => self.add::<FixedString>(group),
            (Some(Kind::Text), false) => self.add::<String>(group),
            (Some(Kind::Enum), false) => self.add_choice(group),
            (Some(Kind::Byte), true) => self.add::<Vec<u8>>(group),
            (Some(Kind::Short), true) => self.add::<Vec<i16>>(group),
            (Some(Kind::Long), true) => self.add::<Vec<i32>>(group),
            (Some(Kind::Float), true) => self.add::<Vec<f32>>(group),
            (Some(Kind::Double), true) => self.add::<Vec<f64>>(group),
            (Some(Kind::String), true) => self.add::<Vec<FixedString>>(group),
            (Some(Kind::Byte), false) => Err(self.error("bytes come as arrays: give max_length")),
            (Some(kind @ (Kind::Bool | Kind::Text | Kind::Enum)), true) => {
                Err(self.error(&format!("there are no arrays of {kind:?}").to_lowercase()))
            }
        }
    }

    /// The type that is written, or that of the value.
    fn kind(&self) -> Option<Kind> {
        fn of(value: &ConfigValue) -> Option<Kind> {
            match value {
                ConfigValue::Bool(_) => Some(Kind::Bool),
                ConfigValue::Integer(_) => Some(Kind::Long),
                ConfigValue::Number(_) => Some(Kind::Double),
                ConfigValue::Text(_) => Some(Kind::Text),
                ConfigValue::Array(values) if values.iter().any(|v| of(v) == Some(Kind::Double)) => {
                    Some(Kind::Double)
                }
                ConfigValue::Array(values) => match of(values.first()?) {
                    Some(Kind::Text) => Some(Kind::String),
                    kind => kind,
                },
            }
        }
        let labels = self.labels.as_ref().map(|_| Kind::Enum);
        self.kind.or(labels).or_else(|| self.value.as_ref().and_then(of))
    }

    fn error(&self, rule: &str) -> GroupError {
        GroupError::new(&self.name, rule)
    }

    fn add<T: PvType + FromConfig>(&self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let builder = match &self.value {
            Some(value) => group.pv(&self.name, convert::<T>(value).map_err(|rule| self.error(&rule))?),
            None => group.pv_undefined::<T>(&self.name),
        };
        self.finish(builder)
    }

    fn add_choice(&self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let labels = self.labels.as_deref().unwrap_or_default();
        let index = match &self.value {
            None => return self.finish(group.pv(&self.name, Choice(0))),
            Some(ConfigValue::Integer(index)) => u16::try_from(*index).ok(),
            Some(ConfigValue::Text(label)) => {
                labels.iter().position(|known| known == label).map(|at| at as u16)
            }
            Some(_) => None,
        };
        match index.filter(|index| usize::from(*index) < labels.len()) {
            Some(index) => self.finish(group.pv(&self.name, Choice(index))),
            None => Err(self.error("the value of an enum is one of its labels, or its index")),
        }
    }

    fn finish<T: PvType>(&self, mut builder: PvBuilder<'_, T>) -> Result<(), GroupError> {
        let range = |[low, high]: [f64; 2]| low..=high;
        macro_rules! set {
            ($($field:ident $(: $change:expr)?),+ $(,)?) => {$(
                if let Some(value) = self.$field.clone() {
                    $(let value = $change(value);)?
                    builder = builder.$field(value);
                }
            )+};
        }
        set!(
            max_length,
            precision,
            feed_depth,
            hysteresis,
            change_severity: AlarmSeverity::from,
            display_limits: range,
            control_limits: range,
            alarm_limits: range,
            warning_limits: range,
        );
        if let Some(units) = &self.units {
            builder = builder.units(units);
        }
        if let Some(record) = &self.record {
            builder = builder.record(record);
        }
        if let Some(group) = &self.alarm_group {
            builder = builder.alarm_group(group);
        }
        if let Some(severities) = &self.state_severities {
            builder = builder.state_severities(&severities.iter().map(|s| (*s).into()).collect::<Vec<_>>());
        }
        if let Some([value, log]) = self.deadbands {
            builder = builder.deadbands(value, log);
        }
        if let Some(labels) = &self.labels {
            builder = builder.labels(&labels.iter().map(String::as_str).collect::<Vec<_>>());
        }
        if self.access == Access::Ro {
            builder = builder.read_only();
        }
        if self.every_post {
            builder = builder.every_post();
        }
        builder = match &self.autosave {
            Some(SavedFields::Value(true)) => builder.autosave(),
            Some(SavedFields::Fields(fields)) => builder.autosave_fields(fields),
            Some(SavedFields::Value(false)) | None => builder,
        };
        builder = self.aliases.iter().fold(builder, |builder, alias| builder.alias(alias));
        builder.doc(&self.doc).add().map(drop)
    }
}
