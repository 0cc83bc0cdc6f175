//! The table of devices and PVs, as `seqioc list --json` and `--list-pvs=json` of any IOC print it.

use serde::Deserialize;

/// Why a table is refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is not JSON, or not of this form.
    #[error("not a table of PVs: {0}")]
    Form(#[from] serde_json::Error),
    /// A name cannot be written into a file that clients read.
    #[error("name {name:?} of device {device:?}: {rule}")]
    Name {
        /// The device.
        device: String,
        /// The name.
        name: String,
        /// What it must be.
        rule: &'static str,
    },
}

/// Devices with their PVs.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Table {
    /// In the order in which they start.
    pub devices: Vec<Device>,
}

/// A device.
#[derive(Clone, Debug, Deserialize)]
pub struct Device {
    /// Its name.
    #[serde(rename = "device")]
    pub name: String,
    /// What its PVs begin with.
    pub prefix: String,
    /// What it is.
    #[serde(default)]
    pub about: String,
    /// What it can be told.
    #[serde(default)]
    pub commands: Vec<Command>,
    /// Its PVs.
    pub pvs: Vec<Pv>,
}

/// A command of a device.
#[derive(Clone, Debug, Deserialize)]
pub struct Command {
    /// How it is called.
    pub call: String,
    /// What it does.
    pub doc: String,
}

/// Element type of a PV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text of any length.
    Text,
    /// At most 39 bytes.
    String,
    /// One of the labels.
    Enum,
    /// Bytes.
    Char,
    /// 16 bits.
    Short,
    /// 32 bits.
    Long,
    /// 32 bits, floating.
    Float,
    /// 64 bits, floating.
    Double,
}

impl Kind {
    /// It is shown as text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::String)
    }
}

/// Whether clients may put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// They may.
    Rw,
    /// They may not.
    Ro,
}

/// A PV.
#[derive(Clone, Debug, Deserialize)]
pub struct Pv {
    /// Full name.
    pub name: String,
    /// Element type.
    pub pv_type: Kind,
    /// It has more than one element, or may have.
    pub array: bool,
    /// Whether clients may put.
    pub access: Access,
    /// A put completes when a command or a hook has ended.
    #[serde(default)]
    pub completes: bool,
    /// For few people.
    #[serde(default)]
    pub detail: bool,
    /// Engineering units.
    #[serde(default)]
    pub units: String,
    /// Labels of an enum.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Range of puts.
    #[serde(default)]
    pub control_limits: Option<[f64; 2]>,
    /// The number that it starts with.
    #[serde(default)]
    pub start: Option<f64>,
    /// What it is.
    #[serde(default)]
    pub doc: String,
}

impl Pv {
    /// The name within its group.
    pub(crate) fn tail(&self) -> &str {
        split(&self.name).1
    }

    pub(crate) fn writable(&self) -> bool {
        self.access == Access::Rw
    }

    /// An array of numbers that is neither bytes nor text.
    pub(crate) fn is_curve(&self) -> bool {
        self.array && !self.pv_type.is_text() && self.pv_type != Kind::Char
    }
}

/// The prefix of a PV's group, and its name there: the last dot or colon ends the prefix.
pub(crate) fn split(name: &str) -> (&str, &str) {
    match name.rfind(['.', ':']) {
        Some(at) if at + 1 < name.len() => name.split_at(at + 1),
        _ => ("", name),
    }
}

impl Table {
    /// Reads a table.
    ///
    /// ```
    /// let text = r#"[{"device": "lab", "prefix": "lab:", "pvs": [
    ///     {"name": "lab:x", "pv_type": "double", "array": false, "access": "rw"}]}]"#;
    /// let table = screens::Table::parse(text)?;
    /// assert_eq!(screens::screens(&table)[0].name, "lab.bob");
    /// # Ok::<(), screens::TableError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is no such table, or a PV has a name that clients cannot connect to.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let table: Self = serde_json::from_str(text)?;
        for device in &table.devices {
            for pv in &device.pvs {
                check(device, &pv.name)?;
            }
        }
        Ok(table)
    }

    /// The PVs of all devices.
    pub fn pv_count(&self) -> usize {
        self.devices.iter().map(|device| device.pvs.len()).sum()
    }
}

fn check(device: &Device, name: &str) -> Result<(), TableError> {
    let rule = if name.is_empty() {
        "must not be empty"
    } else if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        "must have no blanks or control characters"
    } else if name.contains("$(") || name.contains("${") {
        "must have no $( or ${, which screens take for macros"
    } else {
        return Ok(());
    };
    Err(TableError::Name { device: device.name.clone(), name: name.to_owned(), rule })
}
